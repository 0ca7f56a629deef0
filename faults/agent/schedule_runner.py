"""Carries out an armed schedule: begins what is due, looks at what is in force, ends what is over.

All waiting is on CLOCK_BOOTTIME, which no step of the wall clock moves. A changed clock rate does
(adjtimex reaches it too): by at most 500 ppm, 30 ms in a minute, and only while a host's clock is
made to drift. The raw clock would not follow, but there hosts run apart by their crystals' error
all the time, and a partition must begin everywhere at once.
"""

import asyncio
import logging

from faults.agent.arming import Armed
from faults.agent.driver import Driver
from faults.agent.schedule import Action, Schedule, Stage
from faults.host.boottime import boottime_ns, sleep_until
from faults.host.priority import at_the_moment
from faults.host.runner import run
from faults.model.fault import SECOND_NS

log = logging.getLogger(__name__)

BLOCK_NS = 4_000_000
"""The event loop may wake this late; it stands still for the last stretch before an action."""

WATCH_S = 1.0
WATCH_MARGIN_NS = 300_000_000
"""A fault this near its end is not looked at any more: that must not hold up the heal."""


class ScheduleRunner:
    """The armed trial and its running actions, each in a thread of its own."""

    def __init__(self) -> None:
        self.armed: Armed | None = None
        self._changed = asyncio.Event()
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def at_work(self) -> bool:
        """Return whether an action runs."""
        return bool(self._tasks)

    def take(self, armed: Armed) -> None:
        """Carry this trial out from now on."""
        self.armed = armed
        self._locks = {}
        self._changed.set()

    def advance(self, armed: Armed, schedule: Schedule) -> None:
        """Go on by another schedule of the armed trial."""
        self.armed = armed.with_schedule(schedule)
        self._changed.set()

    async def run(self) -> None:
        """Never return: do what is due, as it becomes due."""
        while True:
            wake_ns = self.armed.schedule.wake_ns() if self.armed else None
            if wake_ns is None:
                await self._wait(None)
                continue
            left_ns = wake_ns - boottime_ns()
            if left_ns > BLOCK_NS:
                await self._wait(min(left_ns - BLOCK_NS, SECOND_NS) / SECOND_NS)
                continue
            with at_the_moment():
                sleep_until(wake_ns)
                self._begin_due()

    async def watch(self) -> None:
        """Never return: look at what is in force every second; what ended early is said at once."""
        while True:
            await asyncio.sleep(WATCH_S)
            armed = self.armed
            for driver in tuple(armed.drivers.values()) if armed is not None else ():
                ends_ns = driver.context.deadline_ns
                calm = ends_ns is not None and ends_ns - boottime_ns() > WATCH_MARGIN_NS
                lock = self._lock_of(driver)
                if driver.state == "applied" and calm and not lock.locked():
                    async with lock:
                        await self._look(driver)

    def end_all(self, reason: str) -> set[str]:
        """Begin to take everything back, and return the faults that were prepared or in force."""
        armed = self.armed
        if armed is None:
            return set()
        running = {each.fault.id for each in armed.drivers.values()
                   if each.state in ("prepared", "applied")}  # fmt: skip
        schedule, actions = armed.schedule.end_all()
        self.advance(armed, schedule)
        for fault_id, action in actions:
            self._begin(fault_id, action, reason)
        return running

    async def settled(self) -> None:
        """Wait until no action runs that has begun by now."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _look(self, driver: Driver) -> None:
        try:
            await asyncio.to_thread(driver.look)
        except Exception:
            log.exception("could not look at %s", driver.fault.id)
        self._drop_if_over(driver)

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
        expired = now_ns >= schedule.lease_end_ns
        self.armed = self.armed.with_schedule(schedule)
        for fault_id, action in actions:
            deadline_ns = self.armed.drivers[fault_id].context.deadline_ns
            early = expired and (deadline_ns is None or deadline_ns > now_ns)
            self._begin(fault_id, action, "lease_expired" if early else "")

    def _begin(self, fault_id: str, action: Action, reason: str) -> None:
        assert self.armed is not None
        driver = self.armed.drivers[fault_id]
        if not self._lock_of(driver).locked():
            driver.pull(action)
        task = asyncio.create_task(self._perform(driver, action, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, driver: Driver, action: Action, reason: str) -> None:
        """Carry one action out; whatever goes wrong in it, the fault is taken back."""
        async with self._lock_of(driver):
            try:
                await asyncio.to_thread(driver.perform, action, reason)
            except Exception:
                log.exception("%s of %s failed; taking it back", action, driver.fault.id)
                driver.state = "failed"
                await asyncio.to_thread(run, driver.recipe.undo)
        self._drop_if_over(driver)

    def _drop_if_over(self, driver: Driver) -> None:
        if self.armed is not None and driver.state in ("failed", "skipped"):
            self.advance(self.armed, self.armed.schedule.staged(driver.fault.id, Stage.DONE))

    def _lock_of(self, driver: Driver) -> asyncio.Lock:
        """Return the lock of what the fault shares with others: their actions keep their order."""
        row = driver.fault.row
        name = row.shares if row.shares and row.by == "host" else driver.fault.id
        return self._locks.setdefault(name, asyncio.Lock())
