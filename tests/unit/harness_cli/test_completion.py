"""A shell completes commands, options, campaigns and runs, from what is on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.controller.version import version
from tests.unit.test_shape import ROOT


@pytest.fixture
def complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    """Return what gives bash's completions of a line, in a folder with one run."""
    run = tmp_path / "runs" / "splits" / "20260101T000000Z-abcdef"
    run.mkdir(parents=True)
    (run / "plan.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("_SLOTLAB_COMPLETE", "complete_bash")

    def completions(line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit) as ended:
            main([])
        assert not ended.value.code
        return capsys.readouterr().out.split()

    return completions


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("slotlab pl", ["plan"]),
        ("slotlab lab ", ["up", "down", "status", "ssh", "init"]),
        ("slotlab inspect fin", ["finality"]),
        ("slotlab plan --off", ["--offline"]),
        ("slotlab plan dem", ["demo"]),
        ("slotlab run demo -i x.yml --li", ["--limit"]),
        ("slotlab report ", ["latest", "splits"]),
        ("slotlab report latest --beside sp", ["splits"]),
        ("slotlab plan no-such", []),
    ],
)
def test_a_line_is_completed(complete: object, line: str, expected: list[str]) -> None:
    assert callable(complete)
    assert complete(line) == expected


def test_completion_is_installed_for_the_shell_it_is_asked_from(tmp_path: Path) -> None:
    command = f"{sys.executable} -m harness --install-completion; exit $?"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    script = tmp_path / ".bash_completions" / "slotlab.sh"
    assert "_SLOTLAB_COMPLETE=complete_bash" in script.read_text()
    assert str(script) in (tmp_path / ".bashrc").read_text()


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert not ended.value.code
    out = capsys.readouterr().out
    assert out == f"{version()}\n"
    assert out.startswith("slotlab 0.")
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}." in out
