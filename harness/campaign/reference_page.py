"""The reference as a page of Markdown, and both files that are made of the language's own words."""

from collections.abc import Iterable, Iterator

from harness.campaign import reference
from harness.campaign.reference import Entry
from harness.campaign.schema import json_schema
from harness.controller.state_dir import CAMPAIGNS

_HEAD = """# The campaign language

Made of the code by `make language`; `slotlab campaign explain KEY` prints the same of one key.
The README says how a campaign is run and read; each campaign in this folder is an example.
"""
_TITLES = {
    "units": "Units", "selectors": "Selectors: who is meant", "checks": "Checks: `expect.always`",
    "exit": "Exit statuses",
}  # fmt: skip


def files() -> dict[str, str]:
    """Return what is made of the language's words, by its name beside the campaigns that ship."""
    return {"campaign.schema.json": json_schema(), "REFERENCE.md": page()}


def write() -> None:
    """Write the files anew."""
    for name, text in files().items():
        (CAMPAIGNS / name).write_text(text)


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    sections: dict[str, list[Entry]] = {}
    for entry in reference.entries():
        sections.setdefault(_section(entry), []).append(entry)
    for title, found in sections.items():
        parts.append(f"## {title}\n\n" + "\n".join(_table(found)))
    for topic, entries in reference.topics().items():
        lines = [f"| `{_cell(each.path)}` | {_cell(each.says)} |" for each in entries]
        parts.append(f"## {_TITLES[topic]}\n\n| | |\n|---|---|\n" + "\n".join(lines))
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _section(entry: Entry) -> str:
    """Return the heading below which a key stands: of entries of the timeline, each its own."""
    first, *rest = entry.path.split(".")
    if first == "timeline" and rest:
        return f"`timeline`: {rest[0]}" + (f", {rest[1]}" if rest[0] == "act" and rest[2:] else "")
    if first == "chain" and rest[1:] and rest[0] in ("fio", "bitshares"):
        return f"`chain.{rest[0]}`"
    return f"`{first}`" if first in ("chain", "expect") else "The file"


def _table(entries: Iterable[Entry]) -> Iterator[str]:
    yield "| key | what it is | written as | left out |"
    yield "|---|---|---|---|"
    for each in entries:
        default = "must be there" if each.default is None else f"`{each.default}`"
        default = "" if each.default == "" or not each.written else default
        yield f"| `{_cell(each.path)}` | {_cell(each.says)} | {_cell(each.written)} | {default} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
