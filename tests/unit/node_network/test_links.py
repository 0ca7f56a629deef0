"""Links: only keys on the list come in, identity is the key, outages are told and survived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import zmq

from harness.bench.rig.ports import free_ports
from node.config import PeerConfig
from node.network import links as links_module
from node.network.links import (
    HWM_MIN,
    SEND_BYTES_MAX,
    SEND_HWM,
    Callbacks,
    Identity,
    Links,
    public_of,
    queue_frames,
)


@dataclass
class End:
    """One end under test: its keys, its port, what it was told."""

    name: str
    port: int
    frames: list[tuple[str, bytes]] = field(default_factory=list)
    links: list[tuple[str, bool, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    context: zmq.Context[zmq.Socket[bytes]] = field(default_factory=zmq.Context)

    def __post_init__(self) -> None:
        self.public, self.secret = zmq.curve_keypair()

    @property
    def up(self) -> bool:
        """Return whether the last that was told of a link is that it is there."""
        return bool(self.links) and self.links[-1][1]

    def open(self, *others: End) -> Links:
        """Return links that allow and connect to others."""
        identity = Identity(
            listen="127.0.0.1", port=self.port, secret=self.secret, public=self.public,
            frame_bytes_max=1 << 20,
        )  # fmt: skip
        peers = [
            PeerConfig(
                host=o.name, address="127.0.0.1", node_port=o.port, curve_public=o.public.decode()
            )
            for o in others
        ]
        tell = Callbacks(
            on_frame=lambda host, frame: self.frames.append((host, frame)),
            on_link=lambda host, up, why: self.links.append((host, up, why)),
            on_refused=lambda address, key: self.refused.append((address, key)),
        )
        return Links(asyncio.get_running_loop(), self.context, identity, peers, tell)


async def until(predicate: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until predicate holds, or fail."""
    async with asyncio.timeout(seconds):
        while not predicate():
            await asyncio.sleep(0.01)


def test_frames_carry_the_host_name_that_the_key_proves() -> None:
    async def scenario() -> None:
        a, b = End("hosta", free_ports(1)[0]), End("hostb", free_ports(1)[0])
        links_a, links_b = a.open(b), b.open(a)
        await until(lambda: a.up and b.up)
        assert links_a.send("hostb", b"to b")
        assert links_b.send("hosta", b"to a")
        await until(lambda: a.frames and b.frames)
        assert a.frames == [("hostb", b"to a")]
        assert b.frames == [("hosta", b"to b")]
        links_a.close()
        links_b.close()

    asyncio.run(scenario())


def test_a_key_that_is_not_on_the_list_gets_nothing_in() -> None:
    async def scenario() -> None:
        a, b, stranger = (End(name, free_ports(1)[0]) for name in ("hosta", "hostb", "hostb"))
        links_a, links_x = a.open(b), stranger.open(a)
        await until(lambda: a.refused)
        assert a.refused[0][1] == stranger.public.decode()
        await until(lambda: stranger.links)
        assert ("hosta", False, "not_allowed_there") in stranger.links
        assert not links_x.send("hosta", b"let me in")
        assert a.frames == []
        links_a.close()
        links_x.close()

    asyncio.run(scenario())


def test_a_peer_that_comes_back_is_linked_again_without_old_frames() -> None:
    async def scenario() -> None:
        a, b = End("hosta", free_ports(1)[0]), End("hostb", free_ports(1)[0])
        links_a, links_b = a.open(b), b.open(a)
        await until(lambda: a.up)
        links_b.close()
        await until(lambda: not a.up)
        assert not links_a.send("hostb", b"lost")
        b.context = zmq.Context()
        links_b = b.open(a)
        await until(lambda: a.up)
        assert links_a.send("hostb", b"new")
        await until(lambda: b.frames)
        assert b.frames == [("hosta", b"new")]
        assert [up for _, up, _ in a.links] == [True, False, True]
        links_a.close()
        links_b.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(("behind_s", "is_behind"), [(-1.0, True), (3600.0, False)])
def test_who_has_not_taken_all_for_long_is_behind_until_all_is_taken(
    monkeypatch: pytest.MonkeyPatch, behind_s: float, is_behind: bool
) -> None:
    monkeypatch.setattr(links_module, "BEHIND_S", behind_s)

    async def scenario() -> None:
        a, b = End("hosta", free_ports(1)[0]), End("hostb", free_ports(1)[0])
        links_a, links_b = a.open(b), b.open(a)
        found: list[bool] = []

        class Frames(list[tuple[str, bytes]]):
            def append(self, frame: tuple[str, bytes]) -> None:
                found.append(links_b.behind)
                super().append(frame)

        b.frames = Frames()
        await until(lambda: a.up and b.up)
        assert not links_b.behind
        assert links_a.send("hostb", b"work")
        await until(lambda: b.frames)
        assert found == [is_behind]
        assert not links_b.behind
        links_a.close()
        links_b.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("frame_bytes", "frames"), [(1, 1000), (300_000, 894), (2_162_688, 124), (33_619_968, 16)]
)
def test_a_queue_holds_fewer_frames_where_they_may_be_long(frame_bytes: int, frames: int) -> None:
    assert queue_frames(SEND_HWM, SEND_BYTES_MAX, frame_bytes) == frames
    assert frames == HWM_MIN or frames * frame_bytes <= SEND_BYTES_MAX


def test_a_full_queue_drops_and_counts() -> None:
    async def scenario() -> None:
        a, b = End("hosta", free_ports(1)[0]), End("hostb", free_ports(1)[0])
        links_a, links_b = a.open(b), b.open(a)
        await until(lambda: a.up)
        taken = sum(links_a.send("hostb", bytes(65_536)) for _ in range(12_000))
        assert links_a.take_dropped() == {"hostb": 12_000 - taken}
        assert taken < 12_000
        assert links_a.take_traffic() == (taken * 65_536, 0)
        assert links_a.take_traffic() == (0, 0)
        assert links_a.take_dropped() == {}
        links_a.close()
        links_b.close()

    asyncio.run(scenario())


def test_a_secret_that_is_none_is_refused() -> None:
    public, secret = zmq.curve_keypair()
    assert public_of(secret) == public
    for wrong in (b"", b"short", b'"' * 40):
        with pytest.raises(ValueError, match="not a CURVE secret key"):
            public_of(wrong)
