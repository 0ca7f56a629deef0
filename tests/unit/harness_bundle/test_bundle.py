"""A run as a bundle: nothing of its lab is told, nothing that was measured is another."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import zstandard

from harness.__main__ import main
from harness.bundle import archive, bundle
from harness.bundle.archive import Manifest
from harness.controller.seals import as_it_is
from harness.controller.store import RunFolder
from harness.errors import UsageError
from tests.unit.metrics_bends.folder import Folder, copy, summarize

PROVENANCE = {
    "argv": ["slotlab", "run", "/home/evelyn/lab.yml", "-i", "evelyn@10.50.66.11", "evelyn"],
    "git": {"commit": "0" * 40, "dirty": False},
}
LAB = {"lab": "container", "hosts": [{"host": "n1", "address": "10.50.66.11"}]}
LOG = "Nov 30 10:00:00 n1 sshd[1]: evelyn from 10.50.66.2 port 50022, fe80::1 aa:bb:cc:dd:ee:ff\n"
SECRET = (b"10.50.66", b"fe80::1", b"aa:bb:cc", b"evelyn")


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = copy("lab", tmp_path_factory.mktemp("bundled") / "lab")
    folder.write_json("provenance.json", PROVENANCE)
    folder.write_json("lab.json", LAB)
    folder.write_json("summary.json", {"of": "an earlier report"})
    (folder.host("n1") / "log.txt").write_text(LOG)
    (folder.trial / "seal.json").write_text("{}")
    (folder.path / "interrupted/1.1").mkdir(parents=True)
    (folder.path / "interrupted/1.1/trial.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def made(run: Folder) -> tuple[Path, Manifest]:
    path = run.path.with_name("lab.tar.zst")
    return path, bundle.make(RunFolder(run.path), path, quiet)


def test_a_bundle_has_what_figures_are_made_of_and_no_byte_of_it_tells_of_the_lab(
    run: Folder, made: tuple[Path, Manifest], tmp_path: Path
) -> None:
    path, manifest = made
    assert archive.unpack(path, tmp_path) == manifest
    names = {str(p.relative_to(tmp_path / "lab")) for p in tmp_path.rglob("*") if p.is_file()}
    raw = {
        str(p.relative_to(run.path)).removesuffix(".zst")
        for p in run.path.rglob("*")
        if p.is_file()
    }
    left_out = {"trials/1/seal.json", "interrupted/1.1/trial.json"}
    reported = {"report.html", "junit.xml", "summary.md", "trials/1/faults.jsonl"}
    assert names == raw - left_out | reported
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
    assert [word for word in SECRET if word in plain] == []
    assert re.search(rb'port": ?(9000|9001|22)\b', plain) is None
    assert json.loads((tmp_path / "lab/provenance.json").read_text())["argv"] == [
        "slotlab", "run", "path-1", "-i", "user-1@address-1", "user-1"
    ]  # fmt: skip
    assert (tmp_path / "lab/trials/1/hosts/n1/log.txt").read_text() == (
        "Nov 30 10:00:00 n1 sshd[1]: user-1 from address-2 port 4, address-7 mac-1\n"
    )
    plan = json.loads((tmp_path / "lab/plan.json").read_text())
    assert plan["hosts"][0]["address"] == "address-1"  # the same as above: it is n1's
    assert summarize(tmp_path / "lab") == summarize(run.path)


def test_the_same_run_gives_the_same_bytes(run: Folder, made: tuple[Path, Manifest]) -> None:
    again = run.path.with_name("again.tar.zst")
    assert bundle.make(RunFolder(run.path), again, quiet) == made[1]
    assert again.read_bytes() == made[0].read_bytes()


def test_a_bundle_verifies_and_one_with_another_figure_does_not(
    made: tuple[Path, Manifest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, manifest = made
    with pytest.raises(SystemExit) as ended:
        main(["bundle", "--verify", str(path)])
    assert (ended.value.code, capsys.readouterr().out) == (
        0, f"{path}: {len(manifest.files)} files, all made again byte-identical\n"
    )  # fmt: skip
    archive.unpack(path, tmp_path)
    summary = tmp_path / "lab/summary.json"
    summary.write_text(summary.read_text().replace("e", "E", 1))
    said = manifest.files | {"summary.json": as_it_is(summary)}
    changed = Manifest(run="lab", made_by="slotlab 9", files=said, tables=manifest.tables)
    bent = tmp_path / "bent.tar.zst"
    archive.write(tmp_path / "lab", changed, bent)
    with pytest.raises(SystemExit) as ended:
        main(["bundle", "--verify", str(bent)])
    told = capsys.readouterr().out
    assert ended.value.code == 1
    assert told.startswith(f"{bent}: made again, these are not the same (made by slotlab 9, this")
    assert told.endswith("): summary.json\n")


def test_a_run_whose_events_are_damaged_is_not_published(tmp_path: Path) -> None:
    folder = copy("sim", tmp_path / "sim")
    path = folder.events("n1")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match=r"cut off .* what is damaged is not published"):
        bundle.make(RunFolder(folder.path), tmp_path / "sim.tar.zst", quiet)
    assert not (tmp_path / "sim.tar.zst").exists()


def test_a_bundle_without_a_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    path = tmp_path / "run.tar.zst"
    archive.write(tmp_path / "run", Manifest(run="run", made_by="", files={}, tables={}), path)
    with pytest.raises(UsageError, match=r"run/plan\.json"):
        bundle.verify(path, quiet)


@pytest.mark.parametrize("words", [[], ["run", "--verify", "x.tar.zst"], ["--verify", "none"]])
def test_words_that_say_nothing_to_do_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bundle", *words])
    assert ended.value.code == 2
