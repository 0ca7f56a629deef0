"""What came in of all hosts of a trial, and what is wrong with it."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from metrics.intake.lines import event_host
from metrics.intake.lines.event_host import HostLines
from metrics.intake.written import Written
from metrics.model import processes


@dataclass(frozen=True, slots=True)
class Loss:
    """Events of one writer that are missing: seq jumped from after to before."""

    host: str
    node: str
    after_seq: int
    before_seq: int
    mono_from_ns: int
    mono_to_ns: int

    @property
    def count(self) -> int:
        """Return how many events are missing, at least: what knows the numbers given (the mark
        beside a writer's file) goes with a host's power like the lines.
        """
        return self.before_seq - self.after_seq - 1


@dataclass(slots=True)
class Intake:
    """Mutable: what came in for one trial.

    findings: what is damaged or missing, each `<host>: ...`; each makes the trial invalid, notes do
    not. hosts: those of which any event passed. written: for each (host, writer), its lines, until
    they are judged. told: each (host, writer, boot, kind) of which there is a line. in_order: kinds
    whose rows were put into their table by writer and number.
    """

    lines: int = 0
    hosts: list[str] = field(default_factory=list)
    written: dict[tuple[str, str], Written] = field(default_factory=dict)
    told: set[tuple[str, str, str, str]] = field(default_factory=set)
    in_order: set[str] = field(default_factory=set)
    chains: dict[str, set[str]] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    zeroed: Counter[str] = field(default_factory=Counter)
    unknown_kinds: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def damaged(self) -> frozenset[str]:
        """Return the hosts whose records are not what they wrote, or not all of it."""
        named = {finding.partition(":")[0] for finding in self.findings}
        return frozenset(named | {loss.host for loss in self.losses})


def gather(folder: Path, put: Callable[[HostLines], None], at_once: int) -> Intake:
    """Return what passed of a trial's folder after giving away what came in of each host.

    at_once: in so many processes are hosts read.
    """
    found = Intake()
    paths = sorted(path for path in (folder / "hosts").glob("*") if path.is_dir())
    for path, lines in zip(paths, _taken(paths, at_once), strict=True):
        put(lines)
        _add(found, path.name, lines)
    return found


def _taken(paths: list[Path], at_once: int) -> Iterator[HostLines]:
    """Yield what came in of each host, in order."""
    if at_once == 1:
        yield from map(event_host.take, paths)
        return
    with processes.pool(at_once) as pool:
        waiting: deque[Future[HostLines]] = deque()
        for path in paths:
            waiting.append(pool.submit(event_host.take, path))
            if len(waiting) > at_once:  # What is read ahead takes memory.
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _add(found: Intake, host: str, lines: HostLines) -> None:
    for counts, count in (
        (found.rejected, lines.rejected),
        (found.repeated, lines.repeated),
        (found.zeroed, lines.zeroed),
    ):
        if count:
            counts[host] = count
    found.findings += [f"{host}: {text}" for text in lines.findings]
