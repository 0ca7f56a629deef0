"""A bundle is read as it was written, and whatever is no bundle is refused in one line."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from harness.__main__ import main
from harness.bundle import archive
from harness.bundle.archive import Manifest
from harness.controller.seals import as_it_is
from harness.errors import UsageError
from metrics.model.run_folder import SealedFile

CONTENT = {"plan.json": b"{}\n", "trials/1/hosts/n1/events.jsonl": b"x" * 700, "z.yml": b""}
EMPTY = SealedFile(
    bytes=0, sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)


def written(folder: Path) -> tuple[Path, Manifest]:
    run = folder / "run"
    for name, data in CONTENT.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(data)
    files = {name: as_it_is(run / name) for name in CONTENT}
    manifest = Manifest(run="run", made_by="slotlab", files=files, tables={})
    archive.write(run, manifest, folder / "run.tar.zst")
    return folder / "run.tar.zst", manifest


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(tmp_path_factory.mktemp("whole"))[0].read_bytes()


def refused(folder: Path, data: bytes) -> str:
    """Return why, in one line, after checking that nothing was written outside of its place."""
    path, place = folder / "bad.tar.zst", folder / "place"
    path.write_bytes(data)
    place.mkdir()
    with pytest.raises(UsageError) as error:
        archive.unpack(path, place)
    assert sorted(each.name for each in folder.iterdir()) == ["bad.tar.zst", "place"]
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{path}: no bundle: ").removesuffix("; get it again")


def packed(*members: tuple[str, bytes, bytes]) -> bytes:
    """Return an archive of (name, type, data), as anybody's tar may write it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, kind, data in members:
            head = tarfile.TarInfo(name)
            head.type, head.size, head.linkname = kind, len(data), "/etc/passwd"
            if kind == tarfile.REGTYPE:
                head.linkname = ""
            tar.addfile(head, io.BytesIO(data))
    return zstandard.compress(out.getvalue())


def manifest(*names: str, run: str = "run", said: SealedFile = EMPTY) -> tuple[str, bytes, bytes]:
    text = msgspec.json.encode(
        Manifest(run=run, made_by="", files=dict.fromkeys(names, said), tables={})
    )
    return f"{run}/manifest.json", tarfile.REGTYPE, text


def test_what_is_read_is_what_was_written_and_any_tar_reads_it(tmp_path: Path) -> None:
    path, said = written(tmp_path)
    (tmp_path / "into").mkdir()
    assert archive.unpack(path, tmp_path / "into") == said
    assert {name: (tmp_path / "into/run" / name).read_bytes() for name in CONTENT} == CONTENT
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = [(m.name, m.mtime, m.uid, m.uname, m.isreg()) for m in tar.getmembers()]
    names = ("manifest.json", *sorted(CONTENT))
    assert members == [(f"run/{name}", 0, 0, "", True) for name in names]


@given(place=st.integers(0), by=st.integers(1, 255))
def test_a_byte_that_is_another_changes_no_file_unseen(whole: bytes, place: int, by: int) -> None:
    bent = bytearray(whole)
    bent[place % len(bent)] ^= by
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bent").write_bytes(bent)
        try:
            archive.unpack(folder / "bent", folder)
        except UsageError:
            return
        assert {name: (folder / "run" / name).read_bytes() for name in CONTENT} == CONTENT


@given(cut=st.integers(1))
def test_what_is_cut_off_is_refused(whole: bytes, cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cut").write_bytes(whole[: -1 - cut % len(whole)])
        with pytest.raises(UsageError):
            archive.unpack(folder / "cut", folder)


FILE = ("run/a", tarfile.REGTYPE, b"")
HUGE = SealedFile(bytes=2**62, sha256=EMPTY.sha256)
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "text": (lambda: b"no archive", "not what zstd wrote"),
    "nothing": (lambda: b"", "it is cut off"),
    "no tar": (lambda: zstandard.compress(b"x" * 512), "it holds no tar"),
    "no manifest": (lambda: packed(FILE), "its first file is no manifest.json"),
    "a manifest that is a link": (
        lambda: packed(("run/manifest.json", tarfile.SYMTYPE, b"")),
        "its first file is no manifest.json",
    ),
    "a run that is a path": (
        lambda: packed(manifest(run="../run")),
        "its first file is no manifest.json",
    ),
    "a manifest of another run": (
        lambda: packed(("other/manifest.json", tarfile.REGTYPE, manifest()[2])),
        "its manifest.json is of another run",
    ),
    "a path upwards": (
        lambda: packed(manifest("../a"), ("run/../a", tarfile.REGTYPE, b"")),
        "manifest.json: '../a' is no path of a file in it",
    ),
    "a path from the top": (
        lambda: packed(manifest("/a")),
        "manifest.json: '/a' is no path of a file in it",
    ),
    "a file that is a folder, too": (
        lambda: packed(manifest("a", "a/b")),
        "manifest.json: 'a/b' is no path of a file in it",
    ),
    "a packed file": (
        lambda: packed(manifest("a.zst")),
        "manifest.json: 'a.zst' is no path of a file in it",
    ),
    "a link": (
        lambda: packed(manifest("a"), ("run/a", tarfile.SYMTYPE, b"")),
        "a is not where the manifest has it, or no plain file",
    ),
    "a file more": (lambda: packed(manifest(), FILE), "something follows its last file"),
    "a file less": (
        lambda: packed(manifest("a")),
        "a is not where the manifest has it, or no plain file",
    ),
    "another digest": (
        lambda: packed(
            manifest("a", said=SealedFile(bytes=1, sha256=EMPTY.sha256)),
            ("run/a", tarfile.REGTYPE, b"y"),
        ),
        "a is not what its digest is of",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_bundle_is_refused_and_nothing_leaves_its_place(
    what: str, tmp_path: Path
) -> None:
    make, why = HOSTILE[what]
    assert refused(tmp_path, make()) == why


def test_more_than_the_disk_has_room_for_is_refused_before_it_is_written(tmp_path: Path) -> None:
    assert "too many for" in refused(tmp_path, packed(manifest("a", said=HUGE)))
    assert list((tmp_path / "place").iterdir()) == []


def test_what_is_appended_is_refused(tmp_path: Path, whole: bytes) -> None:
    assert refused(tmp_path, whole + whole) == "something follows its last file"


def test_a_command_that_verifies_no_bundle_ends_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.tar.zst"
    path.write_bytes(packed(FILE))
    with pytest.raises(SystemExit) as ended:
        main(["bundle", "--verify", str(path)])
    told = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert told[-1] == (
        f"slotlab: {path}: no bundle: its first file is no manifest.json; get it again"
    )
