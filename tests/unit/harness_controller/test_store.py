"""The run folder says where a run came from, is found again, and is not begun without room."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from harness.controller import store
from harness.errors import LockError, StoreError, UsageError
from harness.testbed import lock
from metrics.model.run_folder import SEAL, TrialFile, load_trial, trial_folder
from tests.unit.harness_plan.builders import file, planned


def make(root: Path) -> store.RunFolder:
    return store.create(
        planned(),
        campaign=file().text,
        beside={"far.csv": "rtt_ms"},
        resolved=file().resolved,
        lab={"lab": "container"},
        root=root,
        name=store.new_name(),
    )


def test_a_run_folder_holds_campaign_plan_lab_and_provenance(tmp_path: Path) -> None:
    folder = make(tmp_path).path
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "campaign.yml",
        "far.csv",
        "resolved.json",
        "plan.json",
        "lab.json",
        "provenance.json",
    }
    assert (folder / "campaign.yml").read_text() == file().text
    source = json.loads((folder / "provenance.json").read_text())
    assert {"git", "versions", "argv", "seed", "controller"} <= set(source)


def test_a_run_is_found_by_path_by_campaign_and_as_latest(tmp_path: Path) -> None:
    folder = make(tmp_path).path
    for name in (str(folder), "test", "latest"):
        assert store.find(name, tmp_path).path == folder.resolve()
    assert [each.path for each in store.every(tmp_path)] == [folder]


def test_a_trial_is_cancelled_once_and_no_other_is(tmp_path: Path) -> None:
    folder = make(tmp_path)
    assert folder.at_hand is None
    folder.host(2, "n1")
    assert folder.at_hand == 2
    folder.cancel(2, "too slow")
    assert [folder.take_cancelled(2), folder.take_cancelled(2)] == ["too slow", ""]
    folder.cancel(2, "too slow")
    assert [folder.take_cancelled(3), folder.take_cancelled(2)] == ["", ""], "it came too late"
    (folder.path / store.CANCEL).write_text("{")
    assert folder.take_cancelled(2) == ""
    (trial_folder(folder.path, 2) / SEAL).touch()
    assert folder.at_hand is None


def test_a_run_that_is_not_there_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing: no run folder"):
        store.find("nothing", tmp_path)


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1_000_000))
    with pytest.raises(StoreError, match=r"disk full: .* has 1 MB free, this run needs \d+ MB"):
        make(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_disk_that_fills_while_a_trial_is_written_is_one_line_with_run_and_remedy(
    tmp_path: Path,
) -> None:
    folder = make(tmp_path)
    (folder.host(1, "n1") / "agent.jsonl").symlink_to("/dev/full")
    with pytest.raises(StoreError) as caught:
        folder.write_host(1, "n1", {"agent.jsonl": b"{}"})
    assert str(caught.value) == (
        f"{folder.path}: cannot be written: No space left on device;"
        " make room, or use --runs FOLDER"
    )


def test_a_trial_record_survives_its_file(tmp_path: Path) -> None:
    folder = make(tmp_path)
    record = TrialFile(
        n=1, label="x.1", seed=2, t0_wall_ns=3, chain_id="ab", state="complete", reason="",
        started_ns=4, ended_ns=5, genesis_slot=6, problems=["n1: not healed"],
    )  # fmt: skip
    folder.write_trial(record)
    assert load_trial(folder.path, 1) == record
    assert load_trial(folder.path, 2) is None


def test_a_lab_is_held_by_one_campaign_at_a_time_and_free_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with (
        lock.hold("lab", "campaign a"),
        pytest.raises(LockError, match=r"this lab is busy: process \d+ runs campaign a"),
        lock.hold("lab", "campaign b"),
    ):
        pass
    with lock.hold("lab", "campaign c"):
        pass
