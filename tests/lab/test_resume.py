"""A run whose driver is killed twice on real hosts goes on, as it does when a trial is cancelled,
and every trial is there once.

1. SIGKILL in the middle of a fault: what the hosts hold comes home, out of all counts, and they are
   healed before the trial is run again, under a label of its own;
2. SIGKILL again, while that is begun: the same;
3. a trial that is cancelled ends by itself, healed and collected, and the next is run;
4. then every trial ran to its end and is sealed; going on once more touches nothing.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.lab.bench import LAB_DEADLINE_S, MARKS, Bench, deployed, has_ended, wait_for

pytestmark = MARKS

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: a driver that is killed, twice
seed: 4
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
load: {rate: "${rate}"}
warmup: 2s
cooldown: 4s
matrix: {rate: [2/s, 4/s]}
timeline:
  - {id: cut, at: 4s, for: 6s, fault: partition, shape: minority}
"""
lab = deployed("resume", hosts=4)


def test_a_run_whose_driver_is_killed_twice_goes_on(lab: Bench, tmp_path: Path) -> None:
    campaign = tmp_path / "twice.yml"
    campaign.write_text(CAMPAIGN)
    runs = tmp_path / "runs"
    harness = lab.start_installed(campaign, runs, "cut")
    harness.send_signal(signal.SIGKILL)
    harness.communicate()
    (run,) = runs.glob("twice/2*")
    words = ("run", "--resume", str(run), "-i", str(lab.inventory))

    again = lab.start(*words)
    genesis = run / "trials" / "1" / "genesis.json"
    wait_for(
        "the second attempt",
        lambda: has_ended(again) or ((run / "interrupted" / "1.1").exists() and genesis.exists()),
    )
    again.send_signal(signal.SIGKILL)
    again.communicate()
    first = run / "interrupted" / "1.1"
    assert json.loads((first / "trial.json").read_text())["state"] == "failed"
    assert {path.parent.name for path in first.glob("hosts/*/events.jsonl.zst")} == set(lab.names)

    once_more = lab.start(*words)
    wait_for("the third", lambda: has_ended(once_more) or (run / "interrupted" / "1.2").exists())
    wait_for("its trial", lambda: has_ended(once_more) or genesis.exists())
    done = lab.slotlab("cancel", str(run), "--why", "too slow")
    assert done.stdout == "trial 1 is told to end; the run goes on with the next\n", done.stderr
    told_by_it, _ = once_more.communicate(timeout=LAB_DEADLINE_S)
    assert once_more.returncode == 3, told_by_it
    told = [json.loads((run / "trials" / n / "trial.json").read_text()) for n in ("1", "2")]
    assert [(each["state"], each["reason"]) for each in told] == [
        ("cancelled", "too slow"), ("complete", ""),
    ]  # fmt: skip
    assert "the trial is cancelled: too slow" in (run / "summary.json").read_text()
    assert not (run / "cancel.json").exists()

    done = lab.slotlab(*words, timeout_s=LAB_DEADLINE_S)
    assert done.returncode in (0, 3), done.stdout + done.stderr  # a busy machine makes it invalid
    assert "Traceback" not in done.stderr
    told = [json.loads((run / "trials" / n / "trial.json").read_text()) for n in ("1", "2")]
    assert [(each["label"], each["state"]) for each in told] == [
        (f"{run.name}.1.4", "complete"),
        (f"{run.name}.2", "complete"),
    ]
    assert sorted(path.name for path in run.glob("interrupted/*")) == ["1.1", "1.2", "1.3"]
    assert sorted(path.parent.name for path in run.glob("trials/*/seal.json")) == ["1", "2"]
    summary = json.loads((run / "summary.json").read_text())
    assert sorted(each["n"] for cell in summary["cells"] for each in cell["trials"]) == [1, 2]

    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    done = lab.slotlab(*words)
    assert (done.returncode, done.stdout) == (
        0, f"{run}: nothing to do: 2 of 2 trial(s) ran to their end, and are reported\n"
    )  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    assert lab.healed() == dict.fromkeys(lab.names, "ok nothing left")
