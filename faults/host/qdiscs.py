"""What tc shows of an interface's queueing disciplines, and whose its root is."""

import json
from typing import Any

from faults.host.runner import output

ROOT = "5107:"
"""The handle of the root that is ours, on every interface."""


def root_qdisc(interface: str) -> tuple[str, str]:
    """Return kind and handle of an interface's root qdisc; ("", "") when it cannot be read."""
    for each in qdiscs(interface):
        if each.get("root"):
            return str(each.get("kind", "")), str(each.get("handle", ""))
    return "", ""


def foreign_qdisc(interface: str) -> str:
    """Return the root qdisc that somebody else has put on an interface, "" when it is the kernel's
    own (handle 0) or ours.
    """
    kind, handle = root_qdisc(interface)
    return "" if handle in ("", "0:", ROOT) else f"{kind} {handle}"


def qdiscs(interface: str, *, stats: bool = False) -> list[dict[str, Any]]:
    """Return an interface's qdiscs as tc prints them."""
    show = ("qdisc", "show", "dev", interface)
    code, text, _ = output(("tc", *(("-s",) if stats else ()), "-j", *show))
    if code != 0:
        return []
    try:
        found = json.loads(text or "[]")
        return [each for each in found if isinstance(each, dict)]
    except (ValueError, TypeError):
        # For some of other people's it prints text for JSON; whose the root is must be known.
        return _of_text(output(("tc", *show))[1])


def _of_text(text: str) -> list[dict[str, Any]]:
    """Return kind, handle and place of each qdisc that tc shows in words."""
    lines = (line.split() for line in text.splitlines() if line.startswith("qdisc "))
    return [
        {"kind": words[1], "handle": words[2], "root": "root" in words}
        for words in lines
        if len(words) > 2
    ]
