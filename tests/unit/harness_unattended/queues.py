"""A queue of one's own, and a worker process whose drivers do what a script says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.unattended.entry import Entry
from harness.unattended.queue import Queue
from tests.unit.test_shape import ROOT

WORK = """
import os, sys
from pathlib import Path
from harness.unattended import worker
from harness.unattended.queue import Queue
os.environ["PYTHONPATH"] = sys.argv[2]
queue = Queue(Path(sys.argv[1]))
print(worker.work(queue, last=lambda: print("last"), pauses_s=(0.01, 0.02, 0.03)))
"""
DRIVER = '''
"""Does what the next line of the script says, as a driver might: see `Worked.script`."""
import json, os, signal, sys, time
from pathlib import Path

here = Path(__file__).parents[1]
words = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps({"words": words, "env": dict(os.environ), "cwd": os.getcwd()}) + "\\n")
n = len((here / "calls").read_text().splitlines()) - 1
acts = json.loads((here / "script").read_text())[n].split()
if words[1] == "--resume":
    run = Path(words[2])
else:
    run = Path(words[words.index("--runs") + 1], Path(words[1]).stem)
    run = run / words[words.index("--folder") + 1]
for act in acts:
    print(f"driver {n} will {act}", flush=True)
    if act == "begin":
        run.mkdir(parents=True)
        (run / "plan.json").write_text("{}")
    elif act == "seal":
        place = run / "trials" / str(n + 1)
        place.mkdir(parents=True)
        (place / "seal.json").write_text("{}")
    elif act == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act in ("pass", "fail", "invalid"):
        (run / "report.html").write_text("")
        (run / "summary.json").write_text(json.dumps({"verdict": act}))
        sys.exit({"pass": 0, "fail": 1, "invalid": 3}[act])
    elif act == "nothing":
        sys.exit(0)
    elif act == "refuse":
        print("slotlab: this cannot be", file=sys.stderr)
        sys.exit(2)
    elif act == "away":
        print("slotlab: n3 is away", file=sys.stderr)
        sys.exit(3)
    elif act == "wait":
        signal.signal(signal.SIGTERM, lambda *_: None)
        (here / "waits").touch()
        signal.pause()
'''


def entry(campaign: str = "demo", **fields: Any) -> Entry:
    """Return an entry that was not added yet."""
    return Entry(campaign=campaign, runs="/runs", folder="/", **fields)


@dataclass(frozen=True)
class Worked:
    """A queue in a folder, which also holds the runs and what drivers do and were called with."""

    folder: Path

    @property
    def queue(self) -> Queue:
        return Queue(self.folder / "state" / "slotlab" / "queues" / "rack")

    def add(self, *campaigns: str, **fields: Any) -> list[Entry]:
        """Return entries for campaigns of these names, added together."""
        runs = str(self.folder / "runs")
        wished = [
            (
                Entry(campaign=name, runs=runs, folder=str(self.folder), **fields),
                {f"{name}.yml": "title: t\n"},
            )
            for name in campaigns
        ]
        return self.queue.add(wished)

    def script(self, *acts: str) -> None:
        """Say what each driver does, one after another: words of DRIVER, with spaces."""
        place = self.folder / "clone" / "harness"
        place.mkdir(parents=True)
        (place / "__init__.py").touch()
        (place / "__main__.py").write_text(DRIVER)
        (self.folder / "clone" / "script").write_text(json.dumps(acts))

    def start(self) -> subprocess.Popen[str]:
        """Return a worker process."""
        clone = self.folder / "clone"
        return subprocess.Popen(
            [sys.executable, "-c", WORK, str(self.queue.path), str(clone)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def work(self) -> str:
        """Return what a worker printed when it had ended."""
        process = self.start()
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Return with what each driver was called."""
        lines = (self.folder / "clone" / "calls").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @property
    def waits(self) -> bool:
        """Return whether a driver waits for its end."""
        return (self.folder / "clone" / "waits").exists()

    def said(self, n: int) -> Sequence[str]:
        """Return what stands in an entry's log."""
        return self.queue.log(n).read_text().splitlines()
