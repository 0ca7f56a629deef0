"""Root file systems from the machine's own apt sources, built once and cached.

The project names no mirror. A build happens in a hidden folder that is renamed when complete,
under a lock, so a broken image is never seen.
"""

import contextlib
import math
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.controller.file_lock import held
from harness.controller.state_dir import cache_home
from harness.errors import LabError
from harness.labs import checks
from harness.labs.image.apt_sources import apt_options, write_sources
from harness.labs.image.recipe import LEAN, Recipe
from harness.labs.process import run

Progress = Callable[[str], None]
Finish = Callable[[Path, Path], Path]
"""(root, work) -> what is kept: root itself, or a folder made in work from it."""


def _image_path(recipe: Recipe) -> Path:
    """Return where the image of that recipe is, or will be, on this machine."""
    release = platform.freedesktop_os_release()
    suite = release.get("VERSION_CODENAME", "")
    if not suite or shutil.which("dpkg") is None:
        name = release.get("PRETTY_NAME", "unknown")
        raise LabError(f"this machine runs {name}: labs on one machine need Debian or Ubuntu")
    return cache_home() / f"{recipe.name}-{suite}-{architecture()}-{recipe.fingerprint}"


def architecture() -> str:
    """Return Debian's name of this machine's architecture, such as amd64."""
    return run(["dpkg", "--print-architecture"]).strip()


def ensure(recipe: Recipe, progress: Progress, finish: Finish = lambda root, _: root) -> Path:
    """Return the path of the finished image, built now if it was not there.

    Raises:
        LabError: the machine is not a Debian or Ubuntu release, no room, no usable apt source, or
            a package cannot be had; nothing half-made is left in the cache.
    """
    path = _image_path(recipe)
    if path.is_dir():
        return path
    checks.require_space(cache_home(), recipe.build_bytes, f"the {recipe.label}")
    with _build_lock(progress):
        if path.is_dir():
            return path
        for left in cache_home().glob(".building-*"):
            shutil.rmtree(left, ignore_errors=True)
        _build(path, recipe, finish, progress)
    return path


@contextmanager
def _build_lock(progress: Progress) -> Iterator[None]:
    path = cache_home() / "image.lock"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(path))
        except BlockingIOError:
            progress("image: another slotlab builds it; waiting")
            stack.enter_context(held(path, math.inf))
        yield


def _build(path: Path, recipe: Recipe, finish: Finish, progress: Progress) -> None:
    started = time.monotonic()
    progress(f"image: building {path.name} once, {recipe.cost}")
    work = Path(tempfile.mkdtemp(dir=cache_home(), prefix=".building-"))
    try:
        work.chmod(0o755)
        root = work / "root"
        _bootstrap(work, root, recipe, progress)
        progress("image: files, units and set-up")
        _lay_over(root, recipe)
        kept = finish(root, work)
        os.sync()
        kept.rename(path)
    except OSError as error:
        raise LabError(f"cannot build the {recipe.label} in {cache_home()}: {error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress(f"image: ready after {time.monotonic() - started:.0f} s")


def _bootstrap(work: Path, root: Path, recipe: Recipe, progress: Progress) -> None:
    release = platform.freedesktop_os_release()
    suite = release["VERSION_CODENAME"]
    kernel = recipe.kernel.get(release.get("ID", "debian")) or recipe.kernel.get("debian")
    packages = [*recipe.packages, *([kernel.format(architecture=architecture())] if kernel else [])]
    sources = write_sources(suite, work / "lab.sources")
    words = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    words += [f"--include={','.join(packages)}"]
    words += [f"--dpkgopt={option}" for option in LEAN]
    words += [f"--aptopt={option}" for option in apt_options()]
    words += [suite, str(root), str(sources)]
    log_path = cache_home() / "image-build.log"
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
            f"the {recipe.label} cannot be built: "
            f"{last_error or f'mmdebstrap ended with {status}'} (all of it in {log_path})"
        )


def place(root: Path, name: str, text: str, mode: int = 0o644) -> None:
    """Write a file below root, with the folders above it."""
    path = root / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _lay_over(root: Path, recipe: Recipe) -> None:
    for name, (mode, text) in recipe.files.items():
        place(root, name, text, mode)
    for unit in recipe.masked_units:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    run(["chroot", str(root), "/bin/sh", "-c", recipe.set_up], within_s=300)
