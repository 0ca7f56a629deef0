"""A run made one file that can be published, and such a file made figures again.

What was redacted may be said in the summary, so the summary and the report in a bundle are made of
the redacted raw files: whoever has the bundle has all that they were made of.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from harness.bundle import archive
from harness.bundle.archive import PACKED, Manifest
from harness.bundle.redaction import Redaction
from harness.controller.seals import as_it_is
from harness.controller.store import RunFolder
from harness.controller.version import version
from harness.errors import UsageError
from harness.orchestrator.reporting import report
from metrics.intake.lines import event_lines
from metrics.model.run_folder import MADE_AGAIN, SEAL, RunError, SealedFile, load_plan

Progress = Callable[[str], None]
TABLES = "tables"
_AT_TOP = ("*.json", "*.jsonl", "*.yml", "*.csv")
_REPORTED = ("summary.json", "report.html")
"""What a report makes of these kinds of files at the top of a run folder."""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a bundle's report when it was made again here.

    made_by, here: the versions of slotlab that made it, then and now. other: files that are not the
    same, or are on one side alone.
    """

    run: str
    files: int
    made_by: str
    here: str
    other: list[str]


def make(folder: RunFolder, target: Path, progress: Progress) -> Manifest:
    """Return the manifest of a run's bundle after writing that to target.

    Raises:
        UsageError: a file cannot be redacted, or has a name that the archive cannot hold.
        LockError: the run goes on.
        RunError: the plan is damaged.
    """
    with folder.held(), tempfile.TemporaryDirectory(prefix="slotlab-bundle-") as place:
        load_plan(folder.path)
        copy = Path(place) / folder.path.name
        _redacted(folder.path, copy, progress)
        report(copy, progress)
        found = _found(copy)
        tables = {name: said for name, said in found.items() if name.startswith(f"{TABLES}/")}
        files = {name: said for name, said in found.items() if name not in tables}
        manifest = Manifest(run=copy.name, made_by=version(), files=files, tables=tables)
        progress("packing")
        archive.write(copy, manifest, target)
    return manifest


def verify(path: Path, progress: Progress) -> Verified:
    """Return what is not the same after unpacking a bundle and making its report again.

    Raises:
        UsageError: it is no bundle, is not whole, or its plan is none.
    """
    with tempfile.TemporaryDirectory(prefix="slotlab-bundle-") as place:
        progress("unpacking")
        manifest = archive.unpack(path, Path(place))
        copy = Path(place) / manifest.run
        try:
            report(copy, progress)
        except RunError as error:
            inside = str(error).replace(f"{place}/", "")
            raise UsageError(f"{path}: {inside}") from error
        found, was = _found(copy), manifest.files | manifest.tables
    return Verified(
        run=manifest.run,
        files=len(manifest.files),
        made_by=manifest.made_by,
        here=version(),
        other=sorted(name for name in found.keys() | was if found.get(name) != was.get(name)),
    )


def _redacted(run: Path, copy: Path, progress: Progress) -> None:
    """Write all raw files of a run below copy, redacted, and events unpacked.

    A seal is left out, as its digests are of what was not redacted.
    """
    redaction = Redaction()
    for path in _raw(run):
        name = str(path.relative_to(run))
        progress(f"redacting {name}")
        target = copy / name.removesuffix(PACKED)
        if target.exists():
            raise UsageError(f"{path}: its host's events are there twice; remove one of the files")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            try:
                for piece in event_lines.pieces(path):
                    file.write(redaction.of(name, piece))
            except event_lines.Damage as error:
                raise UsageError(f"{path}: {error}: what is damaged is not published") from error


def _raw(run: Path) -> Iterator[Path]:
    """Yield the files that a report is made of, and those that say how the run was made."""
    top = [path for pattern in _AT_TOP for path in run.glob(pattern)]
    kept = [path for path in top if path.name not in _REPORTED]
    kept += [path for path in run.glob("trials/**/*") if path.name not in (SEAL, *MADE_AGAIN)]
    for path in sorted(kept):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield path


def _found(copy: Path) -> dict[str, SealedFile]:
    paths = sorted(path for path in copy.rglob("*") if path.is_file())
    return {str(path.relative_to(copy)): as_it_is(path) for path in paths}
