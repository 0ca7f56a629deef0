"""What would go wrong at night is said when a run is handed over, and then nothing is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.unattended import hand_over, logins, unit
from harness.unattended.queue import Queue
from tests.unit.harness_cli.test_cli import RACK

CAMPAIGN = "schema: slotlab.campaign/v1\ntitle: t\nchain: {producers: 4}\n"
Said = tuple[int, str, str]


@pytest.fixture
def slotlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Return what runs a command line in a folder with a campaign and an inventory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    Path("t.yml").write_text(CAMPAIGN)
    Path("rack.yml").write_text(RACK)

    def run(*words: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(words)
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Queue]:
    """Return the queues whose unit was asked for; nothing works them through."""
    asked: list[Queue] = []
    systemd = unit.Manager(systemctl=("false",), folder=tmp_path, target="x")
    monkeypatch.setattr(unit, "manager", lambda: systemd)
    monkeypatch.setattr(unit, "ensure", lambda queue, kept_by: asked.append(queue))
    return asked


@pytest.mark.parametrize("words", ["run t.yml --detach", "queue t.yml", "queue add t.yml t.yml"])
def test_without_systemd_it_is_refused_in_one_line(
    slotlab: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(unit, "BOOTED", tmp_path / "none")
    status, out, err = slotlab(*words.split(), "--lab", "sim")
    assert (status, out) == (2, "")
    assert err.startswith("slotlab: this machine does not run systemd, which would keep an unatten")
    assert err.count("\n") == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("queue t.yml no.yml --lab sim", "no.yml: no such campaign"),
        ("queue t.yml", "queue add: no hosts given; add -i INVENTORY"),
        ("queue t.yml --lab sim --notify no-such", "--notify 'no-such': no program no-such;"),
        ("queue t.yml -i rack.yml --limit n9", "no host, group or zone 'n9'"),
        ("queue cancel 7", "7: no entry of a queue has that number; see `slotlab queue list`"),
        ("queue cancel x", "Invalid value for 'N...'"),
        ("attach", "nothing was handed over; `slotlab run CAMPAIGN --detach` does that"),
        ("attach nothing", "nothing: no run folder"),
        ("run t.yml --lab sim --detach --only 9", "--only 9"),
        ("run t.yml --lab sim --notify '", '--notify "\'": No closing quotation'),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_queued(
    slotlab: Callable[..., Said], units: list[Queue], tmp_path: Path, words: str, said: str
) -> None:
    status, out, err = slotlab(*words.split())
    assert (status, out) == (2, ""), err
    assert said in err
    assert err.count("\n") == 1
    assert units == []
    assert not list(tmp_path.glob("state/**/entry.json"))


def test_what_was_asked_for_is_queued_and_said(
    slotlab: Callable[..., Said], units: list[Queue], tmp_path: Path
) -> None:
    words = ("run", "t.yml", "--lab", "sim", "--detach", "--seed", "3", "--only", "1")
    assert slotlab(*words) == (
        0,
        "entry 1: t on --lab sim\nslotlab-queue-sim.service runs it now; slotlab attach shows it,"
        " slotlab queue cancel 1 ends it\n",
        "",
    )
    status, out, _ = slotlab("queue", "t.yml", "t.yml", "--lab", "sim", "--json")
    assert (status, [row["n"] for row in json.loads(out)]) == (0, [2, 3])
    assert slotlab("queue", "cancel", "3")[1] == "entry 3: it is not run\n"
    assert slotlab("queue", "cancel", "3")[1] == "entry 3: it has ended before\n"
    (queue, again) = units
    assert queue == again
    first, second, third = queue.entries()
    assert (first.seed, first.only, first.folder, first.runs) == (
        3, ["1"], str(tmp_path), str(tmp_path / "runs"),
    )  # fmt: skip
    assert Path(first.file).read_text() == CAMPAIGN
    assert (second.batch, third.batch, third.state) == (2, 2, "cancelled")
    listed = slotlab("queue", "list")[1]
    assert "slotlab-queue-sim.service" in listed
    assert "cancelled by the operator" in listed


@pytest.mark.slow
def test_whoever_asked_is_told_of_a_run_that_was_not_handed_over_and_failing_at_that_is_a_line(
    slotlab: Callable[..., Said], tmp_path: Path
) -> None:
    brief = "warmup: 4s\ncooldown: 8s\ntimeline:\n- {at: 5s, for: 1s, fault: pause, on: one}\n"
    Path("t.yml").write_text(CAMPAIGN + brief)
    tell = tmp_path / "tell"
    tell.write_text('#!/bin/sh\necho "$STATUS $VERDICT $RUN $REPORT $1" >> told\nexit 7\n')
    tell.chmod(0o755)
    status, out, _ = slotlab("run", "t.yml", "--lab", "sim", "--notify", f"{tell} 'a b'")
    (run,) = tmp_path.glob("runs/t/2*")
    verdict = json.loads((run / "summary.json").read_text())["verdict"]
    assert Path("told").read_text() == f"{status} {verdict} {run} {run}/report.html a b\n"
    assert f"notify: {tell} ended with status 7" in out
    words = ("run", "t.yml", "-i", "rack.yml", "--notify", f"{tell} x")
    assert slotlab(*words)[0] == 3
    assert Path("told").read_text().splitlines()[1] == "3    x"


def test_hosts_that_cannot_be_logged_in_to_are_refused_by_name(
    slotlab: Callable[..., Said], units: list[Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, err = slotlab("run", "t.yml", "-i", "rack.yml", "--detach")
    assert status == 3
    assert err.startswith("slotlab: n1: unreachable: ")
    assert "Connection refused" in err
    assert err.endswith("(3 more)\n")
    assert err.count("\n") == 1
    assert units == []


def test_a_login_that_needs_the_agent_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = json.dumps({"n2": ["auth_failed", "x"], "n3": ["auth_failed", "x"]})
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{answer}'\n")
    python.chmod(0o755)
    monkeypatch.setattr(logins.sys, "executable", str(python))
    monkeypatch.setenv(logins.AGENT, "/run/agent")
    with pytest.raises(hand_over.UsageError, match=r"^n2, n3: no login without the ssh agent of t"):
        logins.refuse(Path("rack.yml"), "", {})
    monkeypatch.delenv(logins.AGENT)
    with pytest.raises(logins.RunError, match=r"^n2: auth_failed: x \(1 more\)$"):
        logins.refuse(Path("rack.yml"), "", {})
