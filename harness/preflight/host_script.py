"""The part of preflight that runs on a host: read over SSH by its Python, prints JSON.

It uses nothing but the standard library of Python 3.7 and newer. It changes nothing: kernel
features are tried in a network namespace of its own that is gone at once, and the few small files
by which it measures the disk are deleted as they are written. Never imported by the harness.
"""

from __future__ import annotations

import ctypes
import glob
import hashlib
import ipaddress
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from typing import Any

BECOME_PASSWORD = ""
"""Filled in by the harness when the operator gave a sudo password; it never is an argument."""
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

PATIENCE_S = 60
"""What a slow host does not answer at once is late; only beyond this is it missing."""
CAPABILITY_SHELL = {
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
        return {"sudo": False, "sudo_says": last[0], **dict.fromkeys(CAPABILITY_SHELL)}
    found: dict[str, Any] = {"sudo": True, "sudo_says": ""}
    for name, script in CAPABILITY_SHELL.items():
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


def folder(path: str) -> dict[str, Any]:
    """Return what is known of the file system that path is, or will be, on."""
    there = path
    while not os.path.exists(there):
        there = os.path.dirname(there)
    try:
        room = os.statvfs(there)
    except OSError as error:
        return {
            "problem": str(error), "free_bytes": 0, "free_files": None, "read_only": False,
            "no_exec": False, "kind": "", "mounted": "",
        }  # fmt: skip
    kind, mounted = file_system(os.path.realpath(there))
    return {
        "problem": "",
        "free_bytes": room.f_bavail * room.f_frsize,
        "free_files": room.f_favail if room.f_files else None,
        "read_only": bool(room.f_flag & os.ST_RDONLY),
        "no_exec": bool(room.f_flag & os.ST_NOEXEC),
        "kind": kind,
        "mounted": mounted,
    }


def file_system(path: str) -> tuple[str, str]:
    """Return type and mount point of the file system that path is on."""
    best = ("", "/")
    for line in read("/proc/self/mounts").splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        point = words[1].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[1]):
            best = (words[2], point)
    return best


def fsync_ns(path: str) -> list[int]:
    """Return how long each of 32 small files took to be safe on the disk; empty: not allowed to."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    code, text = as_root([sys.executable, "-c", FSYNC, path])
    if code != 0:
        text = run([sys.executable, "-c", FSYNC, path])[1]
    return json_of(text) or []


def listeners(ports: set[int], address: str) -> dict[str, list[str]]:
    """Return for each port that is in use at address whether TCP, UDP or both hold it."""
    taken: dict[str, list[str]] = {}
    for kind, listening in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        try:
            with open("/proc/net/" + kind) as file:
                rows = file.read().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            words = row.split()
            local, _, port = words[1].rpartition(":")
            held = int(local, 16) == 0 or plain(local) == plain(address)
            if words[3] == listening and int(port, 16) in ports and held:
                kinds = taken.setdefault(str(int(port, 16)), [])
                kinds += [] if kind[:3] in kinds else [kind[:3]]
    return taken


def plain(address: str) -> str:
    """Return an address, as people or as /proc/net writes it, in one form."""
    if "." not in address and ":" not in address:
        data = bytes.fromhex(address)
        words = [data[at : at + 4][::-1] for at in range(0, len(data), 4)]
        address = str(ipaddress.ip_address(b"".join(words)))
    found = ipaddress.ip_address(address.partition("%")[0])
    return str(getattr(found, "ipv4_mapped", None) or found)


def owner(port: int) -> dict[str, str]:
    """Return program and systemd unit that hold port, empty where they cannot be told."""
    _, text = as_root(["ss", "-Hlntup", f"sport = :{port}"])
    program = text.split('users:(("')[1].split('"')[0] if 'users:(("' in text else ""
    number = text.partition("pid=")[2].partition(",")[0]
    group = read(f"/proc/{number}/cgroup") if number.isdigit() else ""
    units = [part for part in group.split("/") if part.strip().endswith(".service")]
    return {"program": program, "unit": units[-1].strip() if units else ""}


def clock(setters: str) -> dict[str, Any]:
    """Return what keeps this host's time, and how well it says it does; setters: the source of
    faults/host/clock/clock_setters.py, run here to find who sets the clock (null: it did not run).
    """
    words = [sys.executable, "-c", setters]
    found = json_of(as_root(words)[1]) or json_of(run(words)[1])
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


def ntp(client: str, servers: dict[str, Any]) -> dict[str, Any]:
    """Return each server's answer; client: the source of ntp_script.py, run here.

    In this process: a slow host needs seconds to start another.
    """
    space: dict[str, Any] = {"__name__": "ntp_script"}
    exec(client, space)
    return {server: space["ask_ntp"](*way) for server, way in servers.items()}


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
    found = {
        "name": name, "kind": "missing", "driver": "", "carrier": False, "speed_mbit": -1,
        "duplex": "", "power_save": False, "eee": "", "ethtool": "",
    }  # fmt: skip
    if not name or not os.path.isdir(folder):
        return found
    wireless = os.path.isdir(folder + "/wireless") or os.path.isdir(folder + "/phy80211")
    wired = os.path.isdir(folder + "/device")
    found["kind"] = "wifi" if wireless else "wired" if wired else "virtual"
    found["carrier"] = read(folder + "/carrier") == "1"
    found["speed_mbit"] = int(read(folder + "/speed", "-1") or -1)
    found["duplex"] = read(folder + "/duplex")
    if wired:
        found["driver"] = os.path.basename(os.path.realpath(folder + "/device/driver"))
    if wireless:
        said = run(["iw", "dev", name, "get", "power_save"])[1]
        found["power_save"] = "power save: on" in said.lower()
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


def identity() -> dict[str, str]:
    """Return what no other machine should have, too; of what is private a digest."""
    key = read("/etc/ssh/ssh_host_ed25519_key.pub").split()
    return {
        "host name": os.uname().nodename,
        "machine-id": digest(read("/etc/machine-id")),
        "SSH host key": digest(key[1] if len(key) > 1 else ""),
        "boot": read("/proc/sys/kernel/random/boot_id"),
    }


def digest(text: str) -> str:
    """Return some letters that stand for a text, none for none."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""


