"""The holder's heap, the queue's messages, the skew file's bytes and a trial's files."""

from __future__ import annotations

import stat
import statistics
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults.durable.trial_files import place_files
from faults.host.layout import layout
from faults.kinds.shaping.nfqueue import drop, packets, verdict
from faults.kinds.shaping.packet_queue import Holder, Spec
from faults.kinds.shaping.shape import Treated
from faults.model.distribution import NAMES, quantile
from faults.model.fault import FaultError

MS = 1_000_000
FROM_2 = bytes([0x45]) + bytes(11) + bytes([10, 0, 0, 2]) + bytes(4)
FROM_9 = bytes([0x45]) + bytes(11) + bytes([10, 0, 0, 9]) + bytes(4)


def holder(delay_ns: int = 50 * MS, jitter_ns: int = 0, **more: Any) -> Holder:
    sources = [
        Treated(host="n2", address="10.0.0.2", delay_ns=delay_ns, jitter_ns=jitter_ns, **more),
        Treated(host="n2", address="fd00::2", delay_ns=2 * delay_ns, jitter_ns=jitter_ns, **more),
    ]
    return Holder(Spec(1, 7, 0, "", "", sources))


def test_packets_are_held_as_long_as_the_trace_says_at_their_time() -> None:
    sources = [Treated(host="n2", address="10.0.0.2", delay_ns=50 * MS)]
    trace = ((0, 20 * MS), (1_000 * MS, 50 * MS), (2_000 * MS, 0))
    box = Holder(Spec(1, 7, 0, "", "", sources, trace=trace), begin_ns=100 * MS)
    payload = bytes([0x45, *bytes(11), 10, 0, 0, 2])
    for number, at_ms in enumerate((50, 1_099, 1_100, 2_099, 2_100)):
        box.take(number, payload, at_ms * MS)
    held = sorted((number, due_ns // MS) for due_ns, number in box.held)
    assert held == [(0, 70), (1, 1_119), (2, 1_150), (3, 2_149), (4, 2_149)], "in order"


def test_a_packet_is_held_its_senders_delay_and_not_a_nanosecond_less() -> None:
    held = holder()
    held.take(1, FROM_2, now_ns=0)
    held.take(2, bytes([0x60]) + bytes(7) + bytes.fromhex("fd00" + "00" * 13 + "02"), now_ns=0)
    assert held.due(50 * MS - 1) == []
    assert held.due(50 * MS) == [1]
    assert held.due(100 * MS) == [2]


def test_a_stranger_and_an_empty_packet_pass_at_once() -> None:
    held = holder()
    held.take(1, FROM_9, now_ns=5)
    held.take(2, b"", now_ns=5)
    assert held.due(5) == [1, 2]
    assert held.stats.unknown == 2


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(0, 2**32))
def test_ordered_packets_keep_their_order_within_the_jitter(gaps: list[int], seed: int) -> None:
    held = holder(50 * MS, 40 * MS)
    held = Holder(msgspec.structs.replace(held.spec, seed=seed))
    now_ns = 0
    for number, gap in enumerate(gaps):
        now_ns += gap * MS
        held.take(number, FROM_2, now_ns)
    due = [when for when, _ in sorted(held.held)]
    assert held.due(now_ns + 90 * MS, limit=1000) == list(range(len(gaps)))
    assert all(when <= now_ns + 90 * MS for when in due)


@pytest.mark.parametrize("gap_ns", [MS // 10, 3 * MS, 100 * MS])
def test_ordered_jitter_spreads_the_delay_but_does_not_bias_it(gap_ns: int) -> None:
    held = holder(80 * MS, 10 * MS)
    for number in range(4000):
        held.take(number, FROM_2, number * gap_ns)
    delays = sorted(due - number * gap_ns for due, number in held.held)
    assert 70 * MS <= delays[0] < delays[-1] <= 90 * MS
    points = 4000 * gap_ns / (30 * MS)
    assert abs(statistics.median(delays) - 80 * MS) < 3 * 10 * MS / points**0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_delay_is_spread_as_its_distribution_says_and_never_negative(name: str) -> None:
    held = holder(20 * MS, 10 * MS, distribution=name)
    at = [number * 5 * MS for number in range(40_000)]
    for number, now_ns in enumerate(at):
        held.take(number, FROM_2, now_ns)
    delays = sorted((due - at[number]) / MS for due, number in held.held)
    assert delays[0] >= 0
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        asked = max(0.0, 20 + 10 * quantile(name, share))
        assert delays[int(share * len(delays))] == pytest.approx(asked, abs=1.5)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(0, 2**32))
def test_far_jitter_swaps_nothing_either(gaps: list[int], seed: int) -> None:
    held = holder(50 * MS, 40 * MS, distribution="pareto")
    held = Holder(msgspec.structs.replace(held.spec, seed=seed))
    now_ns = 0
    for number, gap in enumerate(gaps):
        now_ns += gap * MS
        held.take(number, FROM_2, now_ns)
    assert held.due(now_ns + 1000 * MS, limit=1000) == list(range(len(gaps)))


def test_a_share_is_lost_one_by_one_or_in_bursts() -> None:
    for burst in (1, 8):
        held = holder(loss_ppm=200_000, burst=burst)
        for number in range(20_000):
            held.take(number, FROM_2, number)
        stats = held.stats
        assert len(held.dropped) == stats.lost == 20_000 - len(held.held)
        assert stats.lost / 20_000 == pytest.approx(0.2, abs=0.03)
        assert stats.lost / stats.bursts == pytest.approx(1.25 if burst == 1 else 8, rel=0.15)


def test_late_packets_are_overtaken_and_the_others_keep_their_order() -> None:
    held = holder(10 * MS, reorder_ppm=250_000, by_ns=5 * MS)
    for number in range(4_000):
        held.take(number, FROM_2, number * MS)
    late = {number for due, number in held.held if due == (number + 15) * MS}
    assert {number for due, number in held.held if due == (number + 10) * MS} == (
        set(range(4_000)) - late
    )
    assert len(late) == held.stats.reordered
    assert len(late) / 4_000 == pytest.approx(0.25, abs=0.03)
    order = held.due(10_000 * MS, limit=10_000)
    assert order != sorted(order)


def test_a_rate_lets_each_packet_take_its_time_behind_those_before() -> None:
    held = holder(0, bit_rate=1_000_000)
    packet = FROM_2[:2] + (1_250).to_bytes(2, "big") + FROM_2[4:] + bytes(44)
    six = bytes([0x60]) + bytes(3) + (1_210).to_bytes(2, "big") + bytes(2)
    six += bytes.fromhex("fd00" + "00" * 13 + "02") + bytes(40)
    for number, data in enumerate((packet, packet, six)):
        held.take(number, data, 0)
    held.take(3, packet, 100 * MS)
    assert sorted(held.held) == [(10 * MS, 0), (10 * MS, 2), (20 * MS, 1), (110 * MS, 3)]
    assert held.stats.bits_max == 30_000


def test_one_bit_is_wrong_behind_the_header_and_the_packet_keeps_its_length() -> None:
    held = holder(0, corrupt_ppm=1_000_000)
    packet = FROM_2 + bytes(range(100))
    held.take(1, packet, 0)
    (changed,) = held.changed.values()
    assert changed[:20] == packet[:20]
    different = int.from_bytes(changed, "big") ^ int.from_bytes(packet, "big")
    assert (len(changed), different.bit_count()) == (len(packet), 1)
    held.take(2, FROM_2[:20], 0)
    assert held.changed[2] == FROM_2[:20]


def test_the_same_seed_gives_the_same_delays() -> None:
    runs = []
    for _ in range(2):
        held = holder(50 * MS, 10 * MS)
        for number in range(20):
            held.take(number, FROM_2, number)
        runs.append(list(held.held))
    assert runs[0] == runs[1]


def message(packet_id: int, payload: bytes) -> bytes:
    body = bytes(4) + struct.pack("=HH", 11, 1) + packet_id.to_bytes(4, "big") + bytes(4)
    body += struct.pack("=HH", 4 + len(payload), 10) + payload + bytes(-len(payload) % 4)
    return struct.pack("=IHHII", 16 + len(body), 3 << 8, 0, 0, 0) + body


def test_packets_are_read_from_a_datagram_of_several_messages() -> None:
    data = message(1, FROM_2) + message(2, b"abc")
    assert list(packets(data)) == [(1, FROM_2), (2, b"abc")]


@given(st.binary(max_size=200))
def test_reading_any_bytes_ends_without_an_exception(data: bytes) -> None:
    list(packets(data))


def test_a_verdict_is_one_message_of_its_stated_length() -> None:
    data = verdict(5, 77)
    assert len(data) == struct.unpack_from("=I", data)[0] == 32
    assert data[-8:] == struct.pack(">II", 1, 77)
    assert drop(5, 77) == data[:-8] + struct.pack(">II", 0, 77)
    changed = verdict(5, 77, b"abcde")
    assert len(changed) == struct.unpack_from("=I", changed)[0] == 32 + 4 + 8
    assert changed[32:] == struct.pack("=HH", 9, 10) + b"abcde" + bytes(3)


def test_a_trials_files_replace_the_last_ones_and_keys_are_private(tmp_path: Path) -> None:
    place = layout(tmp_path)
    place_files(place, {"node.json": "{}", "keys/usera.key": "old"})
    (place.state_dir / "chain" / "blocks").write_text("x")
    place_files(place, {"node.json": "{}", "keys/producera.key": "aa"})
    assert [path.name for path in (place.trial_dir / "keys").iterdir()] == ["producera.key"]
    mode = (place.trial_dir / "keys" / "producera.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert list((place.state_dir / "chain").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../node.json", "/etc/passwd", "keys/../node.json", "keys/..key", "node.json\n", "undo.sh"],
)
def test_no_file_lands_outside_the_trial(tmp_path: Path, name: str) -> None:
    with pytest.raises(FaultError, match="bad_file"):
        place_files(layout(tmp_path), {name: "x"})
    assert not (tmp_path / "state").exists()
