"""How soon links are back after a cut, and nodes in sync, beside a bare TCP connection.

One of four nodes is cut off by rules that drop what comes, in two network namespaces made for it.
All times are of one clock.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from harness.bench.rig.nodes import edit, prepare, running, told, until_told
from harness.bench.row import Row, of_samples
from harness.errors import RunError

CUTS = 10
CUT_S = 20.0
APART_S = 0.137
"""Each cut is so much longer than the one before: it ends at another moment of all retrying."""
HEALED_S = 8.0
NEAR, FAR = "10.77.0.1", "10.77.0.2"
PORT = 7
CAMPAIGN = """
schema: slotlab.campaign/v1
title: nothing happens
seed: 1
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 60s
timeline: []
"""
RULES = """
table ip slotlab_bench {{
  chain arriving {{
    type filter hook input priority 0;
    ip saddr {source} drop;
  }}
}}
"""
LISTEN = f"""
import socket
held = socket.create_server(("", {PORT}))
while True:
    held.accept()[0].close()
"""
CONNECT = f"""
import socket, time
while True:
    try:
        socket.create_connection(("{FAR}", {PORT}), timeout=0.05).close()
        print(time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), flush=True)
        time.sleep(0.05)
    except OSError:
        pass
"""


class Healed(NamedTuple):
    """One cut and what came of it: when it ended, until when that counts."""

    at_ns: int
    until_ns: int


def skipped() -> str:
    """Return why it cannot be measured here, or ""."""
    if os.geteuid() != 0:
        return "needs root: network namespaces"
    return "" if shutil.which("nft") and shutil.which("ip") else "needs nft and ip"


def rows() -> list[Row]:
    """Return how long after ten cuts all links stood, and heads were the same."""
    with tempfile.TemporaryDirectory(prefix="slb-") as folder, _two_places() as (near, far):
        homes = _apart(prepare(Path(folder), CAMPAIGN))
        with (
            running(homes[:1], inside=_inside(near)) as one,
            running(homes[1:], inside=_inside(far)) as others,
            _bare(near, far, Path(folder) / "bare") as bare,
        ):
            until_told(homes, "node", "irreversible", [*one, *others])
            cuts = [_cut(near, far, CUT_S + n * APART_S) for n in range(CUTS)]
            connected_ns = [int(line) for line in bare.read_text().split()]
        links_ms = [_links_back_ms(homes, cut) for cut in cuts]
        heads = [told(home, "node", "applied") for home in homes[:2]]
        sync_ms = [_in_sync_ms(heads, cut) for cut in cuts]
    floors = [min(at for at in connected_ns if at > cut.at_ns) - cut.at_ns for cut in cuts]
    floors_ms = [ns / 1e6 for ns in floors]
    floor_is = "a bare TCP connection, tried each 50 ms"
    return [
        *of_samples("links", f"all links back after {CUT_S:.0f} s", links_ms, floors_ms, floor_is),
        *of_samples("links", f"in sync after {CUT_S:.0f} s", sync_ms, floors_ms, floor_is),
    ]


def _links_back_ms(homes: Sequence[Path], cut: Healed) -> float:
    """Return how long after a cut the last link across it stood, in either direction.

    Raises:
        RunError: none did.
    """
    lone = homes[0].name
    stood = [
        event["mono_ns"]
        for home in homes
        for event in told(home, "node", "peer")
        if event["state"] == "handshaked" and (home.name == lone) != (event["peer"] == lone)
    ]
    back: list[int] = [at for at in stood if cut.at_ns < at < cut.until_ns]
    if not back:
        raise RunError("bench: links were not back after a cut")
    return (max(back) - cut.at_ns) / 1e6


def _in_sync_ms(told_heads: Sequence[list[dict[str, Any]]], cut: Healed) -> float:
    """Return how long after a cut two nodes had the same head for the first time.

    Raises:
        RunError: never.
    """
    events: list[tuple[int, int, str]] = sorted(
        (event["mono_ns"], node, event["id"])
        for node, events in enumerate(told_heads)
        for event in events
    )
    heads = ["", " "]
    for at_ns, node, block_id in events:
        heads[node] = block_id
        if at_ns > cut.at_ns and heads[0] == heads[1]:
            return (at_ns - cut.at_ns) / 1e6
    raise RunError("bench: nodes were not in sync after a cut")


def _cut(near: str, far: str, lasts_s: float) -> Healed:
    """Drop everything between two places for a while; return when that ended."""
    for place, source in ((near, FAR), (far, NEAR)):
        rules = RULES.format(source=source)
        _run(*_inside(place), "nft", "-f", "-", text=rules)
    time.sleep(lasts_s)
    for place in (near, far):
        _run(*_inside(place), "nft", "delete", "table", "ip", "slotlab_bench")
    at_ns = _now_ns()
    time.sleep(HEALED_S)
    return Healed(at_ns, _now_ns())


def _apart(homes: list[Path]) -> list[Path]:
    """Have the first host listen at one place and the others at another."""
    address = {home.name: FAR for home in homes} | {homes[0].name: NEAR}
    for home in homes:
        peers = json.loads((home / "node.json").read_text())["peers"]
        edit(home, listen=address[home.name],
             peers=[{**peer, "address": address[peer["host"]]} for peer in peers])  # fmt: skip
    return homes


@contextmanager
def _two_places() -> Iterator[tuple[str, str]]:
    """Yield two network namespaces with a cable between them, removed afterwards."""
    name = f"slb{secrets.token_hex(3)}"
    near, far = f"{name}n", f"{name}f"
    try:
        for place in (near, far):
            _run("ip", "netns", "add", place)
            _run(*_inside(place), "ip", "link", "set", "lo", "up")
        cable = ("type", "veth", "peer", "name", far, "netns", far)
        _run("ip", "link", "add", near, "netns", near, *cable)
        for place, address in ((near, NEAR), (far, FAR)):
            _run(*_inside(place), "ip", "address", "add", f"{address}/24", "dev", place)
            _run(*_inside(place), "ip", "link", "set", place, "up")
        yield near, far
    finally:
        for place in (near, far):
            subprocess.run(("ip", "netns", "delete", place), check=False)


@contextmanager
def _bare(near: str, far: str, path: Path) -> Iterator[Path]:
    """Yield a file with the moments at which a connection from near to far was made."""
    with path.open("wb") as file:
        ends = [
            subprocess.Popen((*_inside(far), sys.executable, "-c", LISTEN)),
            subprocess.Popen((*_inside(near), sys.executable, "-c", CONNECT), stdout=file),
        ]
        try:
            yield path
        finally:
            for end in ends:
                end.kill()
                end.wait()


def _inside(place: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", place)


def _run(*words: str, text: str = "") -> None:
    subprocess.run(words, check=True, input=text, text=True)


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
