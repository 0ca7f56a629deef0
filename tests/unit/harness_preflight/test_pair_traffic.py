"""Two hosts, here two addresses of this machine, count what passes between them, each way."""

from __future__ import annotations

import itertools
import json
import runpy
import socket
import subprocess
import sys
from typing import Any

import pytest

from harness.preflight.pair_traffic import SCRIPT

PAIR = ("127.0.0.1", "127.0.0.2")


def begin(address: str, other: str, port: int, meet_s: float = 60.0) -> subprocess.Popen[bytes]:
    asked = {
        "bind": address, "port": port, "peers": {other: [other, port]},
        "rate": 50, "seconds": 1, "echo": True, "meet_s": meet_s, "bytes": 200,
    }  # fmt: skip
    words = [sys.executable, "-S", "-E", "-c", SCRIPT.read_text(), json.dumps(asked)]
    return subprocess.Popen(words, stdout=subprocess.PIPE)


def free_port() -> int:
    with socket.socket() as free:
        free.bind((PAIR[0], 0))
        return int(free.getsockname()[1])


def test_loss_round_trips_connections_and_large_datagrams_are_counted_also_of_a_late_host() -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.bind((PAIR[1], port))
        first = begin(*PAIR, port)
        for _ in range(3):  # it asks for the other again and again
            late.recv(300)
    hosts = [first, begin(*PAIR[::-1], port)]
    said: list[dict[str, Any]] = [json.loads(host.communicate(timeout=90)[0]) for host in hosts]
    for found, other in zip(said, PAIR[::-1], strict=True):
        rtt_ns = found[other].pop("rtt_ns")
        assert found == {
            other: {"sent": 50, "received": 50, "tcp": "", "large_bytes": 15_972, "large": 5}
        }
        assert len(rtt_ns) == 50


def test_a_host_waits_for_the_others_no_longer_than_it_is_told() -> None:
    out, _ = begin(*PAIR, free_port(), meet_s=0.0).communicate(timeout=60)
    found = json.loads(out)[PAIR[1]]
    assert (found["sent"], found["received"]) == (50, 0)


def test_a_host_that_was_held_up_does_not_send_what_it_missed_in_one_burst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = runpy.run_path(str(SCRIPT))
    now_s, held_up_s, sent_s = [100.0], [3.0], []
    traffic = object.__new__(script["Traffic"])
    traffic.echo, traffic.peers = False, {n: script["Peer"]("192.0.2.1", 9000) for n in "ab"}

    def listen(until: float) -> None:
        now_s[0] = max(now_s[0], until)
        if len(sent_s) == 20:
            now_s[0] += held_up_s.pop()

    monkeypatch.setattr(script["time"], "monotonic", lambda: now_s[0])
    monkeypatch.setattr(traffic, "listen", listen)
    monkeypatch.setattr(traffic, "send", lambda *_: sent_s.append(now_s[0]))
    traffic.data(rate=50, seconds=1)
    gaps_s = [b - a for a, b in itertools.pairwise(sent_s)]
    assert len(sent_s) == 100
    assert [gap for gap in gaps_s if gap < 0.009] == [0.0], "the one that was due meanwhile"
