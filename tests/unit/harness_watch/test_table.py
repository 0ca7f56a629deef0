"""A look at a lab is lines of text: the worst first, at most 80 columns, and no host left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.remote.agent_channel import Reply
from harness.watch.seen import Answer, HostSeen, after
from harness.watch.table import lines
from tests.unit.harness_remote.scripted_hosts import IDLE
from tests.unit.harness_watch.hosts import NODE, NOON_NS, S, answered, fault, gone, without_node

SPLIT = {
    "trial": "20261129T092505Z-117ab1.3",
    "lease_left_ns": 48 * S,
    "faults": [
        fault("split", "partition", "applied", 0, 12),
        fault("slow", "delay", "armed", 30, 60),
        fault("before", "kill", "healed", 0, 0),
    ],
}
HURT = [
    answered("n1", agent=SPLIT, peers=[*NODE["peers"], {"host": "n4", "state": "disconnected"}]),
    answered("n2", heard_s=-20, agent=SPLIT),
    without_node("n3", "no_node"),
    answered(
        "n4",
        agent={"faults": [fault("step", "clock_step", "applied", 0, None)]},
        head_num=118,
        clock={"verified": False, "offset_ns": -1_250_000_000, "bound_ns": None,
               "reason": "clock_offset"},
        health={"state": "degraded", "missed": 12, "window_slots": 48, "missed_total": 30},
    ),
    HostSeen(host="n5", problem="unreachable: connection refused"),
]  # fmt: skip
HURT[1] = gone(HURT[1], "timeout", "no reply to status")
TEXT = """\
12:00:01Z  3 of 5 hosts answer  head 120  final 108  degraded at 1, healthy at 1
trial 20261129T092505Z-117ab1.3: its lease ends in 48 s
host      head     final   lag   missed   peers  offset ± bound ms    cpu
n2    gone since 11:59:40Z (21 s): timeout: no reply to status
n5    never answered: unreachable: connection refused
n3    no node answers there (cpu ?)
n1         120       108    12     0/48     2/3       +0.01 ± 0.34    25%
      no link to n4
n4         118       108    10    12/48     2/2       -1250.00 ± ?    25%
      clock_offset
step  clock_step  no deadline  on n4
split  partition  12 s left  on n1
slow  delay  begins in 30 s  on n1
"""


def text(hosts: list[HostSeen], *, width: int | None = 80, height: int | None = None) -> str:
    """Return the lines one second after noon."""
    made = lines(hosts, NOON_NS + S, width=width, height=height)
    return "".join(f"{line.text}\n" for line in made)


def test_a_hurt_lab_at_80_columns() -> None:
    assert text(HURT) == TEXT


def test_where_it_need_not_fit_nothing_is_cut() -> None:
    rack = [gone(answered("n1"), "unreachable", "x" * 200)]
    assert text(rack, width=None).splitlines()[2] == (
        f"n1    gone since 12:00:00Z (1 s): unreachable: {'x' * 200}"
    )


def test_of_sixty_hosts_the_worst_are_shown_and_the_rest_is_counted() -> None:
    rack = [answered(f"n{n}") for n in range(1, 59)]
    rack.insert(30, without_node("n59", "node_silent", "no answer within 2 s"))
    rack.append(gone(answered("n60"), "unreachable", "no route to host"))
    assert (
        text(rack, height=8)
        == """\
12:00:01Z  59 of 60 hosts answer  head 120  final 108  healthy at 58
host      head     final   lag   missed   peers  offset ± bound ms    cpu
n60   gone since 12:00:00Z (1 s): unreachable: no route to host
n59   the node hangs: no answer within 2 s (cpu ?)
n1         120       108    12     0/48     2/2       +0.01 ± 0.34    25%
n2         120       108    12     0/48     2/2       +0.01 ± 0.34    25%
n3         120       108    12     0/48     2/2       +0.01 ± 0.34    25%
… and 55 more: 55 well
"""
    )


@given(
    width=st.integers(20, 200), height=st.integers(6, 60), bad=st.lists(st.integers(0, 4)),
    faults=st.integers(0, 30), name=st.text(min_size=1, max_size=70),
)  # fmt: skip
def test_it_fits_and_each_host_is_shown_or_counted(
    width: int, height: int, bad: list[int], faults: int, name: str
) -> None:
    many = {"faults": [fault(f"f{n}", "delay", "applied", 0, n) for n in range(faults)]}
    hosts = [HURT[n] for n in bad] + [answered(name, agent=many)]
    made = lines(hosts, NOON_NS, width=width, height=height)
    assert len(made) <= height
    assert max(len(line.text) for line in made) <= width
    assert all(line.text.isprintable() for line in made)


@pytest.mark.parametrize(
    "status",
    [
        None, [], {**IDLE, "faults": [7]}, {**IDLE, "processor": None},
        {**IDLE, "lease_left_ns": 10**400},
    ],
)  # fmt: skip
def test_an_agent_that_talks_nonsense_is_a_host_without_an_answer(status: object) -> None:
    seen = after(HostSeen(host="n1"), Answer(Reply(host="n1", ok=status), None, NOON_NS))
    assert (seen.up, seen.seen_ns) == (False, None)
    assert seen.problem.startswith("the agent's status cannot be read (")


def test_processors_whose_count_went_back_are_unknown() -> None:
    seen = answered("n1")
    agent = {**IDLE, "processor": {"busy_ns": 1, "all_ns": 2}}
    assert after(seen, Answer(Reply(host="n1", ok=agent), None, NOON_NS)).cpu is None
