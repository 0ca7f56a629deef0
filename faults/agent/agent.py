"""The agent: the root service of a host that carries out an armed schedule and always heals.

It knows no controller: requests come in through server.py, and once armed nothing more need come.
"""

import asyncio
import logging
from pathlib import Path

import msgspec

from faults.agent.arming import Armed, ArmRequest, Host, build, load, with_time_daemon
from faults.agent.schedule import Stage
from faults.agent.schedule_runner import ScheduleRunner
from faults.agent.undo_open_faults import undo_open_faults
from faults.durable.armed_trial import Lease
from faults.durable.lab_lock import LabLock
from faults.durable.trial_files import check_files, place_files
from faults.durable.trial_units import TrialUnits, free_bytes
from faults.durable.units_to_restart import RunningFile
from faults.host import processor
from faults.host.boottime import boot_id, boottime_ns, read_clocks
from faults.host.qdiscs import foreign_qdisc
from faults.host.snapshot import snapshot
from faults.kinds.busy.memory import memory
from faults.model.fault import FOR_NS_MAX, SECOND_NS, FaultError

log = logging.getLogger(__name__)

WATCH_S = 1.0


class Agent:
    """What may be asked of a host: each operation, and the state they share."""

    def __init__(self, host: Host, capabilities: dict[str, bool]) -> None:
        self.host = host
        self.capabilities = capabilities
        self.trial = ""
        self.runner = ScheduleRunner()
        self._exclusive = asyncio.Lock()
        self.lock = LabLock(host.layout.run_dir)
        self.running = RunningFile(host.layout.agent_dir, host.timers)
        self._units = TrialUnits(self.running, host.journal, capabilities["systemd"])
        self._lease = Lease(host.armed_file, host.timers, host.ledger.heal_file)

    def resume(self) -> list[str]:
        """Return the faults carried on for an agent of this boot that died; the rest is undone.

        Called once, before anything else.
        """
        host = self.host
        armed_trial = host.armed_file.read()
        if armed_trial is None or armed_trial.boot != boot_id():
            self.undo_open("agent_restarted")
            return []
        mine = [entry for entry in host.ledger.open_entries() if entry.armed_by(armed_trial)]
        host.journal.follow(armed_trial.trial, armed_trial.t0_boottime_ns)
        try:
            armed = load(armed_trial, mine, host)
        except FaultError as error:
            log.warning("cannot carry on: %s", error)
            self.undo_open("agent_restarted")
            return []
        host.journal.write(
            "started", reason="agent_restarted", read_back={"carried_on": list(armed.drivers)}
        )
        self.undo_open("agent_restarted", frozenset(entry.token for entry in mine))
        host.journal.follow(armed_trial.trial, armed_trial.t0_boottime_ns)
        schedule = armed.schedule
        for driver in armed.drivers.values():
            driver.take_over(boottime_ns())
            if driver.state == "applied":
                schedule = schedule.staged(driver.fault.id, Stage.RUNNING)
            if driver.state in ("failed", "skipped"):
                schedule = schedule.staged(driver.fault.id, Stage.DONE)
        self.trial = armed_trial.trial
        self.runner.take(armed.with_schedule(schedule))
        return list(armed.drivers)

    def undo_open(self, reason: str, keep: frozenset[str] = frozenset()) -> list[str]:
        """Return the faults taken back that an earlier agent left open."""
        return undo_open_faults(self.host, reason, keep)

    async def end_units(self) -> None:
        """Never return: stop what runs once its lease has ended, after the faults have."""
        while True:
            await asyncio.sleep(WATCH_S)
            await self.runner.settled()
            async with self._exclusive:
                await asyncio.to_thread(self._units.end_if_over)

    async def hello(self) -> dict[str, object]:
        """Return who this host is, what it can do, and its clocks now."""
        self.host = await asyncio.to_thread(with_time_daemon, self.host)
        known = self.capabilities | dict.fromkeys(self.host.capabilities, True)
        foreign = await asyncio.to_thread(foreign_qdisc, self.host.config.interface)
        has, now = memory(), read_clocks()
        lock = self.lock.holder()
        held = None if lock is None else {
            "owner": lock.owner,
            "purpose": lock.purpose,
            "left_ns": lock.expires_boottime_ns - boottime_ns(),
        }  # fmt: skip
        return {
            "host": self.host.config.host,
            "boot": boot_id(),
            "version": Path(__file__).resolve().parents[2].name,
            "capabilities": {**known, "foreign_qdisc": bool(foreign)},
            "room": {
                "memory_bytes": has["MemTotal"],
                "memory_free_bytes": has["MemAvailable"],
                "disk_free_bytes": free_bytes(self.host.layout.agent_dir),
            },
            "wall_ns": now.wall_ns,
            "mono_ns": now.mono_ns,
            "boottime_ns": now.boottime_ns,
            "lock": held,
        }

    async def prepare(self, trial: str, files: dict[str, str], owner: str) -> dict[str, object]:
        """Stop the units and put the trial's files in place of the last one's.

        Raises:
            FaultError: locked, busy, bad_file, disk, unit_failed.
        """
        async with self._exclusive:
            self.lock.check(owner)
            self._refuse_while_active()
            check_files(files)
            await asyncio.to_thread(self._units.clear)
            await asyncio.to_thread(place_files, self.host.layout, files)
            self.host.journal.clear()
            self.host.journal.follow(trial, None)
            self.host.journal.write("started")
            self.trial, self.runner.armed = trial, None
        return {"trial": trial}

    async def start(self, names: list[str], owner: str) -> dict[str, object]:
        """Start the units; they end with the trial's lease.

        Raises:
            FaultError: locked, unsupported, unknown_unit, unit_failed.
        """
        self.lock.check(owner)
        await asyncio.to_thread(self._units.start, self.trial, names, self._lease_left_ns())
        return {"started": names}

    async def stop(self, names: list[str], owner: str) -> dict[str, object]:
        """Stop the units.

        Raises:
            FaultError: locked, unsupported, unknown_unit, unit_failed.
        """
        self.lock.check(owner)
        await asyncio.to_thread(self._units.stop, names)
        return {"stopped": names}

    async def snapshot(self) -> dict[str, object]:
        """Return the state of everything a fault may touch, once running actions have ended."""
        await self.runner.settled()
        own_clock = self.capabilities.get("clock_host", False)
        return await asyncio.to_thread(snapshot, self.host.layout, own_clock=own_clock)

    async def arm(self, request: ArmRequest) -> dict[str, object]:
        """Return T0 on this host's clocks once every fault is in the ledger; or nothing is armed.

        Raises:
            FaultError: locked, busy, disk, timer, or why one of the faults cannot be done here.
        """
        async with self._exclusive:
            self.lock.check(request.owner)
            self._refuse_while_active()
            now = read_clocks()
            armed = await asyncio.to_thread(build, request, self.host, now)
            self.host.ledger.clear_closed()
            journal = self.host.journal
            journal.follow(request.trial, armed.trial.t0_boottime_ns)
            times = {
                "t0_wall_ns": request.t0_wall_ns,
                "t0_mono_ns": armed.trial.t0_mono_ns,
                "t0_boottime_ns": armed.trial.t0_boottime_ns,
                "clock_read_error_ns": now.error_ns,
            }
            try:
                await asyncio.to_thread(self._put_on_disk, armed)
            except OSError as error:
                self.host.armed_file.revoke()
                await asyncio.to_thread(self.undo_open, "not_armed")
                if error.errno is None:
                    raise FaultError("timer", str(error)) from error
                raise FaultError("disk", f"{error.strerror}; make room on it") from error
            journal.write("armed", read_back=dict(times))
            self.trial = request.trial
            self.runner.take(armed)
        return {**times, "armed": list(armed.drivers)}

    def _put_on_disk(self, armed: Armed) -> None:
        """Undo of every fault first, the armed trial last: without it nothing is carried on."""
        self.host.journal.reserve([each.entry.asked for each in armed.drivers.values()])
        for driver in armed.drivers.values():
            driver.arm()
        self._lease.begin(armed.trial, armed.schedule.ends_ns())
        self.running.leased(armed.trial.trial, armed.trial.lease_end_ns - boottime_ns())

    async def renew(self, trial: str, lease_ns: int) -> dict[str, object]:
        """Return the time left after the lease was set to lease_ns from now, of what is armed and
        of what runs.

        Raises:
            FaultError: not_armed (also when the lease has ended), bad_lease.
        """
        armed = self.runner.armed if trial == self.trial and self._active() else None
        if armed is None and self.running.of(trial) is None:
            raise FaultError("not_armed", f"trial {trial} has nothing armed here")
        if not 0 < lease_ns <= 2 * FOR_NS_MAX:
            raise FaultError("bad_lease", "lease_ns is outside 0..48 h")
        now_ns, runs = boottime_ns(), False
        if armed is not None and now_ns >= armed.schedule.lease_end_ns:
            raise FaultError("not_armed", f"the lease of trial {trial} has ended")
        try:
            if armed is not None:
                schedule = armed.schedule.renewed(now_ns + lease_ns)
                self.runner.advance(armed, schedule)
                armed_trial = msgspec.structs.replace(armed.trial, lease_end_ns=now_ns + lease_ns)
                await asyncio.to_thread(self._lease.renew, armed_trial, schedule.ends_ns())
            runs = await asyncio.to_thread(self.running.leased, trial, lease_ns)
        except OSError as error:
            log.warning("the renewed lease is not on disk: %s", error)
        if armed is None and not runs:
            raise FaultError("not_armed", f"the lease of trial {trial} has ended")
        return {"lease_left_ns": lease_ns}

    def status(self) -> dict[str, object]:
        """Return the trial, its faults with their deadlines, the lease, what the ledger holds open,
        and how busy the host's processors have been since it booted.
        """
        armed = self.runner.armed
        drivers = armed.drivers.values() if armed else ()
        return {
            "trial": self.trial,
            "faults": [each.shown(boottime_ns()) for each in drivers],
            "lease_left_ns": max(0, self._lease_left_ns() or 0),
            "ledger": [msgspec.to_builtins(e) for e in self.host.ledger.open_entries()],
            "running": self._units.shown(),
            "processor": processor.times(),
        }

    async def heal(self, reason: str) -> dict[str, object]:
        """Return the faults taken back; what was not yet begun is dropped, nothing stays armed."""
        async with self._exclusive:
            running = self.runner.end_all(reason)
            await self.runner.settled()
            self.host.armed_file.revoke()
            rest = await asyncio.to_thread(self.undo_open, reason)
            await asyncio.to_thread(self._lease.end)
            left = [entry.fault_id for entry in self.host.ledger.open_entries()]
        return {"healed": sorted({*running, *rest} - set(left)), "left": left}

    @property
    def busy(self) -> bool:
        """Return whether anything is armed, in force or being done."""
        return self.runner.at_work or self._active()

    def _active(self) -> bool:
        """Return whether an arming is in force; whoever healed without us has revoked it."""
        armed = self.runner.armed
        return (
            armed is not None
            and armed.schedule.active
            and self.host.armed_file.holds(armed.trial.key)
        )

    def _lease_left_ns(self) -> int | None:
        if self.runner.armed is None or not self.runner.armed.schedule.active:
            return None
        return self.runner.armed.schedule.lease_end_ns - boottime_ns()

    def _refuse_while_active(self) -> None:
        if self.runner.armed is not None and self._active():
            left_s = (self.runner.armed.schedule.lease_end_ns - boottime_ns()) // SECOND_NS
            raise FaultError("busy", f"trial {self.trial} is armed for {left_s} s more; or heal")
