"""Claims about the skew file's reader."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from node.timing.skew_file import NO_SKEW, SKEW_LAYOUT, Skew, SkewFile, skewed

SECOND_NS, MS = 10**9, 10**6


def pack(seq: int, skew: Skew) -> bytes:
    return SKEW_LAYOUT.pack(seq, skew.offset_ns, skew.drift_ppb, skew.since_mono_ns)


def test_the_layout_is_four_little_endian_words() -> None:
    assert SKEW_LAYOUT.size == 32
    assert pack(2, Skew(offset_ns=-1, drift_ppb=3, since_mono_ns=4)).hex() == (
        "0200000000000000" "ffffffffffffffff" "0300000000000000" "0400000000000000"
    )  # fmt: skip


def test_no_path_missing_empty_and_short_files_mean_no_skew(tmp_path: Path) -> None:
    assert SkewFile(None).read(0) == NO_SKEW
    path = tmp_path / "skew"
    reader = SkewFile(path)
    assert reader.read(0) == NO_SKEW
    path.write_bytes(b"")
    assert reader.read(SECOND_NS) == NO_SKEW
    path.write_bytes(b"\x02" * 31)
    assert reader.read(2 * SECOND_NS) == NO_SKEW


def test_a_file_that_is_not_there_is_looked_for_every_20_ms(tmp_path: Path) -> None:
    path = tmp_path / "skew"
    reader = SkewFile(path)
    assert reader.read(0) == NO_SKEW
    path.write_bytes(pack(2, Skew(offset_ns=1)))
    assert reader.read(19 * MS) == NO_SKEW
    assert reader.read(20 * MS) == Skew(offset_ns=1)


def test_a_change_in_place_is_seen_by_a_read_a_millisecond_later(tmp_path: Path) -> None:
    path = tmp_path / "skew"
    first, second = Skew(offset_ns=300_000_000), Skew(drift_ppb=50_000, since_mono_ns=7)
    path.write_bytes(pack(2, first))
    reader = SkewFile(path)
    assert reader.read(0) == first
    path.write_bytes(pack(4, second))
    assert reader.read(MS - 1) == first
    assert reader.read(MS) == second
    path.write_bytes(pack(6, first))
    assert reader.read(0) == first, "a clock that went back keeps nothing"


def test_a_half_written_change_keeps_the_last_stable_skew(tmp_path: Path) -> None:
    path = tmp_path / "skew"
    stable = Skew(offset_ns=5)
    path.write_bytes(pack(2, stable))
    reader = SkewFile(path)
    assert reader.read(0) == stable
    path.write_bytes(pack(3, Skew(offset_ns=99)))
    assert reader.read(MS) == stable
    path.write_bytes(pack(4, Skew(offset_ns=99)))
    assert reader.read(2 * MS) == Skew(offset_ns=99)


def test_a_file_replaced_removed_or_truncated_is_noticed(tmp_path: Path) -> None:
    path, other = tmp_path / "skew", tmp_path / "new"
    path.write_bytes(pack(2, Skew(offset_ns=1)))
    reader = SkewFile(path)
    assert reader.read(0) == Skew(offset_ns=1)
    other.write_bytes(pack(2, Skew(offset_ns=2)))
    os.replace(other, path)
    assert reader.read(SECOND_NS) == Skew(offset_ns=2)
    os.truncate(path, 0)
    assert reader.read(SECOND_NS + MS) == NO_SKEW
    path.unlink()
    assert reader.read(2 * SECOND_NS) == NO_SKEW
    path.write_bytes(pack(2, Skew(offset_ns=3)))
    assert reader.read(3 * SECOND_NS) == Skew(offset_ns=3)


@given(
    st.integers(0, 2**62), st.integers(0, 2**62), st.integers(-(10**12), 10**12),
    st.integers(-500_000, 500_000), st.integers(0, 3600),
)  # fmt: skip
def test_skew_is_offset_plus_drift_since_it_began(
    wall_ns: int, since_ns: int, offset_ns: int, drift_ppb: int, seconds: int
) -> None:
    skew = Skew(offset_ns=offset_ns, drift_ppb=drift_ppb, since_mono_ns=since_ns)
    assert skewed(wall_ns, since_ns, skew) == wall_ns + offset_ns
    later_ns = since_ns + seconds * SECOND_NS
    assert skewed(wall_ns, later_ns, skew) == wall_ns + offset_ns + seconds * drift_ppb
    assert skewed(wall_ns, later_ns, NO_SKEW) == wall_ns
