"""The part of preflight that runs on a host: read over SSH by /usr/bin/python3, prints JSON.

It uses nothing but the standard library of Python 3.7 and newer, writes nothing, and tries kernel
features in a network namespace of its own that is gone at once. Never imported by the harness.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from typing import Any

NTP_EPOCH_S = 2208988800
TRIALS = {
    "nft": "nft 'add table inet t; add set inet t s { type ipv4_addr; flags timeout; };"
    " add element inet t s { 192.0.2.1 timeout 1s }'",
    "netem": "tc qdisc add dev lo root netem delay 1ms",
    "nfqueue": "iptables -t mangle -A PREROUTING -s 192.0.2.1 -p udp --dport 9"
    " -j NFQUEUE --queue-num 9 --queue-bypass"
    " || nft 'add table inet q; add chain inet q c; add rule inet q c queue num 9 bypass'",
}


def run(words: list[str], timeout_s: float = 10) -> tuple[int, str]:
    """Return exit status and output of a command; 127 when it is not there."""
    try:
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
        )
    except FileNotFoundError:
        return 127, ""
    except subprocess.TimeoutExpired:
        return 124, ""
    return done.returncode, done.stdout.decode(errors="replace")


def features() -> dict[str, Any]:
    """Return each kernel feature as true, false or null (unknown), and whether sudo works."""
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    code, text = run([*become, "true"])
    if code != 0:
        last = text.strip().splitlines()[-1:] or ["sudo is not installed"]
        return {"sudo": False, "sudo_says": last[0], **dict.fromkeys(TRIALS)}
    found: dict[str, Any] = {"sudo": True, "sudo_says": ""}
    path = "PATH=/usr/sbin:/sbin:/usr/bin:/bin"
    for name, script in TRIALS.items():
        words = [*become, "env", path, "unshare", "--net", "/bin/sh", "-ec", script]
        found[name] = run(words)[0] == 0
    return found


def free_bytes(path: str) -> int:
    """Return the free bytes of the file system that path is, or will be, on."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    room = os.statvfs(path)
    return room.f_bavail * room.f_frsize


def listeners(ports: set[int]) -> dict[str, str]:
    """Return for each port that is in use whether TCP or UDP holds it."""
    taken: dict[str, str] = {}
    for kind, listening in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        try:
            with open("/proc/net/" + kind) as file:
                rows = file.read().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            words = row.split()
            port = int(words[1].rsplit(":", 1)[1], 16)
            if words[3] == listening and port in ports:
                taken[str(port)] = kind[:3]
    return taken


def owner(port: int) -> str:
    """Return the name of the program that holds port, empty when it cannot be told."""
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    _, text = run([*become, "ss", "-Hlntup", f"sport = :{port}"])
    return text.split('users:(("')[1].split('"')[0] if 'users:(("' in text else ""


def ask_ntp(server: str, tries: int = 3) -> dict[str, Any]:
    """Return offset and delay in nanoseconds of the quickest answer, or why there is none."""
    best: dict[str, Any] | None = None
    problem = "no answer"
    for _ in range(tries):
        try:
            family, kind, _, _, address = socket.getaddrinfo(server, 123, 0, socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as sock:
                sock.settimeout(0.8)
                sock.connect(address)
                sent = time.time()
                sock.send(b"\x23" + bytes(47))
                data = sock.recv(512)
                back = time.time()
        except OSError as error:
            problem = str(error)
            continue
        if len(data) < 48 or not 1 <= data[1] <= 15:
            problem = "the server is not synchronised"
            continue
        received, answered = (stamp(data, at) for at in (32, 40))
        delay = (back - sent) - (answered - received)
        offset = ((received - sent) + (answered - back)) / 2
        if best is None or delay < best["delay_ns"] / 1e9:
            best = {"offset_ns": int(offset * 1e9), "delay_ns": int(delay * 1e9)}
    return best or {"problem": problem}


def stamp(data: bytes, at: int) -> float:
    """Return the NTP time stamp at an offset as Unix seconds."""
    seconds, fraction = struct.unpack_from("!II", data, at)
    return float(seconds - NTP_EPOCH_S + fraction / 2**32)


def kernel_synchronised() -> bool | None:
    """Return whether the kernel believes its clock is synchronised, null when it will not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != 5


def main() -> None:
    """Print all findings as one JSON object; the request is the first argument, as JSON."""
    asked = json.loads(sys.argv[1])
    taken = listeners(set(asked["ports"]))
    report = {
        "python": list(sys.version_info[:2]),
        "arch": os.uname().machine,
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "systemd": os.path.isdir("/run/systemd/system"),
        "features": features(),
        "programs": {
            name: bool(shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin"))
            for name in ("nft", "tc", "ip")
        },
        "free_bytes": {path: free_bytes(path) for path in asked["paths"]},
        "taken": taken,
        "owners": {port: owner(int(port)) for port in taken},
        "ours": run(["systemctl", "is-active", "slotlab-node", "slotlab-probe"])[1].split(),
        "ntp": {server: ask_ntp(server) for server in asked["ntp"]},
        "kernel_synchronised": kernel_synchronised(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
