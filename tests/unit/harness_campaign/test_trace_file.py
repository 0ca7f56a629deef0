"""A trace is read line by line and kept with the campaign, else it is refused in one line."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign import campaign_file
from harness.errors import CampaignError
from harness.notation import trace_file

MS, S = 1_000_000, 1_000_000_000
TRACE = "# Measured somewhere.\nat_s,delay_ms\n0,20\n0.5,42.5\n2,0\n"
HEAD = "schema: slotlab.campaign/v1\ntitle: a test\n"


def campaign(fault: str, folder: Path) -> campaign_file.CampaignFile:
    text = f"{HEAD}timeline:\n  - {{at: 30s, for: 5s, fault: delay, {fault}}}\n"
    return campaign_file.parse(text, folder / "c.yml")


def asked(fault: str, folder: Path) -> dict[str, Any]:
    (each,) = campaign(fault, folder).common.faults.values()
    return each.asked()


def test_a_trace_is_what_is_asked_and_is_kept_beside_the_campaign(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TRACE)
    assert asked("trace: t.csv", tmp_path) == {
        "delay_ns": 42_500_000,
        "jitter_ns": 0,
        "trace": "t.csv",
        "trace_sha256": hashlib.sha256(TRACE.encode()).hexdigest(),
        "steps": [[0, 20 * MS], [S // 2, 42_500_000], [2 * S, 0]],
    }
    made = campaign("trace: t.csv", tmp_path)
    assert made.beside == {"t.csv": TRACE}
    assert made.resolved["timeline"][0]["trace"] == "t.csv"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "its first line is not at_s,delay_ms; write that"),
        ("at_s,delay_ms\n", "0 delays; write 1 to 1000"),
        ("at_s,delay_ms\n1,5\n", "line 2: the first delay is at 1 s; write 0"),
        ("at_s,delay_ms\n0,5\n0.05,6\n", "line 3: 0.05 s; write 0.1 s more than before or later"),
        ("at_s,delay_ms\n0,5,6\n", "line 2: not two numbers; write at_s,delay_ms"),
        ("at_s,delay_ms\n0,-5\n", "line 2: not two numbers; write at_s,delay_ms"),
        ("at_s,delay_ms\n0,1001\n", "line 2: 0 s, 1001 ms; write at most 86400 s and 1000 ms"),
        ('at_s,"d\n', "not CSV (unexpected end of data); write two cells with a comma between"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_the_line(
    text: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CampaignError, match="timeline") as caught:
        asked("trace: t.csv", tmp_path)
    assert f"t.csv: {says}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("trace: ../t.csv", "../t.csv is not the name of a CSV file beside the campaign"),
        ("trace: u.csv", "u.csv: no such file beside the campaign"),
        ("trace: [1]", "is not the name of a CSV file"),
        ("trace: t.csv, delay: 5ms", "give exactly one of delay (one way), rtt"),
        ("trace: t.csv, jitter: 5ms", "trace: it has its own jitter; leave out jitter"),
    ],
)
def test_a_trace_stands_alone_and_beside_its_campaign(
    fault: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(TRACE)
    with pytest.raises(CampaignError) as caught:
        asked(fault, tmp_path)
    assert says in str(caught.value)


@given(st.text(max_size=80) | st.from_regex(r"at_s,delay_ms\n(\d?,\d?\n){0,3}"))
def test_any_text_is_steps_in_order_or_is_refused(text: str) -> None:
    try:
        steps = trace_file.parse(text)
    except ValueError:
        return
    times = [at_ns for at_ns, _ in steps]
    assert times[0] == 0
    assert times == sorted(set(times))
