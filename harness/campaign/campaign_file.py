"""Reads a campaign file: YAML in, one validated Campaign a matrix cell out, or one clear line.

`load` is the door. Errors read `campaign.yml: timeline[0].delay: 80 has no unit; write 80ms`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from harness.campaign import expectations, matrix, zones_spec
from harness.campaign.chain_spec import OF_HOSTS, foreign
from harness.campaign.matrix import used
from harness.campaign.model import SCHEMA, Campaign
from harness.campaign.problems import one_line
from harness.campaign.zones_spec import Matrix
from harness.controller.state_dir import CAMPAIGNS, shipped
from harness.errors import CampaignError, nearest
from harness.notation.yaml_strict import BadYamlError, StrictLoader, parse_yaml
from metrics.model.plan_checks import RESERVED

VARYING = ("chain", "load", "zones", "timeline")
"""Where `${name}` may stand."""
_OF_LAB = ("chain", "zones")
"""What is done to, and not what: cells that differ in these alone are drawn the same."""
_VARYING = f"{', '.join(VARYING[:-1])} and {VARYING[-1]}"
TRIALS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of the matrix: its values as written, by their paths, and the campaign.

    drawn_as: the first cell that differs in its chain or its zones alone. What is drawn is the same
    in both, so that the same happens to both.
    """

    n: int
    params: Mapping[str, Any]
    campaign: Campaign
    drawn_as: int


@dataclass(frozen=True, slots=True)
class CampaignFile:
    """A campaign as read: text for the record, cells for the plan (at least one).

    unused: the values of the matrix, by their paths, that stand for nothing anywhere. matrices: the
    files of round trips and losses between zones that it names.
    """

    name: str
    path: Path
    text: str
    cells: tuple[Cell, ...]
    unused: tuple[str, ...]
    matrices: Mapping[str, Matrix]

    @property
    def common(self) -> Campaign:
        """The campaign of the first cell; what no cell may vary is read from here."""
        return self.cells[0].campaign

    @property
    def beside(self) -> dict[str, str]:
        """The texts of the files that it names, which lie beside it wherever it is kept."""
        faults = [fault for cell in self.cells for fault in cell.campaign.faults.values()]
        traces = {trace.name: trace.text for fault in faults for trace in fault.traces}
        return traces | {name: matrix.text for name, matrix in self.matrices.items()}

    @property
    def resolved(self) -> dict[str, Any]:
        """What the first cell's campaign says with all defaults, as JSON has it."""
        return self.common.model_dump(mode="json", by_alias=True)


def find(name: str) -> Path:
    """Return the path of a campaign given as a path, or as the name of one that ships.

    Raises:
        CampaignError: there is no such file.
    """
    path = Path(name)
    if path.exists() and not path.is_dir():
        return path
    own = CAMPAIGNS / f"{name}.yml"
    if own.is_file():
        return own
    if path.is_dir():
        raise CampaignError(f"{name}: a directory; name a campaign file in it")
    raise CampaignError(f"{name}: no such campaign file; {nearest(name, shipped())}")


