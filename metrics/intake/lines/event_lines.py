"""The lines of event files, however damaged: what can be read is given, what broke is said."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

_CHUNK_BYTES = 1 << 17
"""Of it some 2,000 lines unpack: they and what is made of them stay in the processor's cache."""
_ZSTD_WINDOW_BYTES = 1 << 27


class Damage(Exception):
    """The file cannot be read on from here; the message says why."""


def files_of(folder: Path) -> list[Path]:
    """Return the event files of one host's folder."""
    names = ("events.jsonl", "events.jsonl.zst")
    return [folder / name for name in names if (folder / name).exists()]


def read(path: Path) -> Iterator[bytes]:
    """Yield the lines of an event file without their ends, compressed or not.

    Raises:
        Damage: after the last line that could be read.
    """
    for piece in pieces(path):
        yield from piece.removesuffix(b"\n").split(b"\n")


def pieces(path: Path) -> Iterator[bytes]:
    """Yield an event file in pieces of whole lines; only the last line may lack its end.

    Raises:
        Damage: after the last line that could be read.
    """
    rest = b""
    damage = None
    try:
        for chunk in _chunks(path):
            end = chunk.rfind(b"\n") + 1
            if end:
                yield rest + chunk[:end]
                rest = b""
            rest += chunk[end:]
    except Damage as error:
        damage = error
    if rest:
        yield rest
    if damage:
        raise damage


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as raw:
            if path.suffix == ".zst":
                yield from _unpacked(raw)
            else:
                while chunk := raw.read(_CHUNK_BYTES):
                    yield chunk
    except OSError as error:
        raise Damage(error.strerror or str(error)) from error


def _unpacked(raw: BinaryIO) -> Iterator[bytes]:
    """Yield what the frames of a compressed file hold; a frame that does not end is damage."""
    frame: zstandard.ZstdDecompressionObj | None = None
    while chunk := raw.read(_CHUNK_BYTES):
        while chunk:
            if frame is None:
                unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
                frame = unpacker.decompressobj()
            try:
                yield frame.decompress(chunk)
            except zstandard.ZstdError as error:
                raise Damage("not what zstd wrote") from error
            chunk = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame = None
    if frame is not None:
        raise Damage("cut off within the compressed data")
