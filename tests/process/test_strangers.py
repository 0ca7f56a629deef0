"""What a node does with keys, frames, chains and machines that are not as they should be."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from node import events
from node.network import wire
from node.network.links import Callbacks, Identity, Links
from tests.process.cluster import cluster
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.process


def frames_from(lab: Any, sender: Any, target: Any, frames: list[bytes]) -> None:
    """Send frames to target in the name of sender, whose process must not run."""

    async def talk() -> None:
        public, secret = lab.curve[sender.name]
        identity = Identity(
            listen="127.0.0.1", port=sender.config.node_port, secret=secret, public=public,
            frame_bytes_max=1 << 22,
        )  # fmt: skip
        peers = [peer for peer in sender.config.peers if peer.host == target.name]
        quiet = Callbacks(
            on_frame=lambda *_: None, on_link=lambda *_: None, on_refused=lambda *_: None
        )
        links = Links(asyncio.get_running_loop(), zmq.Context(), identity, peers, quiet)
        async with asyncio.timeout(DEADLINE_S):
            while not links._up:
                await asyncio.sleep(0.01)
            for frame in frames:
                while not links.send(target.name, frame):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)  # let the frames leave before the socket closes
        links.close()

    asyncio.run(talk())


def test_an_unknown_key_is_refused_and_told() -> None:
    with cluster(2) as lab:
        honest, stranger = lab.nodes
        lab.curve[stranger.name] = zmq.curve_keypair()
        (stranger.folder / "curve.secret").write_bytes(lab.curve[stranger.name][1])
        lab.start()

        def refusals() -> list[Any]:
            return [r for r in honest.of(events.Peer) if r.reason == "unknown_key"]

        wait_until(refusals, "a refusal")
        assert {(r.peer, r.state) for r in refusals()} == {("127.0.0.1", "refused")}
        wait_until(lambda: stranger.peer_state("hosta") == "refused", "the stranger knows")
        assert honest.of(events.Received) == []
        assert stranger.of(events.Received) == []


def test_garbage_frames_are_told_and_stop_nothing() -> None:
    with cluster(2) as lab:
        node, sender = lab.nodes
        node.start()
        wait_until(node.status, "status")
        hello = wire.Hello(
            bytes.fromhex(node.status()["chain_id"]), b"session1", 1, bytes(32), 0, 1,
            bytes.fromhex(node.status()["lib_id"]), [],
        )  # fmt: skip
        version = bytes([wire.WIRE_VERSION])
        junk = [
            b"", b"\x00", b"\xff" * 1000, version, version + b"\xc1", version + b"\x91" * 5000,
            wire.encode(hello), wire.encode(wire.BlockBody(b"no block")),
            wire.encode(wire.TxBodies([b"\x00" * 100])), wire.encode(wire.Want([bytes(32)], False)),
            wire.encode(wire.SyncRequest(1, [b"x" * 32])),
            wire.encode(wire.SyncBlocks(1, [b"?"], True, True)),
        ]  # fmt: skip
        frames_from(lab, sender, node, junk)

        def reasons() -> list[str]:
            rejected = node.of(events.Rejected)
            return [r.reason for r in rejected if (r.what, r.from_) == ("frame", sender.name)]

        wait_until(lambda: len(reasons()) >= 8, "eight rejections")
        assert set(reasons()) == {"empty_frame", "wrong_version", "malformed", "bad_content"}
        sender.start()
        lab.until_lib(4)
        assert node.end(signal.SIGTERM) == 0


def test_a_flood_of_garbage_is_counted_not_told_one_by_one() -> None:
    with cluster(2) as lab:
        node, sender = lab.nodes
        node.start()
        wait_until(node.status, "status")
        frames_from(lab, sender, node, [b"\x00garbage"] * 3000)

        def dropped() -> int:
            found = node.of(events.Dropped)
            return sum(r.n for r in found if r.queue == f"bad_frames:{sender.name}")

        def told() -> int:
            return len(node.of(events.Rejected))

        wait_until(lambda: dropped() + told() == 3000, "all 3000 accounted for")
        assert told() <= 100


def test_another_chain_is_refused() -> None:
    with cluster(2) as lab:
        node, other = lab.nodes
        genesis = msgspec.structs.replace(lab.genesis, max_transaction_lifetime_s=77)
        (other.folder / "genesis.json").write_bytes(msgspec.json.encode(genesis))
        lab.start()
        wait_until(lambda: node.peer_state(other.name) == "refused", "refused here")
        wait_until(lambda: other.peer_state(node.name) == "refused", "refused there")
        assert "wrong_chain" in [r.reason for r in node.of(events.Peer)]
        assert node.of(events.Received) == []


def one_line(node: Any, status: int) -> str:
    """Return the only line of a node that refuses to start."""
    node.start()
    assert node.wait() == status
    lines = node.log().splitlines()
    assert len(lines) == 1
    return str(lines[0])


def test_a_taken_port_is_one_line() -> None:
    with cluster(1) as lab, socket.socket() as other:
        node = lab.nodes[0]
        other.bind(("127.0.0.1", node.config.node_port))
        other.listen()
        port = node.config.node_port
        expected = f"node: cannot listen on 127.0.0.1:{port}: Address already in use"
        assert one_line(node, 3) == expected


def test_wrong_input_is_one_line_and_status_2() -> None:
    with cluster(2) as lab:
        first, second = lab.nodes
        (first.folder / "producera.key").write_text(lab.producer_keys["producerb"].to_hex())
        assert "is not the key" in one_line(first, 2)
        (second.folder / "curve.secret").write_text("short")
        assert "not a CURVE secret key" in one_line(second, 2)


def test_the_store_of_another_chain_is_one_line() -> None:
    with cluster(1) as lab:
        node = lab.nodes[0]
        node.start()
        wait_until(node.status, "status")
        assert node.end(signal.SIGTERM) == 0
        genesis = msgspec.structs.replace(lab.genesis, max_transaction_lifetime_s=77)
        (node.folder / "genesis.json").write_bytes(msgspec.json.encode(genesis))
        assert "holds chain" in one_line(node, 3)


def test_a_full_disk_stops_the_node_with_one_line() -> None:
    with cluster(1) as lab:
        node = lab.nodes[0]
        (node.folder / "events").mkdir()
        Path(node.folder / "events" / "node.jsonl").symlink_to("/dev/full")
        assert one_line(node, 3).endswith("node.jsonl: No space left on device")
