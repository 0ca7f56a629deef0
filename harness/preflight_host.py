"""The part of preflight that runs on a host: read over SSH by its Python, prints JSON.

It uses nothing but the standard library of Python 3.7 and newer. It changes nothing: kernel
features are tried in a network namespace of its own that is gone at once, and the few small files
by which it measures the disk are deleted as they are written. Never imported by the harness.
"""

from __future__ import annotations

import glob
import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import time
from typing import Any

BECOME_PASSWORD = ""
"""Filled in by the harness when the operator gave a sudo password; it never is an argument."""
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

NTP_EPOCH_S = 2208988800
ECHO_S = 0.002
"""Servers may round the time stamp that they send back, as the node allows, too."""
PATIENCE_S = 60
"""What a slow host does not answer at once is late; only beyond this is it missing."""
TRIALS = {
    "nft": "nft 'add table inet t; add set inet t s { type ipv4_addr; flags timeout; };"
    " add element inet t s { 192.0.2.1 timeout 1s }'",
    "netem": "tc qdisc add dev lo root netem delay 1ms",
    "nfqueue": "iptables -t mangle -A PREROUTING -s 192.0.2.1 -p udp --dport 9"
    " -j NFQUEUE --queue-num 9 --queue-bypass"
    " || nft 'add table inet q; add chain inet q c; add rule inet q c queue num 9 bypass'",
}

FSYNC = """
import json, os, sys, tempfile, time
took = []
for _ in range(32):
    with tempfile.TemporaryFile(dir=sys.argv[1]) as file:
        file.write(bytes(4096))
        file.flush()
        start = time.monotonic()
        os.fsync(file.fileno())
        took.append(int((time.monotonic() - start) * 1e9))
print(json.dumps(took))
"""


def run(words: list[str], timeout_s: float = PATIENCE_S, text: str = "") -> tuple[int, str]:
    """Return exit status and output of a command; 127 when it is not there."""
    try:
        done = subprocess.run(
            words,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": PATH, "LC_ALL": "C"},
            timeout=timeout_s,
        )
    except (FileNotFoundError, PermissionError):
        return 127, ""
    except subprocess.TimeoutExpired:
        return 124, ""
    return done.returncode, done.stdout.decode(errors="replace")


def as_root(words: list[str], timeout_s: float = PATIENCE_S) -> tuple[int, str]:
    """Return exit status and output of a command run by root, by sudo where we are not root."""
    if os.geteuid() == 0:
        return run(words, timeout_s)
    if BECOME_PASSWORD:
        return run(["sudo", "-S", "-p", "", "--", *words], timeout_s, BECOME_PASSWORD + "\n")
    return run(["sudo", "-n", "--", *words], timeout_s)


def read(path: str, default: str = "") -> str:
    """Return the stripped text of a small file, default when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(65536).decode(errors="replace").strip("\0\n ")
    except OSError:
        return default


def features() -> dict[str, Any]:
    """Return each kernel feature as true, false or null (unknown), and whether sudo works."""
    code, text = as_root(["true"])
    if code != 0:
        last = text.strip().splitlines()[-1:] or ["sudo is not installed"]
        return {"sudo": False, "sudo_says": last[0], **dict.fromkeys(TRIALS)}
    found: dict[str, Any] = {"sudo": True, "sudo_says": ""}
    for name, script in TRIALS.items():
        words = ["env", "PATH=" + PATH, "unshare", "--net", "/bin/sh", "-ec", script]
        found[name] = as_root(words)[0] == 0
    return found


def modules(names: list[str]) -> dict[str, str]:
    """Return for each kernel module: loaded, builtin, loadable or missing."""
    release = os.uname().release
    built_in = read("/lib/modules/" + release + "/modules.builtin")
    states = {}
    for name in names:
        if os.path.isdir("/sys/module/" + name):
            states[name] = "loaded"
        elif "/" + name + ".ko" in built_in:
            states[name] = "builtin"
        else:
            found = run(["modprobe", "-n", "-q", name])[0] == 0
            states[name] = "loadable" if found else "missing"
    return states


def free_bytes(path: str) -> int:
    """Return the free bytes of the file system that path is, or will be, on."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    room = os.statvfs(path)
    return room.f_bavail * room.f_frsize


