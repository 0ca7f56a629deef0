"""Writes the skew file again and again, along the path of one fault.

`python -m faults.kinds.clock.skew_writer SPEC` is there before the fault begins and moves nothing
until the agent has begun it. It needs no agent then: it ends by itself at its deadline.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

import msgspec

from faults.host.boottime import boottime_ns
from faults.host.clock.skew_file import write_skew
from faults.model.clock_path import Stay, path

LONGEST_S = 0.5


class Spec(msgspec.Struct, frozen=True):
    """What it is told on its command line; begun_file is there while the fault is in force."""

    by_ns: int
    every_ns: int
    by_ppb: int
    seed: int
    begin_boottime_ns: int
    until_boottime_ns: int
    pid_file: str
    stats_file: str
    skew_file: str
    begun_file: str


def main(text: str) -> int:
    """Return 0 once the deadline has come; 2 for a wrong spec."""
    try:
        spec = msgspec.json.decode(text, type=Spec)
    except msgspec.DecodeError as error:
        print(f"skew_writer: {error}", file=sys.stderr)
        return 2
    _write(spec.pid_file, str(os.getpid()))
    _follow(spec)
    return 0


def _follow(spec: Spec) -> None:
    stats, written, late_ns = Path(spec.stats_file), 0, 0
    _write(spec.stats_file, '{"moves": 0}')
    for stay in path(msgspec.structs.asdict(spec), spec.seed):
        _sleep_until(min(spec.begin_boottime_ns + stay.begin_ns, spec.until_boottime_ns))
        now_ns = boottime_ns()
        if now_ns >= spec.until_boottime_ns:
            return
        # The agent has written the first one, so that there is none before it begins.
        if stay.begin_ns and Path(spec.begun_file).exists():
            _move(spec, stay, now_ns)
            written += 1
            late_ns = max(late_ns, now_ns - spec.begin_boottime_ns - stay.begin_ns)
            with contextlib.suppress(OSError):
                stats.write_text(f'{{"moves": {written}, "late_ns": {late_ns}}}')


def _move(spec: Spec, stay: Stay, now_ns: int) -> None:
    after_ns = now_ns - spec.begin_boottime_ns
    write_skew(Path(spec.skew_file), stay.offset_at(after_ns), stay.drift_ppb)


def _sleep_until(when_ns: int) -> None:
    while (left_ns := when_ns - boottime_ns()) > 0:
        time.sleep(min(left_ns / 1e9, LONGEST_S))


def _write(name: str, text: str) -> None:
    """Write a new file of ours; what had the name before is gone."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o644), "w") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
