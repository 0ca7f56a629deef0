"""junit.xml: the checks of a run as test cases, for whatever runs campaigns unattended."""

from typing import Any
from xml.etree import ElementTree

from metrics.model.printable import printable


def encode(summary: dict[str, Any]) -> bytes:
    """Return one test case a check, and one that stands for the validity of the run."""
    checks = summary["checks"]
    invalid = summary["invalid"]
    counts = {word: sum(c["verdict"] == word for c in checks) for word in ("violated", "unknown")}
    name = printable(f"slotlab.{summary['campaign']}")
    suite = ElementTree.Element(
        "testsuite", name=name, tests=str(len(checks) + 1), failures=str(counts["violated"]),
        errors=str(int(bool(invalid))), skipped=str(counts["unknown"]),
    )  # fmt: skip
    case = ElementTree.SubElement(suite, "testcase", classname=name, name="valid")
    if invalid:
        error = ElementTree.SubElement(case, "error", message="invalid")
        error.text = "\n".join(map(printable, invalid))
    for check in checks:
        evidence = printable(check["evidence"])
        case = ElementTree.SubElement(
            suite, "testcase", classname=name, name=printable(check["name"])
        )
        if word := {"violated": "failure", "unknown": "skipped"}.get(check["verdict"]):
            ElementTree.SubElement(case, word, message=evidence)
        else:
            ElementTree.SubElement(case, "system-out").text = evidence
    ElementTree.indent(suite)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text
