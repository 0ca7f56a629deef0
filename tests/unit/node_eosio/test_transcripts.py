"""Transcripts of fork choice and finality: what a node tells, command by command.

Run with --rewrite to write the answers anew, and read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.node_eosio.transcript import World

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "consensus"
FILES = sorted(FOLDER.glob("*.txt"))


def played(text: str) -> str:
    """Return the transcript with the answers this implementation gives."""
    world, out = World(), []
    for part in text.strip().split("\n\n"):
        comments = [line for line in part.splitlines() if line.startswith("#")]
        lines = [line for line in part.splitlines() if not line.startswith("#")]
        said = "".join(f"{line}\n" for line in comments)
        if lines:
            said += f"{lines[0]}\n----\n{world.run(lines[0])}"
        out.append(said)
    return "\n".join(out)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_transcript_comes_out_as_it_is_written(
    path: Path, request: pytest.FixtureRequest
) -> None:
    written = path.read_text()
    now = played(written)
    if request.config.getoption("--rewrite", default=False):
        path.write_text(now)
    else:
        assert now == written


def test_there_are_transcripts() -> None:
    assert len(FILES) >= 6
