"""The run folder: made once, only added to, with a `latest` link beside it.

Raw files (plan, provenance, trials) are written here; tables, summary and report are the metrics
room's and can be made again at any time.
"""

import contextlib
import fcntl
import importlib.metadata
import json
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from faults.model.record import PROVIDER
from harness.controller.version import digest_of, git
from harness.errors import LockError, StoreError, UsageError
from metrics.model.plan import Plan, encode
from metrics.model.run_folder import PREDICTION, SEAL, PredictionFile, TrialFile, trial_folder

ROOT = Path("runs")
SPARE_BYTES = 200_000_000
"""Room that must stay free beyond the estimate: tables, report, and other people's work."""

NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
"""What run folders are called."""
INTERRUPTED = "interrupted"
"""Folder of attempts at trials that did not end: kept, and never read for a figure."""
WHY_CHARACTERS = 200
CANCEL = "cancel.json"
"""Which trial is to end early, until its driver has seen that."""
MAKES_TRIALS = ("node", "faults", "harness/plan", "harness/sim")
"""Whose code decides what a trial is: the rest runs it, or judges it later."""

_PACKAGES = ("slotlab", "fabric", "ansible-core", "duckdb", "plotly", "pydantic", "msgspec")


class _Cancel(msgspec.Struct, frozen=True):
    trial: int
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=WHY_CHARACTERS)]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run on disk."""

    path: Path

    def check(self) -> None:
        """Check that the folder is still there: what is written into a new one is no run.

        Raises:
            StoreError: somebody removed it.
        """
        if not self.path.is_dir():
            raise StoreError(f"{self.path}: the run folder is gone, and with it this run")

    def _folder(self, trial: int, *parts: str) -> Path:
        self.check()
        folder = trial_folder(self.path, trial).joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def host(self, trial: int, host: str) -> Path:
        """Return the folder for one host's files of a trial, made if missing."""
        return self._folder(trial, "hosts", host)

    def provider(self, trial: int) -> Path:
        """Return the folder for the files of a trial's provider agent, made if missing."""
        return self._folder(trial, PROVIDER)

    def write_host(self, trial: int, host: str, files: Mapping[str, bytes]) -> None:
        """Write one host's files of a trial, by name.

        Raises:
            StoreError: they cannot be written.
        """
        with writing(self.path):
            for name, data in files.items():
                (self.host(trial, host) / name).write_bytes(data)

    def write_trial(self, record: TrialFile) -> None:
        """Write trial.json.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(self.path):
            write_json(self._folder(record.n) / "trial.json", msgspec.to_builtins(record))

    def put_aside(self, trial: int) -> Path | None:
        """Move what there is of a trial that did not end out of all counts; None: nothing is there.

        It is kept below `interrupted/`, as `<trial>.<attempt>`.

        Raises:
            StoreError: it cannot be moved.
        """
        place = trial_folder(self.path, trial)
        if not place.exists():
            return None
        kept = self.path / INTERRUPTED / f"{trial}.{self.attempt(trial)}"
        with writing(self.path):
            kept.parent.mkdir(exist_ok=True)
            place.rename(kept)
        return kept

    def attempt(self, trial: int) -> int:
        """Return which attempt at a trial is the one at hand: 1 unless some were put aside."""
        return 1 + sum(1 for _ in (self.path / INTERRUPTED).glob(f"{trial}.*"))

    def label(self, trial: int) -> str:
        """Return the name by which hosts know the attempt at hand of a trial."""
        attempt = self.attempt(trial)
        again = f".{attempt}" if attempt > 1 else ""
        return f"{self.path.name}.{trial}{again}"

    @property
    def at_hand(self) -> int | None:
        """Return the trial that has begun and is not sealed yet, None where there is none."""
        begun = sorted(self.path.glob("trials/[0-9]*"))
        return next((int(path.name) for path in begun if not (path / SEAL).exists()), None)

    def cancel(self, trial: int, why: str) -> None:
        """Tell whoever drives the run that the trial is to end, and why, in a word or two.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(self.path):
            draft = self.path / f".{CANCEL}.draft"
            write_json(draft, {"trial": trial, "why": why})
            draft.replace(self.path / CANCEL)

    def take_cancelled(self, trial: int) -> str:
        """Return why the trial is to end, "" where it is not; what was said is over with that."""
        path = self.path / CANCEL
        try:
            said = msgspec.json.decode(path.read_bytes(), type=_Cancel)
        except (OSError, msgspec.MsgspecError):
            said = None
        path.unlink(missing_ok=True)
        return said.why if said is not None and said.trial == trial else ""

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run while the block runs: no other process may write trials into it.

        Raises:
            LockError: one does.
        """
        self.check()
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise LockError(f"{self.path}: another process is running it; wait") from error
        finally:
            os.close(descriptor)

    def write_plan(self, plan: Plan) -> None:
        """Write plan.json, whole or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(self.path):
            draft = self.path / ".plan.json.draft"
            draft.write_bytes(encode(plan))
            draft.replace(self.path / "plan.json")

    def write_prediction(self, found: PredictionFile) -> None:
        """Write what the simulator said before the run.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(self.path):
            write_json(self.path / PREDICTION, msgspec.to_builtins(found))

    def add_line(self, name: str, value: Mapping[str, Any]) -> None:
        """Add a line of JSON to a file of the run."""
        with writing(self.path), (self.path / name).open("a") as file:
            file.write(json.dumps(value, default=str) + "\n")

    def write_genesis(self, n: int, files: Mapping[str, str]) -> None:
        """Write genesis.json of trial n, public like all of it, so that headers can be recomputed.

        files: what any one host was prepared with.
        """
        with writing(self.path):
            (self._folder(n) / "genesis.json").write_text(files["genesis.json"])


def new_name() -> str:
    """Return the name of a run that begins now: when, and what no other has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def create(
    plan: Plan,
    *,
    campaign: str,
    beside: Mapping[str, str],
    resolved: Any,
    lab: Mapping[str, Any],
    root: Path,
    name: str,
) -> RunFolder:
    """Return a new run folder that holds everything known before the first trial.

    campaign: the file as it was written; beside: the texts of the files that it names; resolved:
    what it says with all defaults. The folder is there whole or not at all.

    Raises:
        StoreError: no room, or the folder cannot be written.
    """
    check_space(root, plan.estimate.raw_bytes)
    path = root / plan.campaign / name
    draft = path.with_name(f".draft.{name.rpartition('-')[2]}")
    with writing(path):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for file, text in {**beside, "campaign.yml": campaign}.items():
            (draft / file).write_text(text)
        write_json(draft / "resolved.json", resolved)
        RunFolder(draft).write_plan(plan)
        write_json(draft / "lab.json", lab)
        write_json(draft / "provenance.json", provenance(plan.seed))
        draft.rename(path)
        _link_latest(path)
    return RunFolder(path)


