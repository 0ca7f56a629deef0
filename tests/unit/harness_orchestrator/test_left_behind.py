"""What a dead controller left comes home into the run of its trial, and never passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from harness.controller.store import RunFolder
from harness.errors import RunError
from harness.orchestrator import left_behind
from harness.orchestrator.left_behind import REASON, bring_home, keep
from harness.orchestrator.reporting import report
from harness.remote.fan_out import Remote
from metrics.model.plan import decode
from metrics.model.run_folder import TrialFile, load_trial
from tests.unit.harness_remote.scripted_hosts import IDLE, Scripted, scripted

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).resolve().parents[2] / "vectors" / "runs" / "lab"
WHOLE = load_trial(RECORDED, 1)
assert WHOLE is not None
RUN, LABEL = WHOLE.label.rpartition(".")[0], WHOLE.label
NAMES = ("n1", "n2", "n3", "n4", "n5")


@contextmanager
def left(tmp_path: Path, *, told: bool = True) -> Iterator[tuple[Remote, Mapping[str, Scripted]]]:
    """Yield hosts that hold what a recorded trial wrote, and its run as its controller left it.

    told: whether agents know of the trial; else only their journals do.
    """
    folder = tmp_path / "runs" / "demo" / RUN
    shutil.copytree(RECORDED, folder)
    (folder / "trials" / "1" / "trial.json").unlink()
    with scripted(tmp_path / "hosts", *NAMES) as (remote, hosts):
        for name, host in hosts.items():
            kept = folder / "trials" / "1" / "hosts" / name
            packed = (kept / "events.jsonl.zst").read_bytes()
            text = zstandard.ZstdDecompressor().stream_reader(packed).read()
            (host.folder / "events" / "node.jsonl").write_bytes(text)
            shutil.move(kept / "agent.jsonl", host.folder / "agent" / "agent.jsonl")
            host.says(snapshot=json.loads((kept / "after.json").read_text()))
            (kept / "events.jsonl.zst").unlink()
            (kept / "after.json").unlink()
            if told:
                host.says(status={**IDLE, "trial": LABEL})
        yield remote, hosts


def trial_of(tmp_path: Path) -> TrialFile:
    found = load_trial(tmp_path / "runs" / "demo" / RUN, 1)
    assert found is not None
    return found


@pytest.mark.parametrize("told", [True, False])
def test_what_is_whole_on_the_hosts_is_whole_at_home_and_yet_invalid(
    told: bool, tmp_path: Path
) -> None:
    with left(tmp_path, told=told) as (remote, _):
        collected = bring_home(remote, tmp_path / "runs", None)
    assert (collected.trial, collected.problems) == (1, [])
    found = trial_of(tmp_path)
    assert WHOLE is not None
    same = ("n", "label", "seed", "t0_wall_ns", "chain_id", "genesis_slot", "problems")
    assert [getattr(found, name) for name in same] == [getattr(WHOLE, name) for name in same]
    assert (found.state, found.reason) == ("failed", REASON)
    assert found.started_ns <= found.t0_wall_ns < found.ended_ns
    summary = report(collected.folder.path, lambda _: None)
    assert summary["verdict"] == "invalid"
    assert summary["invalid"] == [f"trial 1: the trial is failed: {REASON}"]
    assert summary["metrics"]["slots"]["produced"] > 0


def test_a_host_that_is_away_is_said_and_comes_home_when_it_is_back(tmp_path: Path) -> None:
    with left(tmp_path) as (remote, hosts):
        away = hosts["n3"].folder
        away.rename(away.with_name("off"))
        first = bring_home(remote, tmp_path / "runs", f"demo/{RUN}")
        assert [line.partition(":")[0] for line in first.problems] == ["n3"] * len(first.problems)
        assert any("events not collected" in line for line in first.problems)
        assert any("agent journal not collected" in line for line in first.problems)
        assert any("its state after the trial is not known" in line for line in first.problems)
        assert report(first.folder.path, lambda _: None)["verdict"] == "invalid"
        away.with_name("off").rename(away)
        second = bring_home(remote, tmp_path / "runs", None)
        assert second.problems == []
        hosts["n1"].folder.rename(tmp_path / "gone")
        third = bring_home(remote, tmp_path / "runs", None)
    kept = third.folder.host(1, "n1")
    assert {line.partition(":")[0] for line in third.problems} == {"n1"}
    assert (kept / "agent.jsonl").stat().st_size > 0, "what came home before stays"
    assert (kept / "events.jsonl.zst").stat().st_size > 100


def test_a_journal_comes_home_from_the_disk_of_a_host_without_its_agent(tmp_path: Path) -> None:
    with left(tmp_path) as (remote, hosts):
        (hosts["n2"].folder / "answers.json").unlink()
        collected = bring_home(remote, tmp_path / "runs", None)
        was = (hosts["n2"].folder / "agent" / "agent.jsonl").read_text()
    assert (collected.folder.host(1, "n2") / "agent.jsonl").read_text() == was
    assert [line for line in collected.problems if "journal" in line] == []


def test_what_the_end_of_the_lease_stopped_is_said(tmp_path: Path) -> None:
    with left(tmp_path) as (remote, hosts):
        path = hosts["n4"].folder / "agent" / "agent.jsonl"
        last: dict[str, Any] = json.loads(path.read_text().splitlines()[-1])
        last |= {"fault": "", "kind": "agent", "state": "stopped", "reason": "lease_expired",
                 "read_back": {"units": ["node", "probe"]}, "between_ns": None}  # fmt: skip
        with path.open("a") as file:
            file.write(json.dumps(last) + "\n")
        collected = bring_home(remote, tmp_path / "runs", None)
    assert collected.problems == ["n4: node, probe stopped as the lease had ended"]
    assert trial_of(tmp_path).problems == collected.problems


def test_an_attempt_that_was_put_aside_is_not_brought_into_the_one_after_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "demo" / RUN)
    with left(tmp_path) as (remote, hosts):
        folder.put_aside(1)
        assert refused(remote, tmp_path / "runs") == (
            f"trial {LABEL} was put aside, to be run again; slotlab report {folder.path}"
        )
        assert hosts["n1"].ops()[-1] == "collected"
        for host in hosts.values():
            host.says(status={**IDLE, "trial": f"{LABEL}.2"})
        bring_home(remote, tmp_path / "runs", None)
    assert trial_of(tmp_path).label == f"{LABEL}.2" == folder.label(1)


def test_a_run_folder_is_made_from_what_hosts_have_kept(tmp_path: Path) -> None:
    with left(tmp_path) as (remote, hosts):
        for name, text in (("n1", "no plan"), ("n3", (RECORDED / "plan.json").read_text())):
            (hosts[name].folder / "trial").mkdir()
            (hosts[name].folder / "trial" / "plan.json").write_text(text)
        genesis = RECORDED / "trials" / "1" / "genesis.json"
        shutil.copy(genesis, hosts["n3"].folder / "trial")
        collected = bring_home(remote, tmp_path / "elsewhere", None)
    path = collected.folder.path
    assert path.name == RUN
    assert path.parent.parent == (tmp_path / "elsewhere").resolve()
    # Written anew, so a record of before a key was added has more lines now.
    made, recorded = ((folder / "plan.json").read_bytes() for folder in (path, RECORDED))
    assert decode(made) == decode(recorded)
    unknown = [f"{name}: its state before the trial is not known" for name in NAMES]
    assert collected.problems == unknown
    found = load_trial(path, 1)
    assert WHOLE is not None
    assert found is not None
    assert (found.t0_wall_ns, found.chain_id) == (WHOLE.t0_wall_ns, WHOLE.chain_id)
    assert report(path, lambda _: None)["verdict"] == "invalid"


def refused(remote: Remote, runs: Path, name: str | None = None) -> str:
    with pytest.raises(RunError) as caught:
        bring_home(remote, runs, name)
    return str(caught.value)


def test_nothing_is_collected_that_is_not_a_dead_controller_s(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with left(tmp_path) as (remote, hosts):
        running = {"trial": LABEL, "units": ["node"], "left_ns": 60_000_000_000}
        hosts["n2"].says(status={**IDLE, "trial": LABEL, "running": running})
        assert refused(remote, runs) == (
            f"trial {LABEL} is not over: n2 has node running for 60 s more; wait, or end it with"
            " slotlab stop"
        )
        hosts["n2"].says(status={**IDLE, "trial": LABEL})
        assert refused(remote, tmp_path / "elsewhere").startswith(
            f"the hosts hold trial {LABEL}; its run is not below {tmp_path / 'elsewhere'} ("
        )
        other = runs / "demo" / "20261129T000000Z-000000"
        shutil.copytree(RECORDED, other)
        said = refused(remote, runs, str(other))
        assert said == f"the hosts hold trial {LABEL}, which is not of {other}"
        folder = runs / "demo" / RUN
        shutil.copy(RECORDED / "trials" / "1" / "trial.json", folder / "trials" / "1")
        assert refused(remote, runs).startswith(
            f"trial {LABEL} was collected by its own controller"
        )
        assert not list(folder.rglob("events.jsonl*"))


@pytest.mark.parametrize("label", ["../../etc.1", "x.0", "x", "*.1", "a/b.1", f"{'x' * 200}.1"])
def test_a_label_that_no_campaign_made_leads_nowhere(label: str, tmp_path: Path) -> None:
    with scripted(tmp_path / "hosts", "n1") as (remote, hosts):
        hosts["n1"].says(status={**IDLE, "trial": label})
        said = refused(remote, tmp_path)
    assert said == f"the hosts tell of a trial {label[:80]!r}, which is none of a campaign"


def test_hosts_that_know_no_trial_have_nothing_to_collect(tmp_path: Path) -> None:
    with scripted(tmp_path / "hosts", "n1", "n2") as (remote, hosts):
        hosts["n1"].says(journal={"lines": ["{}", "not json"]})
        hosts["n2"].says(journal={"lines": 7})
        assert refused(remote, tmp_path) == "no host tells of a trial: there is nothing to collect"
    assert left_behind.DIED in REASON


def uncollected(hosts: Mapping[str, Scripted]) -> None:
    for host in hosts.values():
        host.says(status={**IDLE, "trial": "calibrate", "uncollected": LABEL})


def test_a_new_run_first_brings_home_what_nobody_has_fetched(tmp_path: Path) -> None:
    said: list[str] = []
    with left(tmp_path) as (remote, hosts):
        keep(remote, tmp_path / "runs", said.append)
        assert (said, load_trial(tmp_path / "runs" / "demo" / RUN, 1)) == ([], None)
        uncollected(hosts)
        keep(remote, tmp_path / "runs", said.append)
        asked = [host.asked()[-1] for host in hosts.values()]
    assert trial_of(tmp_path).reason == REASON
    assert said[0] == (
        f"the hosts hold trial {LABEL}, which nobody has collected: collecting it first"
    )
    assert said[-1] == f"it is in {tmp_path}/runs/demo/{RUN}; slotlab report makes its report"
    assert {(each["op"], each["trial"]) for each in asked} == {("collected", LABEL)}


def test_what_cannot_be_brought_home_stops_a_new_run_until_it_is_given_up(tmp_path: Path) -> None:
    with left(tmp_path) as (remote, hosts):
        uncollected(hosts)
        with pytest.raises(RunError) as told:
            keep(remote, tmp_path / "elsewhere", lambda _: None)
        assert str(told.value).endswith("; give it up with `slotlab collect --forget`")
        assert "collected" not in hosts["n1"].ops()
        assert left_behind.forget(remote) == LABEL
        assert hosts["n1"].ops()[-1] == "collected"


def test_what_its_own_controller_has_fetched_stops_no_new_run(tmp_path: Path) -> None:
    said: list[str] = []
    with left(tmp_path) as (remote, hosts):
        uncollected(hosts)
        trial = Path("trials") / "1" / "trial.json"
        shutil.copy(RECORDED / trial, tmp_path / "runs" / "demo" / RUN / trial)
        keep(remote, tmp_path / "runs", said.append)
        assert len(said) == 1
        assert hosts["n1"].ops()[-1] == "collected"
