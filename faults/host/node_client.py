"""Asks this host's node over the node's local socket; no process is started for it.

A frame there is four bytes, big endian, of length, then that much msgpack (the other side is
node/local/local_frame.py; one test compares both). The node is not trusted to answer: at a
deadline, or when it sends more than any status is long, it is given up. What it says is passed on
as it came: whatever is in it costs the agent no time.
"""

import asyncio
import struct
from pathlib import Path
from typing import Literal

import msgspec

from faults.model.fault import FaultError

Ask = Literal["status", "peers", "mempool"]
"""What may be asked; nothing that changes the node."""

LENGTH = struct.Struct(">I")
ANSWER_BYTES_MAX = 64 * 1024
"""The status of a node with 100 peers has 6 to 15 KiB."""
DEADLINE_S = 2.0


async def ask_node(path: Path, what: Ask) -> bytes:
    """Return the msgpack that the node at path answers with.

    Raises:
        FaultError: no_node (nobody listens), node_silent (no answer within two seconds),
            node_strange (more than an answer can be).
    """
    try:
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                body = msgspec.msgpack.encode({"op": what})
                writer.write(LENGTH.pack(len(body)) + body)
                (size,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                if size > ANSWER_BYTES_MAX:
                    raise FaultError("node_strange", f"its answer has {size} bytes")
                return await reader.readexactly(size)
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise FaultError("node_silent", f"no answer within {DEADLINE_S:g} s") from None
    except asyncio.IncompleteReadError:
        raise FaultError("no_node", "it hung up") from None
    except OSError as error:
        raise FaultError("no_node", f"{path}: {error.strerror or error}") from None
