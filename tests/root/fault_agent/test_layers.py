"""Several shapers on one pair: what they do adds up, and each ends, or is undone, by itself.

Measured with echoes between two network namespaces; the queue holds the packets.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
MS = 1_000_000
THERE, PORT = "10.9.0.2", 9000
Wire = Callable[..., dict[str, object]]


def ready(bench: Any) -> dict[str, Any]:
    """Return the snapshot of a bench whose agent runs and can queue packets."""
    bench.start_agent()
    if not bench.ask("hello")["capabilities"]["nfqueue"]:
        pytest.skip("this kernel has no NFQUEUE")
    return dict(bench.ask("snapshot"))


def layer(delay: Wire, name: str, at_s: int, for_s: int, delay_ms: int) -> dict[str, object]:
    wire = delay(at_ns=at_s * S, for_ns=for_s * S, delay_ns=delay_ms * MS)
    return wire | {"id": name, "how": "queue"}


def least_ms(bench: Any) -> float:
    """Return the fastest of some round trips: waiting for a busy processor only adds to it."""
    return min(bench.round_trips_ms(10))


def script(bench: Any, fault: str) -> str:
    """Return the path of the undo script of a fault."""
    (entry,) = [each for each in bench.ask("status")["ledger"] if each["fault_id"] == fault]
    return str(bench.root / "state" / "agent" / "ledger" / f"{entry['token']}.sh")


def test_delays_on_one_pair_add_up_with_a_loss_between_and_end_one_by_one(
    bench: Any, delay: Wire
) -> None:
    before = ready(bench)
    lost = {
        "id": "lost", "fault": "loss", "at_ns": 3 * S, "for_ns": 300 * S,
        "interface": "eth0", "how": "nft", "peers": [{"host": "n2", "address": THERE}],
        "share_ppm": 200_000, "node_port": PORT,
    }  # fmt: skip
    layers = [layer(delay, f"d{n}", 3, 300, ms) for n, ms in enumerate((20, 35, 50, 65))]
    bench.arm(*layers, lost)
    for name in ("d0", "d1", "d2", "d3", "lost"):
        wait_until(lambda n=name: bench.state(n) == "installed", f"{name} installed")
    left_ms = 20 + 35 + 50 + 65
    assert left_ms <= least_ms(bench) < left_ms + 20
    for name, ended_ms in (("d1", 35), ("d3", 65), ("d0", 20)):
        subprocess.run(
            ("ip", "netns", "exec", bench.here, "sh", script(bench, name)), check=True, timeout=60
        )
        wait_until(lambda n=name: bench.state(n) == "failed", f"{name} undone by hand")
        left_ms -= ended_ms
        assert left_ms <= least_ms(bench) < left_ms + 20
        assert bench.records(name)[-1]["reason"].startswith("ended_early")
    assert bench.state("d2") == bench.state("lost") == "installed"
    assert bench.ask("heal")["left"] == []
    assert bench.records("lost")[-1]["read_back"]["dropped"]["input"] > 0
    assert least_ms(bench) < 20
    assert bench.ask("snapshot") == before


def test_one_script_takes_back_all_layers_without_python(bench: Any, delay: Wire) -> None:
    before = ready(bench)
    bench.arm(layer(delay, "d0", 3, 300, 20), layer(delay, "d1", 3, 300, 30))
    for name in ("d0", "d1"):
        wait_until(lambda n=name: bench.state(n) == "installed", f"{name} installed")
    heal = str(bench.root / "state" / "agent" / "heal.sh")
    subprocess.run(("ip", "netns", "exec", bench.here, "sh", heal), check=True, timeout=60)
    assert least_ms(bench) < 20
    assert bench.rules() == ""
    bench.ask("heal")
    assert bench.ask("snapshot") == before
