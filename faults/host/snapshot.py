"""The state a fault may touch, as canonical text: equal before and after healing, or the report
says so.
"""

import json
import re
from typing import Any

from faults.host.clock.clock_setters import HOLDABLE
from faults.host.clock.host_clock import read_rate
from faults.host.clock.skew_file import read_skew
from faults.host.layout import Layout
from faults.host.nft_readback import listing
from faults.host.runner import output
from faults.host.units import UNITS

_VOLATILE = frozenset(("handle", "expires", "packets", "bytes", "index"))
_DEFAULT_HANDLES = ("", "0:")


def snapshot(layout: Layout, *, own_clock: bool) -> dict[str, object]:
    """Return nft rules, qdiscs, legacy iptables, clock, behaviour and units, without what moves by
    itself: counters, the numbers nft gives its rules, a rate that a time daemon steers. own_clock:
    nobody outside this host (as of a container) moves its clock.
    """
    rules = listing("ruleset") or output(("nft", "-s", "list", "ruleset"))[1].splitlines()
    return {
        "nft": _text(_stripped(rules)),
        "tc": _text(_traffic_control()),
        "iptables": _legacy_rules(),
        "clock": _clock(layout, own_clock=own_clock),
        "behaviour": _behaviour(layout),
        "units": dict(zip(UNITS, _states(tuple(UNITS.values())), strict=True)),
    }


def _behaviour(layout: Layout) -> str:
    """Return how the node is told to lie, "" where it is not."""
    try:
        return layout.behaviour_file.read_text(errors="replace")
    except OSError:
        return ""


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _stripped(value: object) -> object:
    if isinstance(value, dict):
        return {k: _stripped(v) for k, v in value.items() if k not in _VOLATILE}
    if isinstance(value, list):
        return [_stripped(each) for each in value]
    return value


def _traffic_control() -> list[Any]:
    """Return the qdiscs of all interfaces, and classes and filters where somebody made some.

    How many use one at the moment is left out.
    """
    qdiscs = [_without_users(each) for each in _tc("qdisc", "show")]
    dressed = sorted({dev for dev, handle in map(_place, qdiscs) if handle not in _DEFAULT_HANDLES})
    rest = [_tc(what, "show", "dev", dev) for dev in dressed for what in ("class", "filter")]
    return [sorted(qdiscs, key=lambda q: json.dumps(q, sort_keys=True)), *rest]


def _without_users(qdisc: Any) -> Any:
    if isinstance(qdisc, dict):
        return {key: value for key, value in qdisc.items() if key != "refcnt"}
    return re.sub(r" refcnt \d+", "", str(qdisc))


def _place(qdisc: Any) -> tuple[str, str]:
    """Return a qdisc's interface and handle, "" for what a line of text does not say."""
    if isinstance(qdisc, dict):
        return str(qdisc.get("dev", "")), str(qdisc.get("handle", ""))
    found = re.match(r"qdisc \S+ (\S+) dev (\S+)", qdisc)
    return (found[2], found[1]) if found else ("", "")


def _tc(*words: str) -> list[Any]:
    """Return what tc shows as objects, or its lines: for some filters it prints text for JSON."""
    code, text, _ = output(("tc", "-j", *words))
    if code != 0:
        return []
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return output(("tc", *words))[1].splitlines()
    return found if isinstance(found, list) else [found]


def _legacy_rules() -> list[str]:
    """Return the mangle rules of a legacy iptables; its nft variant shows in nft already."""
    if "legacy" not in output(("iptables", "--version"))[1]:
        return []
    text = output(("iptables-save", "-t", "mangle"))[1]
    return [line for line in text.splitlines() if line.startswith("-A")]


def _states(units: tuple[str, ...]) -> list[str]:
    """Return each unit's ActiveState, "" without systemd."""
    code, text, _ = output(("systemctl", "show", "--property=ActiveState", *units))
    found = [line.partition("=")[2] for line in text.splitlines() if line] if code == 0 else []
    return found if len(found) == len(units) else [""] * len(units)


def _clock(layout: Layout, *, own_clock: bool) -> dict[str, object]:
    """Return the time daemons' states, the kernel's tick, its rate unless a daemon steers it, and
    the skew file.
    """
    text = output(("systemctl", "list-units", "--plain", "--no-legend", *HOLDABLE))[1]
    listed = (line.split() for line in text.splitlines())
    daemons = {words[0]: words[2] for words in listed if len(words) > 2 and words[2] != "inactive"}
    rate = read_rate() if own_clock else None
    skew = read_skew(layout.skew_file)
    return {
        "daemon": daemons,
        "tick": rate.tick if rate else None,
        "freq": rate.freq if rate and not daemons else None,
        "skew": {"offset_ns": skew.offset_ns, "drift_ppb": skew.drift_ppb},
    }
