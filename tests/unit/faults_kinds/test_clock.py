"""Clock faults without a clock: rates, markers, the undo by shell, and what may overlap."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from faults.durable.ledger import shell_lines
from faults.host.boottime import boot_id
from faults.host.clock.host_clock import (
    FREQ_MAX,
    Moved,
    Rate,
    Reading,
    load,
    marker_text,
    read,
    read_rate,
)
from faults.host.clock.host_clock_undo import perl_script
from faults.kinds.clock.clock_faults import ClockDrift, ClockStep
from faults.kinds.registry import decode_fault, overlap
from faults.model.fault import FaultError, HostContext, RestoreClock

S = 1_000_000_000
OFFSET_CS = 179_524_000_000
UPTIME = "1234.50"


@pytest.mark.parametrize("freq", [0, 30 << 16, -(499 << 16), 500 << 16])
@pytest.mark.parametrize("by_ppb", [200_000, -200_000, 500_000, 1, -500_000])
def test_a_drift_adds_to_the_disciplined_rate_within_what_the_kernel_takes(
    freq: int, by_ppb: int
) -> None:
    before = Rate(10_000, freq)
    after = before.faster(by_ppb)
    assert abs(after.ppb - before.ppb - by_ppb) <= 1
    assert abs(after.freq) <= FREQ_MAX
    assert 9_000 <= after.tick <= 11_000


def test_the_tick_stays_when_freq_alone_will_do() -> None:
    assert Rate(10_000, 100 << 16).faster(200_000).tick == 10_000


def test_wall_time_is_foretold_at_the_rate_read() -> None:
    start = Reading(wall_ns=5 * S, raw_ns=S, error_ns=0, rate=Rate(10_000, 200 << 16))
    assert start.wall_at(11 * S) == 15 * S + 2_000_000


def test_the_clock_is_read_without_being_changed() -> None:
    first, second = read(), read()
    assert second.raw_ns > first.raw_ns
    error_ns = first.error_ns + second.error_ns + 1_000_000
    assert abs(second.wall_ns - first.wall_at(second.raw_ns)) <= error_ns
    assert read_rate() == first.rate


def marker(tmp_path: Path, boot: str) -> Path:
    before = Reading(wall_ns=0, raw_ns=0, error_ns=0, rate=Rate(10_000, -655_360))
    path = tmp_path / "clock-ab12cd34.marker"
    path.write_bytes(marker_text(Moved(boot, before), OFFSET_CS * 10_000_000 + 9))
    return path


def undo(path: Path, now_cs: int) -> list[str]:
    """Run the shell undo where date, perl and uptime are ours; return the calls it made."""
    uptime, calls = path.parent / "uptime", path.parent / "calls"
    uptime.write_text(f"{UPTIME} 99.10\n")
    calls.write_text("")
    lines = shell_lines((RestoreClock(path),))
    script = "\n".join(lines).replace("/proc/uptime", str(uptime))
    fakes = f"""
date() {{ if [ "$1" = -s ]; then echo "date $2" >> {calls}; else echo {now_cs}; fi; }}
perl() {{ return 1; }}
"""
    subprocess.run(("/bin/sh", "-ec", fakes + script), check=True, timeout=120)
    return calls.read_text().splitlines()


def test_without_perl_the_shell_puts_time_back_from_uptime_until_it_is_right(
    tmp_path: Path,
) -> None:
    path = marker(tmp_path, boot_id())
    right_cs = OFFSET_CS + 123_450
    assert undo(path, right_cs + 50) == [f"date @{right_cs / 100:.2f}"] * 5
    assert not path.exists()


def perl(off_ns: int, rate: Rate) -> list[list[int]]:
    """Run the undo's perl, its system calls ours: RAW shows 9 s, wall is off_ns from the line.

    Return [modes, freq, sec, nsec, tick] of each adjtimex.
    """
    before = Reading(wall_ns=5 * S, raw_ns=S, error_ns=0, rate=rate)
    wall_ns = before.wall_at(9 * S) + off_ns
    fake = f"""
