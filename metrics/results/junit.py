"""junit.xml: the checks of a run as test cases, for whatever runs campaigns unattended."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from metrics.model.printable import printable


def encode(summary: dict[str, Any]) -> bytes:
    """Return one test case a check, and one that stands for the validity of the run."""
    checks = summary["checks"]
    invalid = summary["invalid"]
    counts = {word: sum(c["verdict"] == word for c in checks) for word in ("violated", "unknown")}
    suite = ElementTree.Element(
        "testsuite",
        name=printable(f"slotlab.{summary['campaign']}"),
        tests=str(len(checks) + 1),
        failures=str(counts["violated"]),
        errors=str(int(bool(invalid))),
        skipped=str(counts["unknown"]),
    )
    case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name", ""), name="valid")
    if invalid:
        ElementTree.SubElement(case, "error", message="invalid").text = "\n".join(
            map(printable, invalid)
        )
    for check in checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname=suite.get("name", ""), name=printable(check["name"])
        )
        if check["verdict"] == "violated":
            ElementTree.SubElement(case, "failure", message=printable(check["evidence"]))
        elif check["verdict"] == "unknown":
            ElementTree.SubElement(case, "skipped", message=printable(check["evidence"]))
        else:
            ElementTree.SubElement(case, "system-out").text = printable(check["evidence"])
    ElementTree.indent(suite)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text
