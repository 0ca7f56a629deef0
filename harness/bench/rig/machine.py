"""What a process costs its machine, as the kernel counts it, what signatures do, and free ports."""

import os
import socket
import time
from hashlib import sha256
from pathlib import Path

from coincurve import PrivateKey, PublicKey


def resident_mb(pid: int) -> float:
    """Return how much memory of a process is resident, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


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


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on, held together until all are drawn."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
