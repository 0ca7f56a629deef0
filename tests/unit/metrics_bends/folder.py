"""A copy of a recorded run whose files can be read, changed and written back."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from metrics.model import run_folder
from metrics.results import expectations, summary, trial_figures, trials

Line = dict[str, Any]
RUNS = Path(__file__).resolve().parents[2] / "vectors/runs"


@dataclass(frozen=True, slots=True)
class Folder:
    """A run folder of one trial. Times are seconds since T0, on each host's own raw clock."""

    path: Path

    @property
    def trial(self) -> Path:
        """Return the folder of its trial."""
        return self.path / "trials/1"

    @property
    def hosts(self) -> list[str]:
        """Return the names of its hosts."""
        return sorted(path.name for path in (self.trial / "hosts").iterdir())

    def host(self, name: str) -> Path:
        """Return the folder of a host."""
        return self.trial / "hosts" / name

    def events(self, host: str) -> Path:
        """Return where a host's events are."""
        return self.host(host) / "events.jsonl.zst"

    def text(self, host: str) -> bytes:
        """Return a host's event lines."""
        return zstandard.decompress(self.events(host).read_bytes())

    def lines(self, host: str) -> list[Line]:
        """Return a host's events."""
        return [msgspec.json.decode(line) for line in self.text(host).splitlines() if line]

    def journal(self, host: str) -> list[Line]:
        """Return the records of a host's agent."""
        text = (self.host(host) / "agent.jsonl").read_bytes()
        return [msgspec.json.decode(line) for line in text.splitlines()]

    def json(self, name: str) -> Any:
        """Return what a file below the run folder holds."""
        return json.loads((self.path / name).read_text())

    def write_text(self, host: str, text: bytes) -> None:
        """Put text in the place of a host's event lines."""
        self.events(host).write_bytes(zstandard.compress(text, 1))

    def write(self, host: str, lines: Iterable[Line]) -> None:
        """Put lines in the place of a host's events."""
        self.write_text(host, joined(lines))

    def write_journal(self, host: str, lines: Iterable[Line]) -> None:
        """Put lines in the place of the records of a host's agent."""
        (self.host(host) / "agent.jsonl").write_bytes(joined(lines))

    def write_json(self, name: str, value: Any) -> None:
        """Put a value in the place of what a file below the run folder holds."""
        (self.path / name).write_text(json.dumps(value))

    def clock(self, host: str) -> Callable[[Line], float]:
        """Return what tells when a line of the host was written: by the raw clock.

        Most of a run no clock is wrong, so the middle of wall time minus raw time is right.
        """
        t0_ns = self.json("trials/1/trial.json")["t0_wall_ns"]
        due = [line for line in self.lines(host) if line["kind"] == "slot_due"]
        zero_ns = statistics.median(line["mono_ns"] - line["wall_ns"] + t0_ns for line in due)
        return lambda line: float(line["mono_ns"] - zero_ns) / 1e9


def joined(lines: Iterable[Line]) -> bytes:
    """Return lines as a file holds them."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def renumbered(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines with each writer's numbers in order and without gaps: nothing was lost."""
    seq: dict[str, int] = {}
    for line in lines:
        seq[line["node"]] = seq.get(line["node"], -1) + 1
        yield line | {"seq": seq[line["node"]]}


def copy(name: str, target: Path) -> Folder:
    """Return a copy of the recorded run of that name."""
    shutil.copytree(RUNS / name, target)
    return Folder(target)


def summarize(run: Path) -> dict[str, Any]:
    """Return the summary that a report of the run would write, and write none."""
    plan = run_folder.load_plan(run, expectations.problem)
    found, absent = trials.measured(run, plan, None, lambda _: None)
    return summary.build(plan, found, trial_figures.of_trials(found), absent)
