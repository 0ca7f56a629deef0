"""What a new user gets wrong is answered in one line that names file, key and remedy.

tests/vectors/wrong_inputs.txt is the transcript: a command, then its exit status and all it prints,
which is on standard error. FOLDER is where it runs; what follows `…` is left out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.__main__ import main
from tests.unit.harness_cli import wrong_files

TRANSCRIPT = Path(__file__).resolve().parents[2] / "vectors" / "wrong_inputs.txt"
ROWS = [row.splitlines() for row in TRANSCRIPT.read_text().strip().split("\n\n")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wrong files in it, and nothing else."""
    made = tmp_path_factory.mktemp("wrong")
    wrong_files.write(made)
    return made


def test_the_transcript_has_a_hundred_inputs_and_more() -> None:
    assert len({command for command, _ in ROWS}) == len(ROWS) > 100


@pytest.mark.parametrize(("command", "answer"), ROWS, ids=[row[0] for row in ROWS])
def test_a_wrong_input_is_one_line_with_its_status_and_nothing_is_made(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    answer: str,
) -> None:
    monkeypatch.chdir(folder)
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    before = sorted(folder.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main(command.removeprefix("$ slotlab ").split())
    out, err = capsys.readouterr()
    said = f"{ended.value.code} {err}".replace(str(folder), "FOLDER")
    expected, cut, _ = answer.partition("…")
    assert out == ""
    assert said.startswith(expected)
    assert said.count("\n") == 1
    assert cut or said == f"{expected}\n"
    assert sorted(folder.rglob("*")) == before
