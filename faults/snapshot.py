"""The state a fault may touch, as canonical text: equal before and after healing, or the report
says so.
"""

from __future__ import annotations

import json
from typing import Any

from faults.clock import read_skew
from faults.evidence_delay import root_qdisc
from faults.evidence_unit import unit_state
from faults.layout import HostConfig, Layout
from faults.runner import output
from faults.units import UNITS

_VOLATILE = frozenset(("handle", "expires", "packets", "bytes", "index"))


def snapshot(layout: Layout, host: HostConfig) -> dict[str, object]:
    """Return nft rules, qdiscs, legacy iptables, skew and units, without counters and handles."""
    return {
        "nft": _canonical(_nftables()),
        "tc": _canonical(_qdiscs(host.interface)),
        "iptables": _legacy_rules(),
        "skew": _skew(layout),
        "units": {name: unit_state(unit).get("ActiveState", "") for name, unit in UNITS.items()},
    }


def _canonical(value: object) -> str:
    return json.dumps(_stripped(value), sort_keys=True, separators=(",", ":"))


def _stripped(value: object) -> object:
    if isinstance(value, dict):
        return {k: _stripped(v) for k, v in value.items() if k not in _VOLATILE}
    if isinstance(value, list):
        return [_stripped(each) for each in value]
    return value


def _nftables() -> list[Any]:
    code, text, _ = output(("nft", "-j", "list", "ruleset"))
    if code or not text.strip():
        return []
    return [each for each in json.loads(text).get("nftables", []) if "metainfo" not in each]


def _qdiscs(interface: str) -> list[Any]:
    if interface:
        return [list(root_qdisc(interface))]
    code, text, _ = output(("tc", "-j", "qdisc", "show"))
    return list(json.loads(text or "[]")) if code == 0 else []


def _legacy_rules() -> list[str]:
    """Return the mangle rules of a legacy iptables; its nft variant shows in nft already."""
    if "legacy" not in output(("iptables", "--version"))[1]:
        return []
    text = output(("iptables-save", "-t", "mangle"))[1]
    return [line for line in text.splitlines() if line.startswith("-A")]


def _skew(layout: Layout) -> dict[str, int]:
    skew = read_skew(layout.skew_file)
    return {"offset_ns": skew.offset_ns, "drift_ppb": skew.drift_ppb}
