"""The command that is run at a run's end: checked when it is given, and never a run's failure."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.unattended import notice


def test_a_command_is_words_and_a_program_that_is_there() -> None:
    assert notice.parsed("") == []
    assert notice.parsed("env 'a b' $HOME") == [shutil.which("env"), "a b", "$HOME"]
    with pytest.raises(UsageError, match=r"^--notify 'env .x': No closing quotation; quote it"):
        notice.parsed('env "x')
    with pytest.raises(UsageError, match=r"^--notify 'no-such x': no program no-such; give its"):
        notice.parsed("no-such x")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/no/such"], "notify: /no/such: No such file or directory"),
        ([sys.executable, "-c", "raise SystemExit(7)"], f"notify: {sys.executable} ended with"
         " status 7"),
        ([sys.executable, "-c", "pass"], ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it_is_a_line(words: list[str], said: str, tmp_path: Path) -> None:
    assert notice.tell(words, run=str(tmp_path), status=0, verdict="pass") == said


def test_one_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(notice, "WITHIN_S", 0.1)
    sleep = shutil.which("sleep")
    assert sleep is not None
    said = notice.tell([sleep, "600"], run=str(tmp_path), status=0, verdict="pass")
    assert said == f"notify: {sleep} did not end within 0 s"