def fsync_ns(path: str) -> list[int]:
    """Return how long each of 32 small files took to be safe on the disk; empty: not allowed to."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    code, text = as_root([sys.executable, "-c", FSYNC, path])
    if code != 0:
        text = run([sys.executable, "-c", FSYNC, path])[1]
    return json_of(text) or []


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
    _, text = as_root(["ss", "-Hlntup", f"sport = :{port}"])
    return text.split('users:(("')[1].split('"')[0] if 'users:(("' in text else ""


def ask_ntp(server: str, port: int, tries: int = 3) -> dict[str, Any]:
    """Return the quickest answer, times in nanoseconds, or why there is none.

    {offset_ns, delay_ns, root_ns, leap, stratum}: what they are worth the controller judges.
    """
    best: dict[str, Any] | None = None
    problem = "no answer"
    for _ in range(tries):
        try:
            family, kind, _, _, address = socket.getaddrinfo(server, port, 0, socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as sock:
                sock.settimeout(0.8)
                sock.connect(address)
                sent = time.time()
                sock.send(b"\x23" + bytes(39) + stamped(sent))
                data = sock.recv(512)
                back = time.time()
        except OSError as error:
            problem = str(error)
            continue
        if len(data) < 48 or data[0] & 7 != 4 or abs(stamp(data, 24) - sent) > ECHO_S:
            problem = "what it sent is no answer to the question"
            continue
        received, answered = (stamp(data, at) for at in (32, 40))
        root_delay, root_dispersion = struct.unpack_from("!II", data, 4)
        delay = (back - sent) - (answered - received)
        offset = ((received - sent) + (answered - back)) / 2
        if best is None or delay < best["delay_ns"] / 1e9:
            best = {
                "offset_ns": int(offset * 1e9),
                "delay_ns": int(delay * 1e9),
                "root_ns": (root_dispersion + root_delay // 2) * 1_000_000_000 >> 16,
                "leap": data[0] >> 6,
                "stratum": data[1],
            }
    return best or {"problem": problem}


def stamped(seconds: float) -> bytes:
    """Return Unix seconds as an NTP time stamp."""
    return struct.pack("!II", int(seconds) + NTP_EPOCH_S, int(seconds % 1 * 2**32))


def stamp(data: bytes, at: int) -> float:
    """Return the NTP time stamp at an offset as Unix seconds."""
    seconds, fraction = struct.unpack_from("!II", data, at)
    return float(seconds - NTP_EPOCH_S + fraction / 2**32)


def clock(setters: str) -> dict[str, Any]:
    """Return what keeps this host's time, and how well it says it does; setters: the source of
    faults/clock_setters.py, run here to find who sets the clock (null: it did not run).
    """
    words = [sys.executable, "-c", setters]
    found = json_of(as_root(words, 30)[1]) or json_of(run(words, 30)[1])
    said = found if isinstance(found, dict) else {}
    return {
        "source": read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "rtc": bool(glob.glob("/sys/class/rtc/rtc*")),
        "wall_ns": time.time_ns(),
        "zone": time.strftime("%Z %z"),
        "daemons": said.get("daemons"),
        "others": said.get("others"),
        "chrony": run(["chronyc", "-c", "tracking"])[1].strip(),
        "kernel": said.get("kernel"),
    }


def json_of(text: str) -> Any:
    """Return the last line of a text that is JSON, null when none is: sudo may warn beside it."""
    for line in reversed(text.splitlines()):
        if line.startswith(("{", "[")):
            try:
                return json.loads(line)
            except (ValueError, RecursionError):
                continue
    return None


def holder(address: str) -> str:
    """Return the interface that holds address, empty when none does."""
    words = run(["ip", "-o", "addr", "show", "to", address])[1].split()
    return words[1] if len(words) > 1 else ""


def nic(name: str) -> dict[str, Any]:
    """Return what is known of a network interface; a virtual one has no speed of its own."""
    folder = "/sys/class/net/" + name
    if not name or not os.path.isdir(folder):
        return {"name": name, "kind": "missing"}
    wireless = os.path.isdir(folder + "/wireless") or os.path.isdir(folder + "/phy80211")
    wired = os.path.isdir(folder + "/device")
    found = {
        "name": name,
        "kind": "wifi" if wireless else "wired" if wired else "virtual",
        "driver": os.path.basename(os.path.realpath(folder + "/device/driver")) if wired else "",
        "carrier": read(folder + "/carrier") == "1",
        "speed_mbit": int(read(folder + "/speed", "-1") or -1),
        "duplex": read(folder + "/duplex"),
    }
    if wireless:
        found["power_save"] = (
            "power save: on" in run(["iw", "dev", name, "get", "power_save"])[1].lower()
        )
    elif wired:
        found["eee"] = run(["ethtool", "--show-eee", name])[1]
        found["ethtool"] = run(["ethtool", name])[1]
    return found


def throttled() -> int | None:
    """Return the firmware's word on power and heat of a Raspberry Pi, null on other machines."""
    text = read("/sys/devices/platform/soc/soc:firmware/get_throttled")
    if not text and shutil.which("vcgencmd", path=PATH):
        text = as_root(["vcgencmd", "get_throttled"])[1].strip().rpartition("throttled=")[2]
    try:
        return int(text, 16)
    except ValueError:
        return None


