"""Checks the node's wall clock against NTP servers and keeps the verdict that production asks for.

    check = ClockCheck(clock, config.clock, limit_ns, emit)   # emit takes a node.events.Clock
    tasks.create_task(check.run())                            # asks the servers until cancelled
    check.wake()                                              # at every wake of the slot timer
    check.abstain_reason()                                    # None: a slot may be produced

Events: one per exchange with a server (source names it; with rtt_ns 0 it gave no answer to use,
reason says why, offset and bound say nothing), and one with source "" whenever the verdict's reason
changes between exchanges (a step, a bound grown too wide).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import ntplib

from node.config import ClockConfig, ConfigError
from node.events import Clock
from node.timing.clock import STEP_NS, ClockJudge, ClockVerdict, NodeClock, NtpSample
from node.timing.ntp_rules import bound_ns, split_server, unsynchronised

BURST = 8
BURST_APART_NS = 20_000_000
PUBLIC_BURST_APART_NS = 2_000_000_000
PUBLIC_POLL_NS_MIN = 64_000_000_000
RETRY_NS = 1_000_000_000
TIMEOUT_S = 1.0

_PUBLIC_NAMES = (
    "pool.ntp.org", "time.google.com", "time.cloudflare.com", "time.apple.com", "time.windows.com",
    "time.nist.gov", "time.facebook.com", "ntp.ubuntu.com", "ptbtime",
)  # fmt: skip
_ECHO_TOLERANCE_S = 0.002
_FLOAT_ERROR_NS = 2_000
"""ntplib keeps seconds since 1900 in a float: half a microsecond a stamp."""


class NtpError(Exception):
    """A server gave no answer that counts; reason is a fixed word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


def is_public(server: str) -> bool:
    """Return whether server is one of the public services that must not be asked often."""
    host = split_server(server)[0].rstrip(".").lower()
    return any(name in host for name in _PUBLIC_NAMES)


def check_servers(config: ClockConfig) -> None:
    """Check that the configured servers may be asked.

    Raises:
        ConfigError: a server name is malformed, or a public server would be polled too often.
    """
    if config.poll_ns <= 0:
        raise ConfigError(f"clock.poll_ns: {config.poll_ns} must be positive")
    for server in config.ntp:
        try:
            split_server(server)
        except ValueError as error:
            raise ConfigError(f"clock.ntp: {error}") from error
        if is_public(server) and config.poll_ns < PUBLIC_POLL_NS_MIN:
            raise ConfigError(
                f"clock.ntp: {server} is a public server and must not be polled more often than "
                "every 64 s; name a server of the lab, or raise clock.poll_ns"
            )


def ask(clock: NodeClock, server: str) -> NtpSample:
    """Return one exchange with server, as seen by the node's skewed clock. Blocks up to a second.

    ntplib stamps with the machine's real clock, so the skew in force is added to its offset. The
    node's clock is read before and after: if it stepped in between, the exchange is worth nothing,
    and what it moved by less than that widens the bound.

    Raises:
        NtpError: no_answer, bad_answer, unsynchronized (the server has no time), clock_stepped.
    """
    host, port = split_server(server)
    before_wall_ns, before_mono_ns = clock.pair()
    before_skew_ns = clock.skew_ns()
    try:
        answer = ntplib.NTPClient().request(host, version=4, port=port, timeout=TIMEOUT_S)
    except (ntplib.NTPException, OSError, UnicodeError) as error:
        raise NtpError("no_answer", f"{server}: {error}") from error
    skew_ns = clock.skew_ns()
    wall_ns, mono_ns = clock.pair()
    moved_ns = abs((wall_ns - mono_ns) - (before_wall_ns - before_mono_ns))
    if moved_ns > STEP_NS:
        raise NtpError("clock_stepped", f"{server}: the clock stepped while it was asked")
    echo_ns = round(float(answer.orig_time) * 1e9)
    earliest_ns = before_wall_ns - before_skew_ns - round(_ECHO_TOLERANCE_S * 1e9)
    latest_ns = wall_ns - skew_ns + round(_ECHO_TOLERANCE_S * 1e9)
    rtt_ns = round(float(answer.delay) * 1e9)
    if answer.mode != 4 or not earliest_ns <= echo_ns <= latest_ns or rtt_ns < -STEP_NS:
        raise NtpError("bad_answer", f"{server}: not an answer to this question")
    if problem := unsynchronised(answer.leap, answer.stratum):
        raise NtpError("unsynchronized", f"{server}: {problem}")
    rtt_ns = max(1, rtt_ns)
    root_ns = round((float(answer.root_dispersion) + float(answer.root_delay) / 2) * 1e9)
    return NtpSample(
        source=server,
        offset_ns=skew_ns - round(float(answer.offset) * 1e9),
        bound_ns=bound_ns(root_ns=root_ns, rtt_ns=rtt_ns) + moved_ns + _FLOAT_ERROR_NS,
        rtt_ns=rtt_ns,
        stratum=int(answer.stratum),
        mono_ns=mono_ns,
        wall_minus_mono_ns=wall_ns - mono_ns,
    )