def memory_bytes() -> int | None:
    """Return how much memory programs can still have, null where the kernel does not say."""
    found = [line.split() for line in read("/proc/meminfo").splitlines() if "MemAvailable" in line]
    return int(found[0][1]) * 1024 if found else None


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
        "celsius": max((int(t) // 1000 for t in heat if t.lstrip("-").isdigit()), default=None),
        "governors": sorted({read(path) for path in governors}),
        "memory_bytes": memory_bytes(),
        "swap_bytes": sum(int(size) * 1024 for size in swaps),
    }


def is_there(name: str) -> bool:
    """Return whether a program can be found, or a shared library be loaded."""
    try:
        return bool(ctypes.CDLL(name) if ".so." in name else shutil.which(name, path=PATH))
    except OSError:
        return False


def main() -> None:
    """Print all findings as one JSON object; the request is the first argument, as JSON."""
    asked = json.loads(sys.argv[1])
    taken = listeners(set(asked["ports"]), asked["address"])
    report = {
        "python": list(sys.version_info[:2]),
        "arch": os.uname().machine,
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "systemd": run(["systemctl", "is-system-running"])[1].strip() or "unknown"
        if os.path.isdir("/run/systemd/system")
        else "",
        "identity": identity(),
        "machine": machine(),
        "features": features(),
        "modules": modules(asked["modules"]),
        "programs": {name: is_there(name) for name in asked["programs"]},
        "folders": {path: folder(path) for path in asked["paths"]},
        "fsync_ns": fsync_ns(asked["paths"][0]),
        "taken": taken,
        "any_port": read("/proc/sys/net/ipv4/ip_local_port_range").split(),
        "owners": {port: owner(int(port)) for port in taken},
        "ours": run(["systemctl", "is-active", "slotlab-node", "slotlab-probe"])[1].split(),
        "cards": run(["ip", "-j", "addr"])[1],
        "nic": nic(asked["interface"] or holder(asked["address"])),
        "ntp": ntp(asked["ntp_client"], asked["ntp"]),
        "clock": clock(asked["clock_setters"]),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
