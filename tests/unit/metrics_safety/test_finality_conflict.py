"""Conflicting finality in a whole run: the check, its witnesses, and the story in the report."""

from __future__ import annotations

from pathlib import Path

from tests.unit.metrics_build.bend import Lines, Rebuilt


def _conflict(lines: Lines) -> None:
    """Let h4 call its first lonely block irreversible shortly before the split heals."""
    alone = next(x for x in lines["h4"] if x["kind"] == "applied" and "b6" in x["id"][8:11])
    cut = next(x for x in lines["h4"] if x["kind"] == "switched")
    said = [x for x in lines["h4"] if x["kind"] == "process" and x["seq"] < cut["seq"]][-1]
    for key in ("cpu_ns", "rss_bytes"):
        del said[key]
    said.update(kind="irreversible", num=alone["num"], id=alone["id"])


def test_conflicting_finality_is_caught_with_heights_ids_hosts_and_times(rebuilt: Rebuilt) -> None:
    summary = rebuilt(_conflict)
    check = next(c for c in summary["checks"] if c["name"] == "no_conflicting_finality")
    assert (summary["verdict"], check["verdict"]) == ("fail", "violated")
    (witness,) = check["details"]
    assert len(witness["ids"]) == 2
    assert set(witness["hosts"]) == {"h1", "h2", "h3", "h4"}
    assert all(35 < t < 50 for t in witness["t_s"])


def test_the_report_tells_who_when_and_by_which_messages(reported: Rebuilt, tmp_path: Path) -> None:
    summary = reported(_conflict)
    (story,) = summary["stories"]
    assert story["trial"] == 1
    text = " ".join(story["text"])
    assert "is irreversible as" in text
    assert "The branches part after block" in text
    assert "It reached nobody else." in text
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Conflicting finality: what happened" in page
    assert "The messages that decided" in page
    assert "Heads that changed branch" in page


def test_a_run_without_a_conflict_has_no_story(run: Path) -> None:
    assert "Conflicting finality: what happened" not in (run / "report.html").read_text()