class ClockCheck:
    """Holds the verdict on one node's clock and keeps asking the servers while `run` runs."""

    def __init__(
        self, clock: NodeClock, config: ClockConfig, limit_ns: int, emit: Callable[[Clock], None]
    ) -> None:
        """Check the configuration as check_servers does; config.limit_ns goes before limit_ns."""
        check_servers(config)
        self._clock = clock
        self._thread_clock = clock.twin()
        self._config = config
        self._emit = emit
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ntp")
        self._judge = ClockJudge(limit_ns if config.limit_ns is None else config.limit_ns)
        self._burst_wanted = asyncio.Event()
        self._told_reason = "clock_unverified"
        self._verdict = self._judge.verdict(0)

    @property
    def verdict(self) -> ClockVerdict:
        """Return the verdict of the last wake or exchange."""
        return self._verdict

    def wake(self) -> ClockVerdict:
        """Return the verdict now; a step since the last wake voids it and has the servers asked."""
        wall_ns, mono_ns = self._clock.pair()
        if self._judge.wake(wall_ns, mono_ns):
            self._burst_wanted.set()
        self._verdict = self._judge.verdict(mono_ns)
        if self._verdict.reason != self._told_reason:
            verdict = self._verdict
            self._tell("", verdict.reason, verdict.offset_ns, verdict.bound_ns or 0)
        return self._verdict

    def abstain_reason(self) -> str | None:
        """Return why no slot may be produced, by the last wake; None when one may.

        Without servers, or with required false, nothing is held back.
        """
        if self._verdict.verified or not self._config.required or not self._config.ntp:
            return None
        return self._verdict.reason

    async def run(self) -> None:
        """Ask every server: a burst at start and after each step, else once each poll interval."""
        try:
            while self._config.ntp:
                self._burst_wanted.clear()
                for server in self._config.ntp:
                    await self._burst(server)
                while not self._burst_wanted.is_set():
                    await self._pause(self._poll_ns())
                    if not self._burst_wanted.is_set():
                        for server in self._config.ntp:
                            await self._exchange(server)
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _poll_ns(self) -> int:
        """Return how long until the next exchange: shorter while no sample counts, in a lab."""
        public = any(is_public(server) for server in self._config.ntp)
        if self._verdict.bound_ns is not None or public:
            return self._config.poll_ns
        return min(RETRY_NS, self._config.poll_ns)

    async def _burst(self, server: str) -> None:
        apart_ns = PUBLIC_BURST_APART_NS if is_public(server) else BURST_APART_NS
        for _ in range(BURST):
            if not await self._exchange(server) or self._burst_wanted.is_set():
                return
            await self._pause(apart_ns)

    async def _pause(self, pause_ns: int) -> None:
        """Wait that long, or until a step wants a burst."""
        try:
            await asyncio.wait_for(self._burst_wanted.wait(), pause_ns / 1e9)
        except TimeoutError:
            return

    async def _exchange(self, server: str) -> bool:
        """Return whether the server gave a sample that counts."""
        try:
            loop = asyncio.get_running_loop()
            sample = await loop.run_in_executor(self._threads, ask, self._thread_clock, server)
        except NtpError as error:
            self.wake()
            self._tell(server, error.reason, 0, 0)
            return False
        self.wake()
        counts = self._judge.sample(sample)
        self._verdict = self._judge.verdict(self._clock.mono_ns())
        reason = self._verdict.reason if counts else "clock_stepped"
        self._tell(server, reason, sample.offset_ns, sample.bound_ns, sample)
        return counts

    def _tell(
        self, source: str, reason: str, offset_ns: int, bound_ns: int,
        sample: NtpSample | None = None,
    ) -> None:  # fmt: skip
        self._told_reason = self._verdict.reason
        self._emit(
            Clock(
                source=source, offset_ns=offset_ns, bound_ns=bound_ns,
                rtt_ns=0 if sample is None else sample.rtt_ns,
                verified=self._verdict.verified, reason=reason,
                stratum=0 if sample is None else sample.stratum,
            )
        )  # fmt: skip
