"""The seal of a trial: written when it has ended, after all its files, and checked before a run
goes on.

What is sealed is whole, however the machine went down: the files are on the disk before the seal
is, and each is compared with what the seal says of it. No clock has a say.
"""

import hashlib
import os
from pathlib import Path

import msgspec

from harness.controller.store import RunFolder, writing
from metrics.model.plan import Estimate, Plan, PlannedTrial, encode
from metrics.model.run_folder import (
    COMPLETE,
    MADE_AGAIN,
    SEAL,
    RunError,
    Seal,
    SealedFile,
    load_trial,
    trial_folder,
)


class OtherPlan(Exception):
    """A trial was sealed as planned otherwise than the run's plan has it."""


def seal(folder: RunFolder, plan: Plan, trial: PlannedTrial) -> None:
    """Seal a trial that has ended: nothing of it is written any more.

    Raises:
        StoreError: it cannot be written.
    """
    place = trial_folder(folder.path, trial.n)
    with writing(folder.path):
        raw = _raw(place)
        above = {path.parent for path in raw} | {place.parent, folder.path}
        for path in (*raw, *above):
            _sync(path)
        files = {str(path.relative_to(place)): as_it_is(path) for path in raw}
        record = Seal(n=trial.n, planned=_planned(plan, trial), files=files)
        draft = place / f".{SEAL}.draft"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
        _sync(draft)
        draft.replace(place / SEAL)
        _sync(place)


def lack(run: Path, plan: Plan, trial: PlannedTrial) -> str:
    """Return why a trial has still to be run, "" where it ran to its end and is as it was sealed.

    Raises:
        OtherPlan: it is whole, but of another plan.
    """
    place = trial_folder(run, trial.n)
    if not place.exists():
        return "it was never begun"
    try:
        sealed = msgspec.json.decode((place / SEAL).read_bytes(), type=Seal)
        record = load_trial(run, trial.n)
    except FileNotFoundError:
        return "it did not end"
    except (OSError, msgspec.MsgspecError, ValueError, RunError):
        return "its seal or its record is damaged"
    for name, was in sealed.files.items():
        path = place / name
        if not path.is_file() or as_it_is(path) != was:
            return f"{name} is not as it was sealed"
    if record is None or sealed.n != trial.n:
        return "its seal is not of it"
    if record.state != COMPLETE:
        return f"it is {record.state}: {record.reason}"
    if sealed.planned != _planned(plan, trial):
        raise OtherPlan(f"trial {trial.n} was run as planned otherwise")
    return ""


def as_it_is(path: Path) -> SealedFile:
    """Return what a file is now: its size and its digest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return SealedFile(bytes=file.tell(), sha256=digest)


def _planned(plan: Plan, trial: PlannedTrial) -> str:
    """Return a digest of all that the plan says of one trial; others may join it."""
    alone = msgspec.structs.replace(plan, trials=[trial], estimate=Estimate(seconds=0, raw_bytes=0))
    return hashlib.sha256(encode(alone)).hexdigest()


def _raw(place: Path) -> list[Path]:
    made_again = {place / name for name in (*MADE_AGAIN, SEAL)}
    return [path for path in sorted(place.rglob("*")) if path.is_file() and path not in made_again]


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, outlive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
