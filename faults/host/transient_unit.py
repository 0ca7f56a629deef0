"""A systemd unit of our own, made for one fault: it runs shell until it is stopped or its time is
over.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from faults.host.helper_process import END_MARGIN_NS
from faults.host.runner import output
from faults.model.fault import SECOND_NS, Command, HostContext

ACTIVE = ("active", "activating")


@dataclass(frozen=True, slots=True)
class UnitProcess:
    """A process of a unit: what it has computed, since when (boot time), and what it holds."""

    cpu_ns: int
    started_ns: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class TransientUnit:
    """The unit of a fault, by the word of its kind; lasts_ns: how long the fault lasts."""

    word: str
    context: HostContext
    lasts_ns: int

    @property
    def name(self) -> str:
        """Return the unit's name, which no other fault has."""
        return f"slotlab-{self.word}-{self.context.token}.service"

    @property
    def count_file(self) -> Path:
        """Return the file that is as many bytes long as the shell has done what it does."""
        return self.context.run_dir / f"{self.word}-{self.context.token}.count"

    def start(self, script: str, *words: str, properties: tuple[str, ...] = ()) -> Command:
        """Return the command that starts `sh -c script` with the count's file and words.

        It ends by itself behind agent and dead man's timer.
        """
        most_s = (self.lasts_ns + END_MARGIN_NS) / SECOND_NS
        chosen = (f"RuntimeMaxSec={most_s:g}", "TimeoutStopSec=1", *properties)
        return Command((
            "systemd-run", "--quiet", "--collect", f"--unit={self.name}",
            *(f"--property={each}" for each in chosen),
            "/bin/sh", "-c", script, self.word, str(self.count_file), *words,
        ))  # fmt: skip

    def stop(self) -> Command:
        """Return the command that ends it and all that it has started."""
        return Command(("systemctl", "stop", self.name), may_fail=True)

    def forget(self) -> Command:
        """Return the command that removes its count."""
        return Command(("rm", "-f", str(self.count_file)))

    def runs(self) -> bool:
        """Return whether it is there."""
        code, text, _ = output(("systemctl", "show", "--property=ActiveState", self.name))
        return code == 0 and text.strip().partition("=")[2] in ACTIVE

    def processes(self) -> list[UnitProcess]:
        """Return the processes that run in it, with what each has used."""
        return [found for path in Path("/proc").glob("[0-9]*") if (found := self._process(path))]

    def count(self) -> int:
        """Return how often the shell has done what it does."""
        try:
            return self.count_file.stat().st_size
        except OSError:
            return 0

    def left_over(self) -> str:
        """Return the unit when it is still there."""
        return f"unit {self.name}" if self.runs() else ""

    def _process(self, path: Path) -> UnitProcess | None:
        """Return the process at a path below /proc, None unless it lives and is of this unit."""
        try:
            if self.name not in (path / "cgroup").read_text():
                return None
            used = (path / "stat").read_text().rpartition(")")[2].split()
            status = (path / "status").read_text().splitlines()
        except OSError:
            return None
        held = [int(line.split()[1]) for line in status if line.startswith(("VmRSS:", "VmSwap:"))]
        tick_ns = SECOND_NS // os.sysconf("SC_CLK_TCK")
        return UnitProcess(
            cpu_ns=(int(used[11]) + int(used[12])) * tick_ns,
            started_ns=int(used[19]) * tick_ns,
            memory_bytes=sum(held) << 10,
        )
