"""What is asked of the values that a campaign gives a fault: refused where they do not fit.

Each function takes the values by the names of `asked`, and raises ValueError, which says what to
write instead. Nothing of the product is imported here.
"""

from collections.abc import Mapping
from typing import Any

HOST_DRIFT_PPB_MAX = 500_000
"""What the kernel lets a host's clock drift by."""
WANDER_PPB_MAX = 10_000_000
"""What the rate of a node's own clock may wander within."""
EVERY_NS_MIN = 200_000_000
"""What is done again and again is at least so far apart."""


def one_way(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a delay, of which one way is given or both, or a trace: then its
    largest, and each with its time.
    """
    delay_ns, rtt_ns, jitter_ns = asked["delay_ns"], asked["rtt_ns"], asked["jitter_ns"]
    trace = asked["trace"]
    if [delay_ns, rtt_ns, trace].count(None) != 2:
        raise ValueError("give exactly one of delay (one way), rtt (split evenly) and trace")
    if trace is not None:
        if asked["back_ns"] is not None:
            raise ValueError("back: a trace is of both ways; leave out back")
        if jitter_ns or asked["distribution"] != "uniform":
            raise ValueError("trace: it has its own jitter; leave out jitter and distribution")
        return {
            "delay_ns": max(delay for _, delay in trace.steps), "jitter_ns": 0,
            "trace": trace.name, "trace_sha256": trace.sha256,
            "steps": [list(step) for step in trace.steps],
        }  # fmt: skip
    one_way_ns = rtt_ns // 2 if delay_ns is None else delay_ns
    if asked["back_ns"] not in (None, one_way_ns):
        return _two_ways(asked)
    if jitter_ns > one_way_ns > 0:
        raise ValueError("jitter is larger than the delay itself; lower it")
    own = {"delay_ns": one_way_ns, "jitter_ns": jitter_ns}
    if (distribution := asked["distribution"]) == "uniform":
        return own
    if not jitter_ns and one_way_ns:
        raise ValueError("distribution: without a jitter nothing is spread; give jitter")
    return own | {"distribution": distribution}


def _two_ways(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a delay that is another on the way back."""
    if asked["rtt_ns"] is not None or asked["jitter_ns"] or asked["distribution"] != "uniform":
        raise ValueError("back: it goes with delay alone; leave out rtt, jitter and distribution")
    if not asked["delay_ns"]:
        raise ValueError("back: without a delay forth; name the sides the other way round")
    return {"delay_ns": asked["delay_ns"], "jitter_ns": 0, "back_ns": asked["back_ns"]}


def burst_share_max(burst: float) -> float:
    """Return the largest share that bursts of that mean length can lose."""
    return burst / (burst + 1)


def in_bursts(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a loss, whose bursts hold all that is lost."""
    share, burst = asked["share"], asked["burst"]
    if burst == 1:
        return {"share": share}
    if share > burst_share_max(burst):
        raise ValueError(f"burst: in bursts of {burst} no such share is lost; make them longer")
    return {"share": share, "burst": burst}


def hang_is_not_said(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of who severs hosts: how only where it is by a reset."""
    return {} if asked["how"] == "hang" else dict(asked)


def in_the_kernels_reach(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a drift; the kernel bends a host's own clock by so much only."""
    if asked["level"] == "host" and abs(asked["by_ppb"]) > HOST_DRIFT_PPB_MAX:
        raise ValueError("by: a host's clock drifts by 500ppm at most; lower it")
    return dict(asked)


def one_amount(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of memory: bytes, or a share of what the host has."""
    given = {key: value for key, value in asked.items() if value is not None}
    if len(given) != 1:
        raise ValueError("give exactly one of amount and share")
    return given


def often_enough(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of what is done again and again."""
    if asked["every_ns"] < EVERY_NS_MIN:
        raise ValueError("every: shorter than 200ms; write more")
    return dict(asked)


def within(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a rate that wanders: the bound of either way."""
    if not 0 <= asked["by_ppb"] <= WANDER_PPB_MAX:
        raise ValueError("by: the bound of either way, at most 10000ppm; write it without a sign")
    return dict(asked)


def up_between(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a crash loop, whose node must be up for a while between."""
    if asked["down_ns"] >= asked["every_ns"]:
        raise ValueError("down: as long as every, so that the node never runs; write less")
    return often_enough(asked)


def whom_only_a_censor_names(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a liar; accounts only where they are, and only of who censors."""
    accounts = list(asked["accounts"])
    if accounts and asked["strategy"] != "censor":
        raise ValueError(f"accounts: {asked['strategy']} spares nobody; remove it")
    rest = {key: value for key, value in asked.items() if key != "accounts"}
    return {**rest, "accounts": accounts} if accounts else rest
