"""The root file system that all hosts of all container labs share, made once and cached.

It comes from the machine's own apt sources; the project names no mirror. A build happens in a
hidden folder that is renamed when complete, under a lock, so a broken image is never seen.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.labs import checks, recipe
from harness.labs.apt_sources import apt_options, write_sources
from harness.labs.errors import LabError
from harness.labs.process import run
from harness.labs.state import cache_root

BUILD_BYTES = 1_000_000_000
"""Room asked for before a build: root file system, package cache and slack."""


def image_path() -> Path:
    """Return where the image of the present recipe is, or will be, on this machine.

    Raises:
        LabError: the machine is not a Debian or Ubuntu release.
    """
    release = platform.freedesktop_os_release()
    suite = release.get("VERSION_CODENAME", "")
    if not suite or shutil.which("dpkg") is None:
        name = release.get("PRETTY_NAME", "unknown")
        raise LabError(f"this machine runs {name}: the container lab needs Debian or Ubuntu")
    architecture = run(["dpkg", "--print-architecture"]).strip()
    return cache_root() / f"image-{suite}-{architecture}-{recipe.fingerprint()}"


def ensure_image(progress: Callable[[str], None]) -> Path:
    """Return the path of the finished image, built now if it was not there.

    Raises:
        LabError: no room, no usable apt source, or a package cannot be had; nothing half-made
            is left in the cache.
    """
    path = image_path()
    if path.is_dir():
        return path
    checks.require_space(cache_root(), BUILD_BYTES, "the lab image")
    with _build_lock(progress):
        if path.is_dir():
            return path
        _remove_abandoned_builds()
        _build(path, progress)
    return path


@contextmanager
def _build_lock(progress: Callable[[str], None]) -> Iterator[None]:
    with (cache_root() / "image.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("image: another slotlab builds it; waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_abandoned_builds() -> None:
    for left in cache_root().glob(".building-*"):
        shutil.rmtree(left, ignore_errors=True)


def _build(path: Path, progress: Callable[[str], None]) -> None:
    started = time.monotonic()
    progress(f"image: building {path.name} once, about a minute and 280 MB")
    work = Path(tempfile.mkdtemp(dir=cache_root(), prefix=".building-"))
    try:
        work.chmod(0o755)
        root = work / "root"
        _bootstrap(work, root, progress)
        _dress(root)
        os.sync()
        root.rename(path)
    except OSError as error:
        raise LabError(f"cannot build the lab image in {cache_root()}: {error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress(f"image: ready after {time.monotonic() - started:.0f} s")


def _bootstrap(work: Path, root: Path, progress: Callable[[str], None]) -> None:
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    sources = write_sources(suite, work / "lab.sources")
    words = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    words += [f"--include={','.join(recipe.PACKAGES)}"]
    words += [f"--dpkgopt={option}" for option in recipe.LEAN]
    words += [f"--aptopt={option}" for option in apt_options()]
    words += [suite, str(root), str(sources)]
    log_path = cache_root() / "image-build.log"
    last_error = ""
    # Mounts and processes of the build live in namespaces that end with it, and it ends with us.
    alone = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"]
    alone += ["--kill-child", "--mount-proc"]
    with (
        log_path.open("w") as log,
        subprocess.Popen(
            [*alone, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as build,
    ):
        assert build.stdout is not None
        try:
            for line in build.stdout:
                log.write(line)
                if line.startswith("I: "):
                    progress(f"image: {line[3:].strip()}")
                elif line.startswith("E: "):
                    last_error = last_error or line[3:].strip()
            status = build.wait()
        except BaseException:
            build.kill()
            raise
    if status != 0:
        raise LabError(
            f"the lab image cannot be built: {last_error or f'mmdebstrap ended with {status}'} "
            f"(all of it in {log_path})"
        )


def _dress(root: Path) -> None:
    for name, (mode, text) in recipe.FILES.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    for unit in recipe.MASKED_UNITS:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    run(["chroot", str(root), "/bin/sh", "-c", recipe.SET_UP])
