"""What a process costs its machine, as the kernel counts it, and what signatures do."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from coincurve import PrivateKey, PublicKey

from harness.errors import RunError


def resident_mb(pid: int) -> float:
    """Return how much memory of a process is resident, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


class Measured(NamedTuple):
    """How a program and all that it started ended, and what they took.

    most_mb: the sum of what each of them had at most.
    """

    status: int
    passed_s: float
    processor_s: float
    most_mb: float


def measured(words: Sequence[str]) -> Measured:
    """Run a program without its output to its end; return what it took.

    Memory is looked at twenty times a second: of a process that lives less it may not be seen.
    """
    begun_s = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most_kb: dict[int, int] = {}
    while not (ended := os.wait4(child.pid, os.WNOHANG))[0]:
        for pid in _family(child.pid):
            most_kb[pid] = max(most_kb.get(pid, 0), _peak_kb(pid))
        time.sleep(0.05)
    _, status, used = ended
    child.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        status=child.returncode,
        passed_s=time.monotonic() - begun_s,
        processor_s=used.ru_utime + used.ru_stime,
        most_mb=sum(most_kb.values()) / 1000,
    )


def slotlab(*words: str) -> Measured:
    """Run a command of slotlab without its output to its end; return what it took.

    Raises:
        RunError: it failed.
    """
    took = measured([sys.executable, "-m", "harness", *words])
    if took.status:
        raise RunError(f"slotlab {words[0]} of the bench's run failed: exit {took.status}")
    return took


def _family(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = children.read_text().split()
        except OSError:
            continue  # It has just ended.
        for child in below:
            yield from _family(int(child))


def _peak_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def processor_s(pid: int) -> float:
    """Return the seconds of a processor that a process has had, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def signed_s(count: int, checkers: int = 1) -> float:
    """Return the processor seconds in which so many digests are signed and their keys recovered.

    checkers: how many recover the key of each.
    """
    key = PrivateKey(sha256(b"bench").digest())
    begun_s = time.process_time()
    for number in range(count):
        digest = sha256(number.to_bytes(8, "big")).digest()
        signature = key.sign_recoverable(digest, hasher=None)
        for _ in range(checkers):
            PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return time.process_time() - begun_s
