"""Claims about the NTP checks, against a small server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.config import ClockConfig, ConfigError
from node.events import Clock
from node.timing.clock import NodeClock
from node.timing.ntp import ClockCheck, NtpError, ask, check_servers, is_public
from node.timing.ntp_rules import split_server
from node.timing.skew_file import SKEW_LAYOUT
from tests.waiting import DEADLINE_S

MS = 1_000_000
LIMIT_NS = 125 * MS


def write_skew(path: Path, seq: int, offset_ns: int) -> None:
    path.write_bytes(SKEW_LAYOUT.pack(seq, offset_ns, 0, 0))


@pytest.mark.parametrize("offset_ns", [0, 300 * MS, -1_500 * MS])
def test_offset_and_bound_contain_what_the_server_is_off(sntp: Any, offset_ns: int) -> None:
    sntp.offset_ns = -offset_ns
    sample = ask(NodeClock(), sntp.name)
    assert abs(sample.offset_ns - offset_ns) <= sample.bound_ns
    assert sample.bound_ns >= 95 * MS // 100 + sample.rtt_ns // 2
    assert sample.stratum == 1


def test_the_injected_skew_is_seen_by_the_check(sntp: Any, tmp_path: Path) -> None:
    write_skew(tmp_path / "skew", 2, -400 * MS)
    sample = ask(NodeClock(str(tmp_path / "skew")), sntp.name)
    assert abs(sample.offset_ns + 400 * MS) <= sample.bound_ns


def test_a_server_that_cannot_help_is_an_error_with_a_reason(sntp: Any) -> None:
    clock = NodeClock()
    sntp.stratum = 16
    with pytest.raises(NtpError, match=r"unsynchronized: .*stratum 16"):
        ask(clock, sntp.name)
    sntp.stratum, sntp.forged = 1, True
    with pytest.raises(NtpError, match="bad_answer"):
        ask(clock, sntp.name)
    sntp.silent = True
    with pytest.raises(NtpError, match="no_answer"):
        ask(clock, sntp.name)


def test_a_public_server_may_not_be_polled_often() -> None:
    with pytest.raises(ConfigError, match=r"2\.debian\.pool\.ntp\.org is a public server"):
        check_servers(ClockConfig(ntp=["2.debian.pool.ntp.org"]))
    check_servers(ClockConfig(ntp=["2.debian.pool.ntp.org"], poll_ns=64 * 10**9))
    check_servers(ClockConfig(ntp=["10.0.0.1", "ntp.lab:1123"]))
    assert is_public("POOL.NTP.ORG.:123")
    assert not is_public("clock.lab")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("10.0.0.1", ("10.0.0.1", 123)),
        ("clock.lab:1123", ("clock.lab", 1123)),
        ("fd00::1", ("fd00::1", 123)),
        ("[fd00::1]:5", ("fd00::1", 5)),
    ],
)
def test_a_server_is_a_name_with_or_without_a_port(server: str, expected: tuple[str, int]) -> None:
    assert split_server(server) == expected


def test_a_malformed_port_is_the_operators_error() -> None:
    with pytest.raises(ConfigError, match="port must be a number"):
        check_servers(ClockConfig(ntp=["clock.lab:x"]))


async def until(check: ClockCheck, predicate: Callable[[], bool]) -> None:
    """Wake the check as a slot timer would until predicate holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not predicate():
        assert time.monotonic() < deadline, "deadline"
        check.wake()
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(check: ClockCheck) -> Any:
    task = asyncio.create_task(check.run())
    try:
        yield check
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_a_step_means_abstaining_until_a_new_burst_says_otherwise(
    sntp: Any, tmp_path: Path
) -> None:
    skew, told = tmp_path / "skew", list[Clock]()
    write_skew(skew, 0, 0)
    config = ClockConfig(ntp=[sntp.name], poll_ns=3600 * 10**9)

    async def run() -> None:
        check = ClockCheck(NodeClock(str(skew)), config, LIMIT_NS, told.append)
        assert check.abstain_reason() == "clock_unverified"
        async with running(check):
            await until(check, lambda: check.verdict.verified and sntp.asked >= 8)
            assert check.abstain_reason() is None
            write_skew(skew, 2, 300 * MS)
            time.sleep(0.001)  # So long what was read of the file holds; nothing else runs.
            check.wake()
            assert check.abstain_reason() == "clock_stepped"
            await until(check, lambda: check.abstain_reason() == "clock_offset")
            write_skew(skew, 4, 0)
            check.wake()
            await until(check, lambda: check.verdict.verified)

    asyncio.run(run())
    words = [event.reason for event in told]
    assert [w for i, w in enumerate(words) if i == 0 or words[i - 1] != w] == [
        "", "clock_stepped", "clock_offset", "clock_stepped", "",
    ]  # fmt: skip
    steps = [event for event in told if event.source == ""]
    assert len(steps) == 2
    assert steps[0].offset_ns > 150 * MS


def test_a_silent_server_is_told_and_holds_production_back(sntp: Any) -> None:
    told: list[Clock] = []
    sntp.silent = True

    async def run(config: ClockConfig) -> str | None:
        check = ClockCheck(NodeClock(), config, LIMIT_NS, told.append)
        async with running(check):
            await until(check, lambda: bool(told))
        return check.abstain_reason()

    assert asyncio.run(run(ClockConfig(ntp=[sntp.name]))) == "clock_unverified"
    assert [(e.source, e.reason, e.verified) for e in told] == [(sntp.name, "no_answer", False)]
    assert asyncio.run(run(ClockConfig(ntp=[sntp.name], required=False))) is None


def test_a_second_server_that_lies_holds_production_back_until_it_tells_the_truth(
    sntp: Any, second_sntp: Any
) -> None:
    honest, liar, told = sntp, second_sntp, list[Clock]()
    config = ClockConfig(ntp=[honest.name, liar.name], poll_ns=200 * MS)

    async def run() -> None:
        check = ClockCheck(NodeClock(), config, LIMIT_NS, told.append)
        async with running(check):
            await until(check, lambda: liar.asked >= 8 and check.verdict.verified)
            liar.offset_ns = 300 * MS
            await until(check, lambda: check.abstain_reason() == "ntp_disagreement")
            liar.offset_ns = 0
            await until(check, lambda: check.abstain_reason() is None)

    asyncio.run(run())


def test_without_servers_nothing_is_verified_and_nothing_held_back() -> None:
    check = ClockCheck(NodeClock(), ClockConfig(), LIMIT_NS, lambda _event: None)
    assert check.wake().reason == "clock_unverified"
    assert check.abstain_reason() is None