BEGIN {{ *CORE::GLOBAL::syscall = sub {{
  if (@_ == 3) {{ my $t = $_[1] == 4 ? {9 * S} : {wall_ns};
    $_[2] = pack("q2", int($t / 1000000000), $t % 1000000000); return 0; }}
  die if length($_[1]) != 208;
  my ($modes, $freq, $sec, $nsec, $tick) = unpack("Lx4x8qx48qqq", $_[1]);
  print "$modes $freq $sec $nsec $tick\\n"; return 0;
}} }}
"""
    words = (rate.tick, rate.freq, before.wall_ns, before.raw_ns, rate.ppb)
    done = subprocess.run(
        ("perl", "-e", fake + perl_script(), "--", *map(str, words)),
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("freq", [0, 200 << 16, -(300 << 16)])
@pytest.mark.parametrize("off_ns", [500_000_000, -2_300_000_000, 51_000, -1])
def test_perl_steps_by_what_is_missing_and_not_at_all_when_nothing_is(
    freq: int, off_ns: int
) -> None:
    rate = Rate(10_000, freq)
    rated, *stepped = perl(off_ns, rate)
    assert rated == [0x4002, freq, 0, 0, 10_000]
    if abs(off_ns) <= 50_000:
        assert stepped == []
    else:
        ((modes, _, sec, nsec, _),) = stepped
        assert modes == 0x2100
        assert 0 <= nsec < S
        assert abs(sec * S + nsec + off_ns) <= 1


@pytest.mark.parametrize("off_cs", [0, 3, -3])
def test_the_shell_undo_leaves_a_clock_that_is_right(tmp_path: Path, off_cs: int) -> None:
    path = marker(tmp_path, boot_id())
    assert undo(path, OFFSET_CS + 123_450 + off_cs) == []


def test_the_shell_undo_never_moves_a_clock_that_was_not_moved(tmp_path: Path) -> None:
    assert undo(tmp_path / "clock-ab12cd34.marker", 0) == []
    rebooted = marker(tmp_path, "0b5e77a4-0000-4000-8000-000000000000")
    assert undo(rebooted, 0) == []
    assert not rebooted.exists()


@pytest.mark.parametrize(
    "text", ["", "garbage", "a b c d\n", f"{boot_id()} 1; 2 3 4 5 6\n", f"{boot_id()} 1\n"]
)
def test_a_marker_that_is_not_ours_to_read_is_ignored(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clock-ab12cd34.marker"
    path.write_text(text)
    assert load(path) is None
    assert undo(path, 0) == []


def test_the_marker_survives_the_way_to_disk_and_back(tmp_path: Path) -> None:
    path = marker(tmp_path, boot_id())
    moved = load(path)
    assert moved is not None
    assert moved.before.rate == Rate(10_000, -655_360)
    assert moved.after is None


def step(at_s: int, for_s: int, level: str = "process") -> ClockStep:
    return ClockStep(id=f"s{at_s}", at_ns=at_s * S, for_ns=for_s * S, by_ns=1, level=level)  # type: ignore[arg-type]


def drift(at_s: int, for_s: int) -> ClockDrift:
    return ClockDrift(id=f"d{at_s}", at_ns=at_s * S, for_ns=for_s * S, by_ppb=1)


def test_clock_faults_of_one_host_keep_apart() -> None:
    assert overlap([step(0, 5), step(5, 5)]) is None
    assert overlap([step(0, 5), drift(6, 5)]) is None
    assert overlap([step(0, 5, "host"), step(15, 5, "host")]) is None
    for near in ([step(0, 6), step(5, 5)], [step(0, 5), drift(5, 5)],
                 [step(0, 5, "host"), step(14, 5)]):  # fmt: skip
        error = overlap(near)
        assert error is not None
        assert error.reason == "overlapping_clock_fault"


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        ({"fault": "clock_step", "by_ns": 1, "level": "host"}, "clock of the host's own"),
        ({"fault": "clock_step", "by_ns": 1, "level": "daemon"}, "chrony as its time daemon"),
        ({"fault": "clock_drift", "by_ppb": 1, "level": "host"}, "use level process"),
    ],
)
def test_a_host_without_a_clock_of_its_own_is_told_so(
    wire: dict[str, object], words: str, tmp_path: Path
) -> None:
    fault = decode_fault(json.dumps({"id": "c", "at_ns": 0, "for_ns": S, **wire}).encode())
    here = HostContext(token="ab12cd34", run_dir=tmp_path, skew_file=tmp_path / "skew",
                 capabilities=frozenset({"nft", "systemd"}), deadline_ns=S)  # fmt: skip
    with pytest.raises(FaultError, match=words):
        fault.check(here)


@pytest.mark.parametrize(
    ("wire", "word"),
    [
        ({"fault": "clock_step", "by_ns": 3_601 * S}, "by_ns"),
        ({"fault": "clock_drift", "by_ppb": 500_001, "level": "host"}, "by_ppb"),
        ({"fault": "clock_drift", "by_ppb": 1, "level": "daemon"}, "level"),
        ({"fault": "ntp_offset", "by_ns": 1, "servers": []}, "servers"),
        ({"fault": "ntp_cut", "servers": ["pool.ntp.org"]}, "pool.ntp.org"),
    ],
)
def test_a_wrong_clock_or_ntp_fault_is_refused_naming_what_is_wrong(
    wire: dict[str, object], word: str
) -> None:
    with pytest.raises(FaultError, match=word) as caught:
        decode_fault(json.dumps({"id": "c", "at_ns": 0, "for_ns": S, **wire}).encode())
    assert caught.value.reason == "bad_fault"
