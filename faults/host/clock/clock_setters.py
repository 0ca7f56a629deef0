"""Who sets this host's clock: the daemons that a clock fault can hold, and everybody else.

There is no list of all who may: of the processes that are allowed to (CAP_SYS_TIME), those count
that were given just this, that systemd starts as time daemons, that speak NTP or PTP, or that are
known by name; further jobs of cron and of timers, the hypervisor, and a clock that the kernel calls
synchronised though nobody is seen.

Python 3.7 and its standard library alone: `slotlab check` sends this file to hosts on which nothing
is installed, and there it prints what it found as JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import json
import os
import re
import struct
import subprocess
import sys
from fnmatch import fnmatch
from typing import Any, NamedTuple

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
CHRONY = ("chrony.service", "chronyd.service")
HOLDABLE = (
    *CHRONY, "systemd-timesyncd.service", "ntpsec.service", "ntp.service", "ntpd.service",
    "openntpd.service", "ntpd-rs.service", "phc2sys.service", "phc2sys@*.service",
    "ptp4l.service", "ptp4l@*.service", "timemaster.service",
)  # fmt: skip
"""Units that are stopped for the time of a fault and started behind it; patterns of systemctl."""

_HARMLESS = (
    "slotlab-*", "systemd-timedated.service", "systemd-time-wait-sync.service",
    "chrony-wait.service", "ntpsec-wait.service", "ntp-wait.service",
)  # fmt: skip
"""Ours, and those that wait for the time or set it only when somebody asks them to."""
_KNOWN = (
    "chronyd", "ntpd", "ntp-daemon", "openntpd", "systemd-timesyn", "phc2sys", "ptp4l", "ts2phc",
    "timemaster", "ptpd", "ptpd2", "sfptpd", "statime", "radclock", "sdwdate", "htpdate",
    "tlsdated", "connmand", "ntpclient", "VBoxService", "vmtoolsd", "prltoolsd",
)  # fmt: skip
"""Names of programs as the kernel cuts them (15 characters)."""
_SETS = re.compile(
    r"(?<![\w-])(ntpdate|ntpdig|sntp|rdate|htpdate|ntpclient|adjtimex|timedatectl\s+set-time"
    r"|chronyd\b[^|;&\n]*\s-q|hwclock\b[^|;&\n]*\s(?:-s|--hctosys)"
    r"|date\b[^|;&\n]*\s(?:-s|--set))(?![\w-])"
)
"""What a job that sets the clock runs."""
_JOBS = ("/etc/crontab", "/etc/anacrontab", "/etc/cron.*/*", "/var/spool/cron/*/*")
_HYPER_V = "9527e630-d0ae-497b-adce-e80ab0175caf"
_CAP_SYS_ADMIN, _CAP_SYS_TIME = 1 << 21, 1 << 25
_PORTS = (123, 319, 320)
_FRESH_NS = 1_000_000_000
"""The kernel lets its error bound grow by 0.5 ms a second: under 1 s, it was set within 33 min."""


class Process(NamedTuple):
    """A process that the kernel allows to set the clock; unit: the systemd unit that it is in."""

    pid: int
    name: str
    unit: str
    caps: int


def found(proc: str = "/proc") -> dict[str, Any]:
    """Return daemons (active units that can be held), kernel (its word on the clock), others.

    others: a line for each one else who sets the clock, or for what could not be found out.
    """
    listed = daemons()
    clock = kernel()
    if listed is None:
        return {"daemons": [], "kernel": clock, "others": ["systemctl does not say who does"]}
    others = [*_processes_that_set(proc, listed), *jobs(), *_hypervisor()]
    fresh = bool(clock and clock["synchronised"] and clock["error_max_ns"] < _FRESH_NS)
    if fresh and not listed and not others:
        others = ["somebody unknown: the kernel was told within half an hour that it is right"]
    return {"daemons": listed, "kernel": clock, "others": others}


def daemons() -> list[str] | None:
    """Return the active units that can be held, by their own names; None when systemd is silent."""
    words = ["list-units", "--plain", "--no-legend", "--state=active,activating,reloading"]
    code, text = _said(["systemctl", *words, *HOLDABLE])
    return None if code else [line.split()[0] for line in text.splitlines() if line.split()]


def _processes_that_set(proc: str, listed: list[str]) -> list[str]:
    ordered = _time_units()
    spoken = _sockets(proc)
    lines: dict[str, None] = {}
    hidden = False
    for process in processes(proc):
        if _fits(process.unit, (*HOLDABLE, *_HARMLESS)):
            continue
        speaks = _speaks(proc, process.pid, spoken)
        hidden = hidden or speaks is None
        if why := _why(process, ordered, speaks=bool(speaks)):
            where = f" of {process.unit}" if process.unit else f", process {process.pid}"
            lines[f"{process.name}{where} ({why})"] = None
    if hidden and not listed and not lines and "0" in spoken.values():
        lines["a process of root that speaks NTP or PTP"] = None
    return list(lines)


def _why(process: Process, ordered: set[str], *, speaks: bool) -> str:
    """Return by what sign a process counts as one that sets the clock, empty when by none."""
    if process.name in _KNOWN:
        return "it is known to set clocks"
    if not process.caps & _CAP_SYS_ADMIN:  # which the hardened services of root keep
        return "it was given CAP_SYS_TIME"
    if process.unit in ordered:
        return "systemd starts it as a time daemon"
    return "it has a socket of NTP or PTP" if speaks else ""


def processes(proc: str = "/proc") -> list[Process]:
    """Return the processes that may set the clock, but for this one, the kernel's and sandboxes."""
    made = []
    for entry in sorted(filter(str.isdigit, os.listdir(proc)), key=int):
        status = dict(
            line.split(":\t", 1) for line in _read(f"{proc}/{entry}/status").splitlines()
            if ":\t" in line
        )  # fmt: skip
        try:
            caps = int(status["CapPrm"], 16) | int(status["CapEff"], 16)
        except (KeyError, ValueError):
            continue
        ours = int(entry) == os.getpid() or "VmSize" not in status
        if ours or not caps & _CAP_SYS_TIME or _sandboxed(proc, entry):
            continue
        unit = _unit(_read(f"{proc}/{entry}/cgroup"))
        made.append(Process(int(entry), status.get("Name", "?").strip(), unit, caps))
    return made


