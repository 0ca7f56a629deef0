"""What the README names is there: commands with their options, targets of make, files."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.cli.commands import COMMANDS, GROUPS
from tests.unit.test_shape import ROOT

README = (ROOT / "README.md").read_text()
FENCED = re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
PROSE = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
SPANS = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", PROSE)]
LINES = [line.partition("#")[0].strip() for block in FENCED for line in block.splitlines()]
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
SPOKEN = {*COMMANDS, *GROUPS}
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


@functools.cache
def help_of(words: str) -> str:
    shown = CliRunner().invoke(app, [*words.split(), "--help"], env={"COLUMNS": "250"})
    assert shown.exit_code == 0, shown.output
    return shown.output


def command_of(line: str) -> str:
    """Return the command a line begins with, empty if with none."""
    words = line.split()
    fits = [" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in SPOKEN]
    return fits[0] if fits else ""


def has(text: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text) is not None


COMMAND_LINES = sorted(
    {
        re.sub(r"^(\.venv/bin/)?slotlab ", "", text)
        for text in (*SPANS, *LINES)
        if re.match(r"(\.venv/bin/)?slotlab ", text)
    }
    | {text for text in SPANS if command_of(text) and OPTION.search(text)}
)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_that_the_readme_names_is_there_with_its_options(line: str) -> None:
    words = command_of(line)
    assert words, f"no command begins with {line!r}"
    missing = [option for option in OPTION.findall(line) if not has(help_of(words), option)]
    assert missing == []


def test_an_option_named_alone_is_one_of_some_command() -> None:
    alone = {OPTION.findall(text)[0] for text in SPANS if text.startswith("--")}
    helps = [help_of(words) for words in ("", *COMMANDS)]
    of_others = {"--inventory"}  # of pytest tests/hardware; of ours as well
    assert [o for o in sorted(alone - of_others) if not any(has(text, o) for text in helps)] == []


def test_the_targets_of_make_are_there() -> None:
    named = {text.split()[1] for text in (*SPANS, *LINES) if text.startswith("make ")}
    assert named <= set(TARGETS)


def test_the_files_of_this_clone_are_there() -> None:
    rooms = ("node/", "faults/", "metrics/", "harness/", "inventory/", "playbooks/", "tests/")
    spans = [*SPANS, *re.findall(r"`([^`<]+)`", (ROOT / "CONTRIBUTING.md").read_text())]
    paths = {word for text in spans for word in text.split() if word.startswith(rooms)}
    assert [path for path in sorted(paths) if not Path(ROOT, path).exists()] == []


def test_the_map_names_every_room_of_the_packages() -> None:
    rooms = {
        f"{path.relative_to(ROOT)}/"
        for package in ("node", "faults", "metrics", "harness")
        for path in ROOT.glob(f"{package}/*/")
        if (path / "__init__.py").exists()
    }
    assert sorted(rooms - {*SPANS}) == []


def test_every_command_is_a_line_of_help_that_ends_with_a_full_stop() -> None:
    for words, (_, text) in COMMANDS.items():
        assert text.endswith("."), words
        assert text in help_of(words)
