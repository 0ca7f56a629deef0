"""A sealed trial is whole and as it was; every other one has still to be run, and says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.controller import seals
from harness.controller.store import RunFolder
from harness.errors import StoreError
from metrics.model.run_folder import State, TrialFile, write_faults
from tests.unit.harness_plan.builders import planned

PLAN = planned(more="trials: {repeat: 2}")
TRIAL = PLAN.trials[0]


def ended(root: Path, state: State = "complete", reason: str = "") -> RunFolder:
    """Return a run folder whose first trial has ended so, unsealed."""
    folder = RunFolder(root)
    folder.write_genesis(1, {"genesis.json": "{}"})
    folder.write_host(1, "n1", {"events.jsonl.zst": b"events", "agent.jsonl": b""})
    folder.write_trial(
        TrialFile(
            n=1, label="x.1", seed=2, t0_wall_ns=3, chain_id="ab", state=state, reason=reason,
            started_ns=4, ended_ns=5, genesis_slot=6,
        )
    )  # fmt: skip
    return folder


def lack(folder: RunFolder) -> str:
    return seals.lack(folder.path, PLAN, TRIAL)


def test_a_trial_lacks_nothing_once_it_is_sealed_and_its_report_is_no_part_of_it(
    tmp_path: Path,
) -> None:
    assert seals.lack(tmp_path, PLAN, TRIAL) == "it was never begun"
    folder = ended(tmp_path)
    assert lack(folder) == "it did not end"
    seals.seal(folder, PLAN, TRIAL)
    place = tmp_path / "trials" / "1"
    assert lack(folder) == ""
    write_faults(place, [])
    (place / "verify.json").write_text("{}")
    assert lack(folder) == ""
    sealed = json.loads((place / "seal.json").read_text())
    assert set(sealed["files"]) == {
        "genesis.json", "trial.json", "hosts/n1/events.jsonl.zst", "hosts/n1/agent.jsonl",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        ("failed", "n3 rebooted", "it is failed: n3 rebooted"),
        ("interrupted", "by the operator", "it is interrupted: by the operator"),
    ],
)
def test_a_trial_that_did_not_reach_its_end_is_sealed_and_yet_run_again(
    tmp_path: Path, state: State, reason: str, says: str
) -> None:
    folder = ended(tmp_path, state, reason)
    seals.seal(folder, PLAN, TRIAL)
    assert lack(folder) == says


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda place: (place / "hosts/n1/events.jsonl.zst").write_bytes(b"Events"),
         "hosts/n1/events.jsonl.zst is not as it was sealed"),
        (lambda place: (place / "genesis.json").unlink(), "genesis.json is not as it was sealed"),
        (lambda place: (place / "seal.json").write_bytes((place / "seal.json").read_bytes()[:99]),
         "its seal or its record is damaged"),
        (lambda place: (place / "seal.json").write_text("[]"), "its seal or its record is damaged"),
        (lambda place: (place / "seal.json").unlink(), "it did not end"),
        (lambda place: (place / "trial.json").unlink(), "trial.json is not as it was sealed"),
    ],
)  # fmt: skip
def test_a_trial_whose_files_are_not_as_sealed_is_run_again(
    tmp_path: Path, harm: Callable[[Path], object], says: str
) -> None:
    folder = ended(tmp_path)
    seals.seal(folder, PLAN, TRIAL)
    harm(tmp_path / "trials" / "1")
    assert lack(folder) == says


def test_a_whole_trial_of_another_plan_is_neither_kept_nor_run_again(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    seals.seal(folder, PLAN, TRIAL)
    one = msgspec.structs.replace(PLAN, trials=PLAN.trials[:1])
    assert seals.lack(tmp_path, one, TRIAL) == "", "trials may join the plan"
    other = msgspec.structs.replace(PLAN, warmup_ns=PLAN.warmup_ns + 1)
    with pytest.raises(seals.OtherPlan, match="trial 1 was run as planned otherwise"):
        seals.lack(tmp_path, other, TRIAL)


def test_a_full_disk_leaves_no_seal(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    (tmp_path / "trials" / "1" / ".seal.json.draft").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="No space left on device; make room"):
        seals.seal(folder, PLAN, TRIAL)
    assert lack(folder) == "it did not end"


def test_attempts_are_put_aside_one_beside_the_other_and_hosts_know_them_apart(
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path)
    assert folder.put_aside(1) is None
    labels = []
    for attempt in (1, 2, 3):
        labels.append(folder.label(1))
        folder.write_genesis(1, {"genesis.json": str(attempt)})
        assert folder.put_aside(1) == tmp_path / "interrupted" / f"1.{attempt}"
    assert labels == [f"{tmp_path.name}.1{again}" for again in ("", ".2", ".3")]
    assert folder.label(10) == f"{tmp_path.name}.10"
    kept = [(tmp_path / "interrupted" / f"1.{n}" / "genesis.json").read_text() for n in (1, 2, 3)]
    assert kept == ["1", "2", "3"]
    assert not (tmp_path / "trials" / "1").exists()
