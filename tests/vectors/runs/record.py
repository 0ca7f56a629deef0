"""Records the runs that tests bend: `make record`, or this file with the names of some of them.

A name is a campaign beside this file, but `demo`, which ships. `sim` runs in the simulator; the
others on a container lab, made for it and removed again, which needs root and minutes. Below
<name>/ stay the raw files that metrics read, events packed as small as they get: nothing of this
machine, no logs, no report. Record again when the format of the run folder changes, and look at
what `git diff` says of tests/unit/metrics_bends afterwards: figures of the lab's run are measured
anew.
"""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
COMMANDS = {
    "sim": ["run", str(HERE / "sim.yml"), "--lab", "sim"],
    "lab": ["demo", str(HERE / "lab.yml"), "--hosts", "5"],
    "demo": ["demo", "demo"],
}
KEPT = (
    "plan.json", "trials/*/trial.json", "trials/*/genesis.json", "trials/*/verify.json",
    "trials/*/hosts/*/*.zst", "trials/*/hosts/*/*.json", "trials/*/*/**/agent.jsonl",
)  # fmt: skip
LEVEL = 19


def record(name: str) -> str:
    """Return what is wrong with the new record (nothing: empty) after putting it in its place."""
    with tempfile.TemporaryDirectory(prefix="slotlab-") as runs:
        words = [sys.executable, "-m", "harness", *COMMANDS[name], "--runs", runs]
        done = subprocess.run(words, cwd=ROOT, check=False)
        made = (Path(runs) / name / "latest").resolve()
        if not (made / "summary.json").exists():
            return f"{name}: the run did not come to a report"
        shutil.rmtree(HERE / name, ignore_errors=True)
        for path in sorted(path for pattern in KEPT for path in made.glob(pattern)):
            target = HERE / name / path.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_packed(path))
    problems = [
        *_private(HERE / name),
        *([f"it ended with {done.returncode}"] * (done.returncode > 0)),
    ]
    return "; ".join(f"{name}: {problem}" for problem in problems)


def _packed(path: Path) -> bytes:
    """Return the file's bytes, those of events packed anew."""
    raw = path.read_bytes()
    if path.suffix != ".zst":
        return raw
    lines = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(lines)


def _private(folder: Path) -> Iterator[str]:
    """Yield each file that names this machine, its paths or who runs it."""
    words = {str(ROOT), str(Path.home()), tempfile.gettempdir(), getpass.getuser() + "@"}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        text = zstandard.decompress(raw) if path.suffix == ".zst" else raw
        for word in sorted(words):
            if word.encode() in text:
                yield f"{path.relative_to(folder)} holds {word}"


if __name__ == "__main__":
    found = [record(name) for name in sys.argv[1:] or COMMANDS]
    sys.exit("\n".join(text for text in found if text) or None)
