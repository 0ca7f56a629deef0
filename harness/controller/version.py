"""What runs here: a clone or an installed wheel, its version and revision, Python's version."""

import hashlib
import importlib.metadata
import platform
import subprocess
from pathlib import Path

from harness.errors import UsageError

CLONE = Path(__file__).resolve().parents[2]
"""The folder that the packages stand in: the clone, or where a wheel was installed."""


def version() -> str:
    """Return one line such as `slotlab 0.1.0 (git 1a2b3c4), Python 3.13.1`."""
    try:
        ours = importlib.metadata.version("slotlab")
    except importlib.metadata.PackageNotFoundError:
        ours = "(not installed)"
    revision = git("describe", "--always", "--dirty", "--exclude=*")
    clone = f" (git {revision})" if revision else ""
    return f"slotlab {ours}{clone}, Python {platform.python_version()}"


def needs_clone(command: str) -> None:
    """Refuse a command that needs what a wheel does not carry.

    Raises:
        UsageError: this is no clone.
    """
    if not (CLONE / "playbooks").is_dir():
        raise UsageError(
            f"{command}: needs the clone (its playbooks and requirements.lock), and this is an"
            f" installed wheel in {CLONE}: run it from a clone"
        )


def git(*words: str) -> str | None:
    """Return what git says of the clone the harness runs from, None where it is none."""
    if not (CLONE / ".git").exists():
        return None  # installed elsewhere: perhaps inside of somebody's repository, but not ours
    try:
        done = subprocess.run(
            ["git", "-C", str(CLONE), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def digest_of(room: str) -> str:
    """Return 16 hex digits that name the Python code of a room, whatever git says of it."""
    digest = hashlib.sha256()
    for path in sorted((CLONE / room).rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(CLONE)}\0{content}\n".encode())
    return digest.hexdigest()[:16]
