"""The tables of a run for whoever computes with them: DuckDB relations, data frames, columns."""

import glob
from collections.abc import Iterator
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import duckdb

from metrics.model.printable import printable
from metrics.model.run_folder import RunError, load_json
from metrics.results.written import tables, tidy
from metrics.results.written.tables import Described


class OpenedRun:
    """A run folder's tables: each is a view of `db` by its name, read from its file when asked.

    summary: what summary.json holds.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        paths = sorted((self.folder / "tables").glob("*.parquet"))
        if not paths:
            raise RunError(
                f"{self.folder}: no tables; make them with: slotlab report {self.folder}"
            )
        self.tables = [path.stem for path in paths]
        self.summary: dict[str, Any] = load_json(self.folder / "summary.json") or {}
        self.db = duckdb.connect()
        for path in paths:
            try:
                self._look(path)
            except duckdb.Error as error:
                raise RunError(
                    f"{path}: {printable(str(error)).splitlines()[0]}; "
                    f"make it anew with: slotlab report {self.folder}"
                ) from error

    def _look(self, path: Path) -> None:
        file = glob.escape(str(path)).replace("'", "''")
        self.db.execute(f"CREATE VIEW \"{path.stem}\" AS SELECT * FROM read_parquet('{file}')")

    def table(self, name: str) -> duckdb.DuckDBPyRelation:
        """Return a table as a relation.

        Raises:
            RunError: the run has none of that name.
        """
        if name not in self.tables:
            known = ", ".join(self.tables)
            raise RunError(f"{self.folder}: no table {name}; there are {known}")
        return self.db.table(name)

    def frame(self, name: str) -> Any:
        """Return a table as a pandas data frame.

        Raises:
            RunError: the run has none of that name, or pandas is not installed.
        """
        relation = self.table(name)
        if find_spec("pandas") is None:
            raise RunError("pandas is not installed: pip install pandas, or use table()")
        return relation.df()

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Return what a query over the tables, by their names, finds."""
        return self.db.sql(query)

    def about(self, name: str) -> Described:
        """Return what a row of a table is, and what each column it has here says."""
        known = tables.described().get(name, Described("", {}))
        return Described(known.about, dict(_said(self.table(name).columns, known)))

    def rows(self, name: str) -> int:
        """Return how many rows a table has."""
        return len(self.table(name))


def _said(columns: list[str], known: Described) -> Iterator[tuple[str, str]]:
    for column in columns:
        parameter = column.removeprefix(tidy.PARAMETER)
        said = known.columns.get(column, "")
        if not said and parameter != column:
            said = f"parameter {parameter} of the campaign's matrix"
        yield column, said
