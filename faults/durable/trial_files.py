"""Puts a trial's files in place: a clean state folder, the node's configuration, its keys
(0600). Shows the end of what the node writes there, and keeps whether somebody has fetched it.
"""

import os
import pwd
import re
import shutil
from pathlib import Path

from faults.host.layout import Layout
from faults.model.fault import FaultError

FILE_BYTES_MAX = 4 << 20
_ALLOWED = re.compile(r"node\.json|plan\.json|genesis\.json|keys/[a-z1-5.]{1,13}\.key")
_WIPED = ("trial", "chain", "events")
TAIL_BYTES = 8192


def check_files(files: dict[str, str]) -> None:
    """Refuse names that no file of a trial may have.

    Raises:
        FaultError: bad_file, with the name.
    """
    for name, text in files.items():
        if not _ALLOWED.fullmatch(name) or ".." in name:
            raise FaultError("bad_file", f"{name[:80]!r} is not a trial's file")
        if len(text) > FILE_BYTES_MAX:
            raise FaultError("bad_file", f"{name} has more than {FILE_BYTES_MAX} bytes")


def place_files(layout: Layout, files: dict[str, str]) -> None:
    """Remove chain, events, lies and the earlier trial, and put files below trial/.

    Raises:
        FaultError: bad_file; disk, with the path and what the system says.
    """
    check_files(files)
    owner = _owner(layout.owner)
    try:
        layout.uncollected_file.unlink(missing_ok=True)
        layout.behaviour_file.unlink(missing_ok=True)
        for name in _WIPED:
            folder = layout.state_dir / name
            if folder.is_symlink():
                raise FaultError("bad_file", f"{folder} is a symbolic link; remove it")
            _remove(folder)
            _make_folder(folder, owner)
        _make_folder(layout.trial_dir / "keys", owner)
        for name, text in files.items():
            _write(layout.trial_dir / name, text, owner)
    except OSError as error:
        raise FaultError(
            "disk", f"{error.filename or layout.state_dir}: {error.strerror}"
        ) from error


def mark_uncollected(layout: Layout, trial: str) -> None:
    """Keep that this host holds a trial's record that nobody has fetched.

    Raises:
        FaultError: disk.
    """
    try:
        layout.uncollected_file.write_text(trial)
    except OSError as error:
        raise FaultError("disk", f"{layout.uncollected_file}: {error.strerror}") from error


def mark_collected(layout: Layout, trial: str) -> None:
    """Forget it of this trial; a later one is still to be fetched."""
    if uncollected(layout) == trial:
        layout.uncollected_file.unlink(missing_ok=True)


def uncollected(layout: Layout) -> str:
    """Return the trial whose record is here and was not fetched, "" where there is none."""
    try:
        return layout.uncollected_file.read_text()
    except (OSError, ValueError):
        return ""


def last_events(layout: Layout) -> list[str]:
    """Return the last whole lines of the node's event file, oldest first; none without one.

    For whoever watches a trial: nothing has to be started on the host to see how it goes.

    Raises:
        OSError: the file is there and cannot be read, a symbolic link among others.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(layout.state_dir / "events" / "node.jsonl", flags)
    except FileNotFoundError:
        return []
    with os.fdopen(descriptor, "rb"):
        start = max(0, os.fstat(descriptor).st_size - TAIL_BYTES)
        pieces = os.pread(descriptor, TAIL_BYTES, start).split(b"\n")
        whole = pieces[:-1] if start == 0 else pieces[1:-1]
    return [line.decode(errors="replace") for line in whole]


def _owner(name: str) -> tuple[int, int] | None:
    if not name:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise FaultError("no_user", f"user {name} is missing; deploy again") from error
    return entry.pw_uid, entry.pw_gid


def _remove(folder: Path) -> None:
    """Remove a folder; where it is a file system of its own, all that is in it."""
    if not folder.is_mount():
        if folder.exists():
            shutil.rmtree(folder)
        return
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _make_folder(folder: Path, owner: tuple[int, int] | None) -> None:
    """Make the folder; group and setgid bit come from the state folder above it."""
    folder.mkdir(parents=True, mode=0o750, exist_ok=folder.is_mount())
    if owner is not None:
        os.chown(folder, *owner)


def _write(path: Path, text: str, owner: tuple[int, int] | None) -> None:
    mode = 0o600 if path.suffix == ".key" else 0o640
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
        if owner is not None:
            os.fchown(file.fileno(), *owner)
