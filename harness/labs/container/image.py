"""The root file system that all hosts of all container labs share, made once and cached."""

from collections.abc import Callable
from pathlib import Path

from harness.labs.image import build, recipe

BUILD_BYTES = 1_000_000_000
"""Room asked for before a build: root file system, package cache and slack."""


def image_path() -> Path:
    """Return where the image of the present recipe is, or will be, on this machine.

    Raises:
        LabError: the machine is not a Debian or Ubuntu release.
    """
    return build.image_path("image", recipe.fingerprint())


def ensure_image(progress: Callable[[str], None]) -> Path:
    """Return the path of the finished image, built now if it was not there.

    Raises:
        LabError: no room, no usable apt source, or a package cannot be had.
    """
    wanted = build.Recipe(
        label="lab image",
        packages=recipe.PACKAGES,
        files=recipe.FILES,
        masked_units=recipe.MASKED_UNITS,
        set_up=recipe.SET_UP,
        build_bytes=BUILD_BYTES,
        cost="about a minute and 280 MB",
    )
    return build.ensure(image_path(), wanted, lambda root, _: root, progress)
