"""junit.xml: the checks of a run as test cases, for whatever runs campaigns unattended."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def write(path: Path, summary: dict[str, Any]) -> None:
    """Write one test case a check, and one that stands for the validity of the run."""
    checks = summary["checks"]
    invalid = summary["invalid"]
    counts = {word: sum(c["verdict"] == word for c in checks) for word in ("violated", "unknown")}
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(f"slotlab.{summary['campaign']}"),
        tests=str(len(checks) + 1),
        failures=str(counts["violated"]),
        errors=str(int(bool(invalid))),
        skipped=str(counts["unknown"]),
    )
    case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name", ""), name="valid")
    if invalid:
        ElementTree.SubElement(case, "error", message="invalid").text = _clean("\n".join(invalid))
    for check in checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname=suite.get("name", ""), name=_clean(check["name"])
        )
        if check["verdict"] == "violated":
            ElementTree.SubElement(case, "failure", message=_clean(check["evidence"]))
        elif check["verdict"] == "unknown":
            ElementTree.SubElement(case, "skipped", message=_clean(check["evidence"]))
        else:
            ElementTree.SubElement(case, "system-out").text = _clean(check["evidence"])
    ElementTree.indent(suite)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    """Return text with a question mark for each character XML has no place for."""
    return _FORBIDDEN.sub("?", text)