def machine() -> dict[str, Any]:
    """Return what this host is: model, system, versions, heat, power and memory habits."""
    release = dict(
        line.split("=", 1) for line in read("/etc/os-release").splitlines() if "=" in line
    )
    heat = [read(path) for path in glob.glob("/sys/class/thermal/thermal_zone*/temp")]
    governors = glob.glob("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")
    swaps = [line.split()[2] for line in read("/proc/swaps").splitlines()[1:]]
    return {
        "model": read("/proc/device-tree/model"),
        "virtual": run(["systemd-detect-virt"])[1].strip(),
        "system": release.get("PRETTY_NAME", "").strip('"'),
        "kernel": os.uname().release,
        "python": platform.python_version(),
        "throttled": throttled(),
        "celsius": max(
            [int(text) // 1000 for text in heat if text.lstrip("-").isdigit()], default=None
        ),
        "governors": sorted({read(path) for path in governors}),
        "swap_bytes": sum(int(size) * 1024 for size in swaps),
    }


def main() -> None:
    """Print all findings as one JSON object; the request is the first argument, as JSON."""
    asked = json.loads(sys.argv[1])
    taken = listeners(set(asked["ports"]))
    report = {
        "python": list(sys.version_info[:2]),
        "arch": os.uname().machine,
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "systemd": os.path.isdir("/run/systemd/system"),
        "machine": machine(),
        "features": features(),
        "modules": modules(asked["modules"]),
        "programs": {name: bool(shutil.which(name, path=PATH)) for name in asked["programs"]},
        "free_bytes": {path: free_bytes(path) for path in asked["paths"]},
        "fsync_ns": fsync_ns(asked["paths"][0]),
        "taken": taken,
        "owners": {port: owner(int(port)) for port in taken},
        "ours": run(["systemctl", "is-active", "slotlab-node", "slotlab-probe"])[1].split(),
        "cards": run(["ip", "-j", "addr"])[1],
        "nic": nic(asked["interface"] or holder(asked["address"])),
        "ntp": {server: ask_ntp(*way) for server, way in asked["ntp"].items()},
        "clock": clock(asked["clock_setters"]),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