def _sandboxed(proc: str, entry: str) -> bool:
    """Return whether a process lives in a user namespace, in which capabilities move no clock."""
    own, its = (_read(f"{proc}/{each}/uid_map").split() for each in ("self", entry))
    return bool(own) and bool(its) and own != its


def _unit(cgroup: str) -> str:
    """Return the first service or scope on the way of a process's control group."""
    for line in cgroup.splitlines():
        for part in line.rpartition(":")[2].split("/"):
            if part.endswith((".service", ".scope")):
                return part
    return ""


def _time_units() -> set[str]:
    """Return the units that systemd starts before the time counts as right, or for timesyncd."""
    asked = (("After", "time-sync.target"), ("ConflictedBy", "systemd-timesyncd.service"))
    texts = [_said(["systemctl", "show", "-p", key, "--value", unit])[1] for key, unit in asked]
    return {word for text in texts for word in text.split() if word.endswith(".service")}


def _sockets(proc: str) -> dict[str, str]:
    """Return by inode the owner of each UDP socket of NTP or PTP, from the server's side or not."""
    made = {}
    for name in ("udp", "udp6"):
        for line in _read(f"{proc}/net/{name}").splitlines()[1:]:
            with contextlib.suppress(ValueError, IndexError):
                words = line.split()
                if any(int(each.rpartition(":")[2], 16) in _PORTS for each in words[1:3]):
                    made[words[9]] = words[7]
    return made


def _speaks(proc: str, pid: int, sockets: dict[str, str]) -> bool | None:
    """Return whether a process has one of the sockets, None where that may not be seen."""
    if not sockets:
        return False
    folder = f"{proc}/{pid}/fd"
    try:
        names = os.listdir(folder)
    except PermissionError:
        return None
    except OSError:
        return False
    for name in names:
        with contextlib.suppress(OSError):
            if os.readlink(f"{folder}/{name}")[8:-1] in sockets:
                return True
    return False


def jobs() -> list[str]:
    """Return the jobs of cron and of systemd's timers that set the clock."""
    texts = {path: _read(path) for pattern in _JOBS for path in sorted(glob.glob(pattern))}
    services = _said(["systemctl", "show", "-p", "Triggers", "--value", "*.timer"])[1].split()
    if services:
        shown = _said(["systemctl", "show", "-p", "Id", "-p", "ExecStart", *sorted(set(services))])
        for block in shown[1].split("\n\n"):
            unit = re.search("^Id=(.*)", block, re.MULTILINE)
            if unit and not _fits(unit[1], _HARMLESS):
                texts[unit[1]] = block
    lines = []
    for where, text in texts.items():
        active = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        if program := _SETS.search(active):
            lines.append(f"{program[1].split()[0]} in {where} (at times)")
    return lines


def _hypervisor() -> list[str]:
    kinds = (_read(path) for path in glob.glob("/sys/bus/vmbus/devices/*/class_id"))
    return ["the hypervisor (time synchronisation of Hyper-V)"] * any(_HYPER_V in k for k in kinds)


def kernel() -> dict[str, Any] | None:
    """Return what adjtimex says, read only; None where it is not ours to ask."""
    buffer = ctypes.create_string_buffer(512)
    try:
        state = ctypes.CDLL(None).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    if state < 0 or sys.maxsize <= 2**32:
        return None
    error_max_us = struct.unpack_from("I4xqqq", buffer.raw)[3]
    return {"synchronised": state != 5, "error_max_ns": error_max_us * 1000}


def _fits(unit: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(unit, pattern) for pattern in patterns)


def _read(path: str) -> str:
    """Return the text of a small file, empty when there is none to be read."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20).decode(errors="replace")
    except OSError:
        return ""


def _said(words: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": PATH, "LC_ALL": "C"}, timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return 127, ""
    return done.returncode, done.stdout.decode(errors="replace")


if __name__ == "__main__":
    print(json.dumps(found()))
