"""How far apart hosts began or ended a fault, and what is not known of that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from faults.model.record import Record
from metrics.fault_checks import fault_records
from metrics.intake.clock_pairs import Epoch
from metrics.model.plan import PlannedFault

MS = 10**6


def test_who_was_first_and_last_may_be_a_host_whose_middle_is_neither() -> None:
    fault = PlannedFault(
        id="cut", fault="partition", at_ns=20 * MS, end_ns=90 * MS, for_ns=70 * MS, targets=[],
        asked={}, how="nft",
    )  # fmt: skip
    between = {"a": (20, 22), "b": (15, 29), "c": (22, 24)}
    records = [
        msgspec.convert(
            {"host": host, "boot": "b", "trial": "t.1", "fault": "cut", "kind": "partition",
             "state": "installed", "mono_ns": last * MS, "wall_ns": 0, "t_ns": last * MS,
             "asked": {}, "between_ns": (first * MS, last * MS), "read_back": {}, "how": "nft",
             "reason": ""}, Record)
        for host, (first, last) in between.items()
    ]  # fmt: skip
    data: Any = SimpleNamespace(
        agents=records,
        epoch_of=lambda record: Epoch(record.host, record.boot),
        timeline=SimpleNamespace(to_reference=lambda epoch, mono: (mono, mono)),
    )
    apart = {"late_ms": [1.0, 3.0], "spread_ms": 2.0, "bound_ms": 7.0}
    assert fault_records.timing(data, fault) == (False, {"start_error_ms": 9.0, "apply": apart})
