"""The environment a lab host runs, as one archive per (architecture, Python minor).

The controller takes the node's dependencies as wheels, checked against the hashes in hosts.lock,
adds the packages node and faults, and packs all of it reproducibly. Hosts need no registry.
"""

import gzip
import hashlib
import math
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.controller.file_lock import held
from harness.controller.state_dir import cache_home, remedy
from harness.controller.version import CLONE
from harness.errors import RunError

PACKAGES = ("node", "faults")
ARCHITECTURES = ("x86_64", "aarch64")
PYTHONS = ((3, 11), (3, 12), (3, 13))
GLIBC_MINORS = range(17, 36)
"""manylinux tags a host may take: Debian 12 and Ubuntu 24.04 have glibc 2.36 and newer."""
KEPT_ARCHIVES = 12
"""The newest archives stay in the cache: two for each architecture and Python minor."""
LOCK = "harness/deploy/hosts.lock"
"""What the node needs, a part of requirements.lock: `make lock` has uv resolve both."""


class WheelhouseError(RunError):
    """The environment archive cannot be built: which package, for what, and the remedy."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What wheels depend on: the machine's architecture and Python's minor version."""

    arch: str
    python: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.arch} Python {self.python[0]}.{self.python[1]}"


@dataclass(frozen=True, slots=True)
class Environment:
    """A packed environment; its content is named by stamp, as is its folder slotlab/<stamp>."""

    archive: Path
    stamp: str
    built: bool


def unsupported(target: Target) -> str:
    """Return one line why no environment exists for target, empty when one does."""
    if target.arch not in ARCHITECTURES:
        remedy = "install a 64-bit system" if target.arch.startswith("arm") else "use another host"
        return f"no wheels for {target.arch}; {remedy}"
    if target.python not in PYTHONS:
        found = f"Python {target.python[0]}.{target.python[1]} is not 3.11 to 3.13"
        return f"{found}; name one that is in ansible_python_interpreter"
    return ""


def build(target: Target, *, root: Path | None = None, cache: Path | None = None) -> Environment:
    """Return the environment for target, taken from the cache when nothing has changed.

    Raises:
        WheelhouseError: no wheel fits, or the disk is full.
    """
    root = root or CLONE
    cache = cache or cache_home() / "env"
    if problem := unsupported(target):
        raise WheelhouseError(problem)
    try:
        with held(cache / "build.lock", math.inf):  # another deploy may be at it
            return _built(target, root, cache)
    except OSError as error:
        raise WheelhouseError(
            f"{error.filename or cache}: {error.strerror}{remedy(error)}"
        ) from error


def _built(target: Target, root: Path, cache: Path) -> Environment:
    site, digest = _wheels(target, (root / LOCK).read_text(), cache)
    own = (path for name in PACKAGES for path in (root / name).rglob("*.py"))
    sources = [(str(path.relative_to(root)), path) for path in own if path.is_file()]
    stamp = _stamp(f"layout 2\n{digest}", sources)
    archive = cache / f"{stamp}.tar.gz"
    if archive.is_file():
        return Environment(archive, stamp, built=False)
    packed = [(f"site-packages/{p.relative_to(site)}", p) for p in _files(site)]
    _pack(archive, stamp, sources + packed)
    for old in sorted(cache.glob("*.tar.gz"), key=os.path.getmtime)[:-KEPT_ARCHIVES]:
        old.unlink(missing_ok=True)
    return Environment(archive, stamp, built=True)


def wheels_key(target: Target, pins: str) -> str:
    """Return the name under which the unpacked wheels of pins for target are cached."""
    return hashlib.sha256(f"1\n{target}\n{pins}".encode()).hexdigest()[:16]


def _wheels(target: Target, pins: str, cache: Path) -> tuple[Path, str]:
    """Return the folder with the unpacked wheels of pins, and a digest of its content."""
    key = wheels_key(target, pins)
    site = cache / f"wheels-{key}"
    mark = cache / f"wheels-{key}.digest"
    if site.is_dir() and mark.is_file():
        return site, mark.read_text()
    with tempfile.TemporaryDirectory(dir=cache, prefix=".wheels-") as scratch:
        made = Path(scratch) / "site-packages"
        file = Path(scratch) / "requirements.txt"
        file.write_text(pins)
        _pip(target, file, made)
        _prune(made)
        files = [(str(path.relative_to(made)), path) for path in _files(made)]
        digest = _stamp("", files)
        shutil.rmtree(site, ignore_errors=True)
        made.rename(site)
    mark.write_text(digest)
    return site, digest


def _pip(target: Target, file: Path, made: Path) -> None:
    version = f"{target.python[0]}.{target.python[1]}"
    platforms = [f"manylinux_2_{minor}_{target.arch}" for minor in GLIBC_MINORS]
    platforms += [f"manylinux2014_{target.arch}", f"linux_{target.arch}"]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--no-compile", "--only-binary=:all:", "--require-hashes"),
        *("--implementation", "cp", "--python-version", version),
        *(word for name in platforms for word in ("--platform", name)),
        *("--target", str(made), "--requirement", str(file)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    reason = (lines or done.stderr.splitlines() or ["pip failed"])[-1].removeprefix("ERROR: ")
    if "No module named pip" in done.stderr:
        reason = f"pip is missing: {sys.executable} -m ensurepip"
    raise WheelhouseError(f"cannot get the wheels for {target}: {reason}")


def _prune(site: Path) -> None:
    """Remove what a host does not need and what differs from one build to the next."""
    for name in ("bin", "share", "include"):
        shutil.rmtree(site / name, ignore_errors=True)
    for folder in [*site.rglob("__pycache__"), *site.rglob("tests")]:
        shutil.rmtree(folder, ignore_errors=True)
    for record in [*site.glob("*.dist-info/RECORD"), *site.glob("*.dist-info/direct_url.json")]:
        record.unlink()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _stamp(start: str, files: list[tuple[str, Path]]) -> str:
    """Return 16 hex digits that name the content of files, whatever their dates and owners."""
    digest = hashlib.sha256(start.encode())
    for name, path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:16]


def _pack(archive: Path, stamp: str, files: list[tuple[str, Path]]) -> None:
    """Write files under slotlab/<stamp>: sorted, dated 0, owned by root, so equal bytes."""
    temporary = archive.with_name(f".{archive.name}.{os.getpid()}")
    try:
        with (
            temporary.open("wb") as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=6) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name, path in sorted(files):
                entry = tarfile.TarInfo(f"slotlab/{stamp}/{name}")
                entry.size = path.stat().st_size
                entry.mode = 0o755 if path.suffix == ".so" else 0o644
                with path.open("rb") as content:
                    tar.addfile(entry, content)
        temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)