def load(path: Path) -> CampaignFile:
    """Return the campaign in the file at path, one cell a combination of its matrix.

    Raises:
        CampaignError: unreadable, not YAML, or not a campaign; one line with file, key and remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CampaignError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CampaignError(f"{path}: not text in UTF-8; write it as such") from error
    return parse(text, path)


def parse(text: str, path: Path) -> CampaignFile:
    """Return the campaign written in text; path is for messages and the name, and beside it lie
    the files of round trips that it names.
    """
    raw = _yaml(text, path)
    try:
        combinations = matrix.combinations(matrix.axes(raw.get("matrix") or {}))
    except ValueError as error:
        raise CampaignError(f"{path.name}: {error}") from error
    of_lab = matrix.variables([raw.get(key) for key in _OF_LAB])
    cells: list[Cell] = []
    firsts: dict[str, int] = {}
    for n, combination in enumerate(combinations, start=1):
        campaign = _validate(_fill(raw, combination, path), path)
        params = matrix.params(combination)
        others = {name: value for name, value in params.items() if not used(name, of_lab)}
        drawn_as = firsts.setdefault(str(others), n) if of_lab else n
        cells.append(Cell(n=n, params=params, campaign=campaign, drawn_as=drawn_as))
        _refuse_other_hosts(cells, path)
    _refuse_too_many(cells, path)
    named = matrix.variables([raw.get(key) for key in VARYING])
    unused = tuple(name for name in cells[0].params if not used(name, named))
    return CampaignFile(
        name=path.stem, path=path, text=text, cells=tuple(cells), unused=unused,
        matrices=_matrices(cells, path),
    )  # fmt: skip


def _refuse_too_many(cells: list[Cell], path: Path) -> None:
    """Refuse more trials than anybody would wait for."""
    repeat = cells[0].campaign.trials.repeat
    if repeat * len(cells) > TRIALS_MAX:
        problem = f"{repeat} of {len(cells)} cells; write {TRIALS_MAX // len(cells)} or less"
        raise CampaignError(f"{path.name}: trials.repeat: {problem}")


def _matrices(cells: list[Cell], path: Path) -> dict[str, Matrix]:
    """Return the files of round trips and losses between zones that the cells name."""
    specs = [cell.campaign.zones for cell in cells if cell.campaign.zones]
    found: dict[str, Matrix] = {}
    for key, figure in (("matrix", zones_spec.RTT), ("losses", zones_spec.LOSS)):
        try:
            for name in dict.fromkeys(filter(None, (getattr(spec, key) for spec in specs))):
                found[name] = zones_spec.find(name, path.parent, figure)
        except ValueError as error:
            raise CampaignError(f"{path.name}: zones.{key}: {error}") from error
    return found


def _refuse_other_hosts(cells: list[Cell], path: Path) -> None:
    """Refuse a cell whose chain has other hosts than the first one's, which are the plan's."""
    first, last = cells[0].campaign.chain, cells[-1].campaign.chain
    for key in OF_HOSTS:
        if getattr(first, key) != getattr(last, key):
            raise CampaignError(
                f"{path.name}: chain.{key}: is what all cells share; write one value, which each"
                " profile of the matrix knows"
            )


class CampaignLoader(StrictLoader):
    """YAML without surprises: `on` is a word, and the same key twice in one map is an error."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (the base declares it so)
        first: [pair for pair in pairs if first in "tTfF" or pair[0] != "tag:yaml.org,2002:bool"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _yaml(text: str, path: Path) -> dict[str, Any]:
    try:
        raw = parse_yaml(text, CampaignLoader)
    except BadYamlError as error:
        where = f"line {error.line}: " if error.line else ""
        raise CampaignError(f"{path.name}: {where}{error}") from error
    if not isinstance(raw, dict):
        raise CampaignError(f"{path.name}: not a campaign; begin with `schema: {SCHEMA}`")
    return raw


def _fill(raw: dict[str, Any], cell: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return raw with `${name}` replaced in the places that may vary.

    Where that is so of the chain's profile, keys that only another one knows are left out.
    """
    filled = dict(raw)
    for key, value in raw.items():
        if key in VARYING:
            try:
                filled[key] = matrix.replaced(value, cell, key)
            except ValueError as error:
                raise CampaignError(f"{path.name}: {error}") from error
        elif key != "matrix" and not str(key).startswith("x-") and matrix.variables(value):
            raise CampaignError(f"{path.name}: {key}: ${{...}} may stand in {_VARYING} only")
    chain = raw.get("chain")
    if isinstance(chain, dict) and matrix.variables(chain.get("profile")):
        own = filled["chain"]
        filled["chain"] = {key: own[key] for key in own if key not in foreign(own["profile"])}
    return filled


def _validate(raw: dict[str, Any], path: Path) -> Campaign:
    try:
        campaign = Campaign.model_validate(raw, context={"folder": path.parent})
    except ValidationError as error:
        raise CampaignError(f"{path.name}: {one_line(error)}") from error
    try:
        expectations.resolve(campaign.expect)
    except ValueError as error:
        raise CampaignError(f"{path.name}: expect.{error}") from error
    try:
        if campaign.regression:  # what figures there are, takes all metrics to tell
            expectations.check_figures(campaign.regression)
    except ValueError as error:
        raise CampaignError(f"{path.name}: regression.{error}") from error
    ids = [fault.id for fault in campaign.faults.values() if fault.id]
    for name in ids:
        if name in RESERVED:
            raise CampaignError(
                f"{path.name}: timeline: id {name} is a phase or a key already; choose another"
            )
        if ids.count(name) > 1:
            raise CampaignError(f"{path.name}: timeline: id {name} is given twice; rename one")
    return campaign
