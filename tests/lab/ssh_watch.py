"""Watches, from the controller's place in the lab, that every host's SSH answers all the time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab.bench import Bench

ANSWER_S = 5.0
"""A host that does not send its SSH greeting within this time counts as out of reach (a shared
machine may be busy for a second or two)."""

_WATCH = """
import json, socket, sys, threading, time
hosts, answer_s = json.loads(sys.argv[1]), float(sys.argv[2])
over = threading.Event()
def look(name, address, seen):
    while not over.is_set():
        begin = time.monotonic()
        try:
            with socket.create_connection((address, 22), timeout=answer_s) as link:
                link.settimeout(answer_s)
                good = link.recv(4) == b"SSH-"
        except OSError:
            good = False
        seen[0] += 1
        if not good:
            seen[1].append(time.time())
        over.wait(max(0.0, 0.1 - (time.monotonic() - begin)))
seen = {name: [0, []] for name, _ in hosts}
all_of_them = [threading.Thread(target=look, args=(n, a, seen[n])) for n, a in hosts]
for each in all_of_them: each.start()
print("watching", flush=True)
sys.stdin.read()
over.set()
for each in all_of_them: each.join()
print(json.dumps(seen), flush=True)
"""


@dataclass
class Watch:
    """What was seen, once the watch is over: by host, asked how often, and when nobody answered."""

    asked: dict[str, int] = field(default_factory=dict)
    silent: dict[str, list[float]] = field(default_factory=dict)


@contextmanager
def ssh_watch(bench: Bench) -> Iterator[Watch]:
    """Yield a watch that is filled when the block ends: up to ten greetings a second from each."""
    inside = ["nsenter", f"--net={bench.netns}", sys.executable, "-c", _WATCH]
    running = subprocess.Popen(
        [*inside, json.dumps(bench.hosts), str(ANSWER_S)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.readline() == "watching\n"
    watch = Watch()
    try:
        yield watch
    finally:
        said, _ = running.communicate("", timeout=30)
        for name, (asked, silent) in json.loads(said).items():
            watch.asked[name], watch.silent[name] = asked, silent
