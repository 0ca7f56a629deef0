"""The agent: the root service of a host that carries out an armed schedule and always heals.

It knows no controller: requests come in through server.py, and once armed nothing more need come.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from faults import units
from faults.arming import Armed, ArmRequest, Host, build
from faults.boottime import boot_id, boottime_ns, read_clocks, spin_until
from faults.fault import FOR_NS_MAX, SECOND_NS, FaultError
from faults.recovery import recover
from faults.runner import run
from faults.schedule import Action
from faults.snapshot import snapshot
from faults.trial_files import check_files, place_files

log = logging.getLogger(__name__)

SPIN_NS = 4_000_000
"""The event loop may wake this late; the last stretch before an action is spun."""

_SHARED = ("delay", "clock_step")
"""Kinds of which one fault may begin at the moment another ends: their actions keep their order."""


class Agent:
    """The one mutable thing of this room: the armed trial and its running actions."""

    def __init__(self, host: Host, capabilities: dict[str, bool]) -> None:
        self.host = host
        self.capabilities = capabilities
        self.trial = ""
        self.armed: Armed | None = None
        self._changed = asyncio.Event()
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._exclusive = asyncio.Lock()

    def recover(self, reason: str) -> list[str]:
        """Return the faults taken back that an earlier agent left open."""
        host, systemd = self.host, self.capabilities["systemd"]
        return recover(host.ledger, host.journal, reason, systemd=systemd)

    async def run(self) -> None:
        """Never return: do what is due, as it becomes due."""
        while True:
            wake_ns = self.armed.schedule.wake_ns() if self.armed else None
            if wake_ns is None:
                await self._wait(None)
                continue
            left_ns = wake_ns - boottime_ns()
            if left_ns > SPIN_NS:
                await self._wait(min(left_ns - SPIN_NS, SECOND_NS) / SECOND_NS)
                continue
            spin_until(wake_ns)
            self._begin_due()

    def hello(self) -> dict[str, object]:
        """Return who this host is, what it can do, and its clocks now."""
        now = read_clocks()
        return {
            "host": self.host.config.host,
            "boot": boot_id(),
            "version": Path(__file__).resolve().parents[1].name,
            "capabilities": self.capabilities,
            "wall_ns": now.wall_ns,
            "mono_ns": now.mono_ns,
            "boottime_ns": now.boottime_ns,
        }

    async def prepare(self, trial: str, files: dict[str, str]) -> dict[str, object]:
        """Return when units are down and the trial's files are in place of the last one's.

        Raises:
            FaultError: busy, bad_file, disk, unit_failed.
        """
        async with self._exclusive:
            self._refuse_while_active()
            check_files(files)
            if self.capabilities["systemd"]:
                await asyncio.to_thread(units.stop, list(units.UNITS))
            await asyncio.to_thread(place_files, self.host.layout, files)
            self.host.journal.clear()
            self.host.journal.trial, self.host.journal.t0_boottime_ns = trial, None
            self.host.journal.write("started")
            self.trial, self.armed = trial, None
        return {"trial": trial}

    async def start(self, names: list[str]) -> dict[str, object]:
        """Return when the units run."""
        self._need_systemd()
        await asyncio.to_thread(units.start, names)
        return {"started": names}

    async def stop(self, names: list[str]) -> dict[str, object]:
        """Return when the units are down."""
        self._need_systemd()
        await asyncio.to_thread(units.stop, names)
        return {"stopped": names}

    async def snapshot(self) -> dict[str, object]:
        """Return the state of everything a fault may touch, once running actions have ended."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        return await asyncio.to_thread(snapshot, self.host.layout, self.host.config)

    async def arm(self, request: ArmRequest) -> dict[str, object]:
        """Return T0 on this host's clocks once every fault is in the ledger; or nothing is armed.

        Raises:
            FaultError: busy, or why one of the faults cannot be done here.
        """
        async with self._exclusive:
            self._refuse_while_active()
            now = read_clocks()
            armed = await asyncio.to_thread(build, request, self.host, now)
            self.host.ledger.clear_closed()
            journal = self.host.journal
            journal.trial, journal.t0_boottime_ns = request.trial, armed.t0_boottime_ns
            times = {
                "t0_wall_ns": request.t0_wall_ns,
                "t0_mono_ns": armed.t0_mono_ns,
                "t0_boottime_ns": armed.t0_boottime_ns,
                "clock_read_error_ns": now.error_ns,
            }
            try:
                for driver in armed.drivers.values():
                    await asyncio.to_thread(driver.arm)
            except OSError as error:
                self.recover("not_armed")
                raise FaultError("disk", f"ledger: {error.strerror}") from error
            journal.write("armed", read_back=dict(times))
            self.trial, self.armed = request.trial, armed
            self._locks = {}
            self._changed.set()
        return {**times, "armed": list(armed.drivers)}

    def renew(self, trial: str, lease_ns: int) -> dict[str, object]:
        """Return the time left after the lease was set to lease_ns from now.

        Raises:
            FaultError: not_armed, bad_lease.
        """
        if self.armed is None or trial != self.trial or not self.armed.schedule.active:
            raise FaultError("not_armed", f"trial {trial} has nothing armed here")
        if not 0 < lease_ns <= 2 * FOR_NS_MAX:
            raise FaultError("bad_lease", "lease_ns is outside 0..48 h")
        schedule = self.armed.schedule.renewed(boottime_ns() + lease_ns)
        self.armed = self.armed.with_schedule(schedule)
        self._changed.set()
        return {"lease_left_ns": lease_ns}

    def status(self) -> dict[str, object]:
        """Return the trial, the state of its faults, the lease and what the ledger holds open."""
        armed = self.armed
        left_ns = armed.schedule.lease_ns - boottime_ns() if armed else 0
        drivers = armed.drivers.values() if armed else ()
        return {
            "trial": self.trial,
            "faults": [{"id": each.fault.id, "state": each.state} for each in drivers],
            "lease_left_ns": max(0, left_ns) if armed and armed.schedule.active else 0,
            "ledger": [msgspec.to_builtins(e) for e in self.host.ledger.open_entries()],
        }

    async def heal(self, reason: str) -> dict[str, object]:
        """Return the faults taken back; what was not yet begun is dropped, nothing stays armed."""
        async with self._exclusive:
            running = set()
            if self.armed is not None:
                running = {d.fault.id for d in self.armed.drivers.values()
                           if d.state in ("prepared", "applied")}  # fmt: skip
                schedule, actions = self.armed.schedule.end_all()
                self.armed = self.armed.with_schedule(schedule)
                for fault_id, action in actions:
                    self._begin(fault_id, action, reason)
                self._changed.set()
            if self._tasks:
                await asyncio.wait(set(self._tasks))
            rest = await asyncio.to_thread(self.recover, reason)
        return {"healed": sorted({*running, *rest})}

    def journal_lines(self, from_line: int) -> dict[str, object]:
        """Return a bounded number of agent.jsonl's lines from the given one on."""
        return {"lines": self.host.journal.lines(max(0, from_line))}

    @property
    def busy(self) -> bool:
        """Return whether anything is armed, in force or being done."""
        return bool(self._tasks) or (self.armed is not None and self.armed.schedule.active)

    async def _wait(self, timeout_s: float | None) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return
        self._changed.clear()

    def _begin_due(self) -> None:
        assert self.armed is not None
        now_ns = boottime_ns()
        schedule, actions = self.armed.schedule.due(now_ns)
        expired = now_ns >= schedule.lease_ns
        self.armed = self.armed.with_schedule(schedule)
        for fault_id, action in actions:
            deadline_ns = self.armed.drivers[fault_id].place.deadline_ns
            early = expired and (deadline_ns is None or deadline_ns > now_ns)
            self._begin(fault_id, action, "lease_expired" if early else "")

    def _begin(self, fault_id: str, action: Action, reason: str) -> None:
        task = asyncio.create_task(self._perform(fault_id, action, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, fault_id: str, action: Action, reason: str) -> None:
        """Carry one action out; whatever goes wrong in it, the fault is taken back."""
        assert self.armed is not None
        driver = self.armed.drivers[fault_id]
        kind = driver.fault.kind()
        lock = self._locks.setdefault(kind if kind in _SHARED else fault_id, asyncio.Lock())
        async with lock:
            try:
                await asyncio.to_thread(driver.perform, action, reason)
            except Exception:
                log.exception("%s of %s failed; taking it back", action, fault_id)
                driver.state = "failed"
                await asyncio.to_thread(run, driver.recipe.undo)
        if driver.state in ("failed", "skipped"):
            self.armed = self.armed.with_schedule(self.armed.schedule.failed(fault_id))
            self._changed.set()

    def _refuse_while_active(self) -> None:
        if self.armed is not None and self.armed.schedule.active:
            left_s = (self.armed.schedule.lease_ns - boottime_ns()) // SECOND_NS
            raise FaultError("busy", f"trial {self.trial} is armed for {left_s} s more; or heal")

    def _need_systemd(self) -> None:
        if not self.capabilities["systemd"]:
            raise FaultError("unsupported", "no systemd on this host")
