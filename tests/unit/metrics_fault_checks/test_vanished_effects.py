"""A fault whose effect, end or size nobody saw is not called as asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Rebuilt


def jittered(jitter_ns: int) -> Callable[[Path], None]:
    """Return what asks that much jitter of the delay."""
    return bend.in_plan(
        lambda plan: plan["trials"][0]["faults"][0]["asked"].update(jitter_ns=jitter_ns)
    )


def test_a_delay_below_what_probes_resolve_is_said_to_be_so(rebuilt: Rebuilt) -> None:
    summary = rebuilt(files=jittered(0), delay_asked=0.0015, delay_real=0.0015, jitter=0.0)
    measured = bend.result(summary, "delay-1")["measured"]
    assert measured["judged"] == "too small to see (resolution 2 ms)"
    assert measured["difference_percent"] is None


def test_a_delay_that_lacked_its_jitter(rebuilt: Rebuilt) -> None:
    fault = bend.result(rebuilt(jitter=0.001), "delay-1")
    told = (fault["state"], fault["reason"])
    assert told == ("indeterminate", "no jitter between h1 and h2 from 20.0 to 30.0 s")


def test_a_jitter_below_what_probes_resolve_is_said_to_be_so(rebuilt: Rebuilt) -> None:
    fault = bend.result(rebuilt(files=jittered(1_000_000), jitter=0.0), "delay-1")
    word = "as asked, its jitter too small to see (resolution 2 ms)"
    assert (fault["state"], fault["measured"]["judged"]) == ("installed", word)
