"""The words by which a lab's plugs are pulled, and the inventory's templates for them."""

import shlex
from collections.abc import Sequence

WORDS = ("off", "on", "state", "freeze", "thaw", "link-down", "link-up")


def templates(start: Sequence[str]) -> dict[str, str]:
    """Return slotlab_power of a lab's hosts; start is the command up to the lab's name."""
    return {word.replace("-", "_"): f"{shlex.join(start)} {{name}} {word}" for word in WORDS}
