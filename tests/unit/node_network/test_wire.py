"""Frames: what is said comes back equal, anything else is a FrameError."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.network import wire

ID = bytes(range(32))
MESSAGES: list[wire.Message] = [
    wire.Hello(ID, b"session1", 7, ID, 1_700_000_000, 3, ID, ["hostb", "hostc"]),
    wire.BlockBody(b"raw"),
    wire.Have(7, ID),
    wire.Want([ID, ID], True),
    wire.TxBodies([b"one", b"two"]),
    wire.SyncRequest(1, [ID]),
    wire.SyncBlocks(1, [b"one", b"two"], True, False),
    wire.BlockBrief(b"shell", bytes(16)),
    wire.WantParts(ID, [0, 3]),
    wire.BlockParts(ID, [b"one", b"two"]),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_comes_back_equal(message: wire.Message) -> None:
    assert wire.decode(wire.encode(message)) == message


@given(st.binary(max_size=200))
def test_random_bytes_never_raise_anything_but_frame_error(data: bytes) -> None:
    for frame in (data, bytes([wire.WIRE_VERSION]) + data):
        with suppress(wire.FrameError):
            wire.decode(frame)


@given(st.sampled_from(MESSAGES), st.data())
def test_a_damaged_frame_never_raises_anything_but_frame_error(
    message: wire.Message, data: st.DataObject
) -> None:
    frame = bytearray(wire.encode(message))
    position = data.draw(st.integers(0, len(frame) - 1))
    frame[position] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(frame), bytes(frame[:position])):
        with suppress(wire.FrameError):
            wire.decode(damaged)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (wire.Want([ID] * 101, False), "malformed"),
        (wire.Want([ID[:19]], False), "malformed"),
        (wire.TxBodies([]), "malformed"),
        (wire.TxBodies([b""] * (wire.MAX_BODIES + 1)), "malformed"),
        (wire.SyncRequest(1, []), "malformed"),
        (wire.SyncRequest(-1, [ID]), "malformed"),
        (wire.SyncBlocks(1, [b""] * 101, False, False), "malformed"),
        (wire.BlockBrief(bytes(wire.MAX_SHELL_BYTES + 1), b""), "malformed"),
        (wire.WantParts(ID, []), "malformed"),
        (wire.WantParts(ID, [0] * (wire.MAX_PARTS + 1)), "malformed"),
        (wire.BlockParts(ID, []), "malformed"),
        (wire.BlockParts(ID, [b""] * (wire.MAX_PARTS + 1)), "malformed"),
    ],
)
def test_bounds_hold_on_receipt(message: wire.Message, reason: str) -> None:
    with pytest.raises(wire.FrameError, match=reason):
        wire.decode(wire.encode(message))


def test_another_version_is_named() -> None:
    with pytest.raises(wire.FrameError, match="wrong_version"):
        wire.decode(bytes([wire.WIRE_VERSION + 1]) + wire.encode(MESSAGES[0])[1:])