def find(name: str, root: Path = ROOT) -> RunFolder:
    """Return the run folder given as a path, as campaign (its latest run) or as `latest`.

    Raises:
        UsageError: there is none.
    """
    candidates = [Path(name), root / name, root / name / "latest"]
    if name == "latest":
        candidates = sorted(root.glob("*/*Z-*"), key=lambda path: path.name)[-1:]
    for path in candidates:
        with contextlib.suppress(OSError):  # as of a name that is too long for any file
            if (path / "plan.json").is_file():
                return RunFolder(path.resolve())
    raise UsageError(f"{name}: no run folder (no plan.json); see `slotlab runs`")


def every(root: Path = ROOT) -> list[RunFolder]:
    """Return all runs below root, oldest first.

    Raises:
        UsageError: root is no directory.
    """
    if root.exists() and not root.is_dir():
        raise UsageError(f"--runs {root}: no directory; name another")
    found = [path.parent for path in root.glob("*/*Z-*/plan.json")]
    return [RunFolder(path) for path in sorted(found, key=lambda path: path.name)]


def driver_of(run: Path) -> int | None:
    """Return the process that is running a run, None where no process of this machine is known to.

    Looking takes nothing: a driver that begins just now finds the run free.
    """
    folder = run.stat()
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()  # 12: FLOCK ADVISORY WRITE 4711 fe:00:1313 0 EOF
        if words[1] != "FLOCK" or words[-3].rpartition(":")[2] != str(folder.st_ino):
            continue
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            for descriptor in Path(f"/proc/{words[-4]}/fd").iterdir():
                if os.path.samestat(descriptor.stat(), folder):
                    return int(words[-4])
    return None


def check_space(root: Path, raw_bytes: int) -> None:
    """Refuse an estimate that does not fit on the disk of root, with some spare.

    Raises:
        StoreError: it does not.
        UsageError: root is no directory.
    """
    existing = next(path for path in (root, *root.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UsageError(f"--runs {root}: {existing} is no directory; name another")
    free, need = shutil.disk_usage(existing).free, 2 * raw_bytes + SPARE_BYTES
    if free < need:
        raise StoreError(
            f"disk full: {existing.resolve()} has {free // 1_000_000} MB free, this run needs"
            f" {need // 1_000_000} MB; make room or use --runs FOLDER"
        )


def provenance(seed: int) -> dict[str, Any]:
    """Return what a run came from: code, versions, command line, machine."""
    versions = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "code": {room: digest_of(room) for room in MAKES_TRIALS},
        "git": {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))},
        "versions": versions,
        "python": platform.python_version(),
        "argv": ["slotlab", *sys.argv[1:]],
        "seed": seed,
        "controller": {
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
            "kernel": platform.release(),
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
        },
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_json(path: Path, value: Any) -> None:
    """Write value as readable JSON, whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(value, indent=1, default=str) + "\n")
    draft.replace(path)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk says while something is written below path into one line that names it."""
    try:
        yield
    except OSError as error:
        say = f"{path}: cannot be written: {error.strerror}; make room, or use --runs FOLDER"
        raise StoreError(say) from error


def _link_latest(path: Path) -> None:
    draft = path.parent / f".latest.{os.getpid()}"
    draft.symlink_to(path.name)
    draft.replace(path.parent / "latest")
