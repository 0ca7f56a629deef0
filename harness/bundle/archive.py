"""The file: a tar of plain files below one folder, as zstd packs it; the manifest is first.

There is one way to write a bundle: files in order of their names, no times, owners or links. What
is read must be just that. So each header is compared with the one that would have been written, and
nothing of an archive is obeyed: no path leads out of the folder, and no more is written than the
manifest says and the disk has room for.
"""

import hashlib
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import msgspec
import zstandard

from harness.controller.store import SPARE_BYTES
from harness.errors import RunError, UsageError
from metrics.model.run_folder import BROKEN, SealedFile

MANIFEST = "manifest.json"
PACKED = ".zst"
"""How the name of a packed file ends: in a bundle there is none, so its sizes are those read."""
MANIFEST_BYTES_MAX = 64 << 20
WINDOW_BYTES_MAX = 1 << 27
LEVEL = 9
_PACKED_AT_ONCE = 1 << 10
"""So few packed bytes that what they stand for, at most 32 MB, may be held."""
_COPIED_AT_ONCE = 1 << 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """manifest.json: the run's name, its files by their paths, and what a report makes beside them.

    made_by: the version of slotlab that wrote the report.
    """

    schema: Literal["slotlab.bundle/v1"] = "slotlab.bundle/v1"
    run: str
    made_by: str
    files: dict[str, SealedFile]
    tables: dict[str, SealedFile]


def write(folder: Path, manifest: Manifest, target: Path) -> None:
    """Write the bundle of a folder, whole or not at all.

    Raises:
        UsageError: a file's name or size does not fit into a header.
        RunError: it cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    draft = target.with_name(f".{target.name}.draft")
    try:
        packer = zstandard.ZstdCompressor(level=LEVEL)
        with draft.open("wb") as file, packer.stream_writer(file) as sink:
            sink.write(_header(manifest.run, MANIFEST, len(text)))
            sink.write(text + _padding(len(text)))
            for name, said in sorted(manifest.files.items()):
                sink.write(_header(manifest.run, name, said.bytes))
                with (folder / name).open("rb") as source:
                    shutil.copyfileobj(source, sink, _COPIED_AT_ONCE)
                sink.write(_padding(said.bytes))
            sink.write(_END)
        draft.replace(target)
    except OSError as error:
        why = error.strerror or error
        raise RunError(f"{target}: {why}; make room, or name another place by --to") from error
    finally:
        draft.unlink(missing_ok=True)


def unpack(path: Path, into: Path) -> Manifest:
    """Return the manifest of a bundle after writing its files below into, in a folder of its run.

    Raises:
        UsageError: the file is not as a bundle is written, or there is no room for it.
    """
    with _refusing(path), path.open("rb") as file:
        source = _Unpacked(file)
        manifest = _manifest(source)
        whole = sum(said.bytes for said in manifest.files.values())
        if whole + SPARE_BYTES > shutil.disk_usage(into).free:
            say = (
                f"{path}: its files are {whole} bytes, too many for {into}; point TMPDIR elsewhere"
            )
            raise UsageError(say)
        for name, said in sorted(manifest.files.items()):
            if source.take(tarfile.BLOCKSIZE) != _header(manifest.run, name, said.bytes):
                raise _Wrong(f"{name} is not where the manifest has it, or no plain file")
            _copy(source, into / manifest.run / name, name, said)
        if source.take(len(_END)) != _END or not source.ended():
            raise _Wrong("something follows its last file")
    return manifest


class _Wrong(Exception):
    """The file is no bundle; the message says why."""


_END = bytes(2 * tarfile.BLOCKSIZE)


class _Unpacked:
    """What one zstd frame holds, a part at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).decompressobj()
        self._ready = memoryview(b"")

    def take(self, size: int) -> bytes:
        """Return the next bytes, just so many."""
        parts = []
        while size:
            if not self._ready and not self._fill():
                raise _Wrong("it ends too early")
            parts.append(bytes(self._ready[:size]))
            self._ready = self._ready[size:]
            size -= len(parts[-1])
        return b"".join(parts)

    def ended(self) -> bool:
        """Return whether that was all, of the frame and of the file.

        Raises:
            _Wrong: the frame itself has no end.
        """
        more = self._ready or self._fill() or self._frame.unused_data or self._file.read(1)
        return not more

    def _fill(self) -> bool:
        while not self._ready and not self._frame.eof:
            packed = self._file.read(_PACKED_AT_ONCE)
            if not packed:
                raise _Wrong("it is cut off")
            self._ready = memoryview(self._frame.decompress(packed))
        return bool(self._ready)


def _manifest(source: _Unpacked) -> Manifest:
    block = source.take(tarfile.BLOCKSIZE)
    try:
        head = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.TarError, ValueError) as error:
        raise _Wrong("it holds no tar") from error
    if head.size > MANIFEST_BYTES_MAX:
        raise _Wrong(f"its {MANIFEST} is larger than {MANIFEST_BYTES_MAX} bytes")
    run = head.name.removesuffix(f"/{MANIFEST}")
    if _unsafe(run) or "/" in run or block != _header(run, MANIFEST, head.size):
        raise _Wrong(f"its first file is no {MANIFEST}")
    text = source.take(head.size)
    if source.take(len(_padding(head.size))) != _padding(head.size):
        raise _Wrong(f"something follows {MANIFEST}")
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except BROKEN as error:
        raise _Wrong(f"{MANIFEST}: {error}") from error
    if manifest.run != run:
        raise _Wrong(f"its {MANIFEST} is of another run")
    for name in manifest.files:
        above = {str(parent) for parent in PurePosixPath(name).parents}
        taken = name == MANIFEST or above & manifest.files.keys()
        if _unsafe(name) or taken or name.endswith(PACKED):
            raise _Wrong(f"{MANIFEST}: {name!r} is no path of a file in it")
    return manifest


def _unsafe(name: str) -> bool:
    parts = name.split("/")
    return any(part in ("", ".", "..") for part in parts) or bool(_CONTROL.search(name))


def _copy(source: _Unpacked, target: Path, name: str, said: SealedFile) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), said.bytes
    with target.open("xb") as sink:
        while left:
            part = source.take(min(left, _COPIED_AT_ONCE))
            digest.update(part)
            sink.write(part)
            left -= len(part)
    if digest.hexdigest() != said.sha256:
        raise _Wrong(f"{name} is not what its digest is of")
    if source.take(len(_padding(said.bytes))) != _padding(said.bytes):
        raise _Wrong(f"something follows {name}")


def _header(run: str, name: str, size: int) -> bytes:
    head = tarfile.TarInfo(f"{run}/{name}")
    head.size = size
    try:
        return head.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise UsageError(f"{run}/{name}: its name or size fits no tar: {error}") from error


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except zstandard.ZstdError as error:
        raise UsageError(f"{path}: no bundle: not what zstd wrote; get it again") from error
    except _Wrong as error:
        raise UsageError(f"{path}: no bundle: {error}; get it again") from error
