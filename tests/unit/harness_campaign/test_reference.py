"""The reference tells every word of the campaign language, and ships as it would be written."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from faults.model.kind import KINDS
from harness.__main__ import app
from harness.campaign import reference, reference_page
from harness.controller.state_dir import CAMPAIGNS
from harness.errors import UsageError
from metrics.measure.registry import EXPECTED
from metrics.safety.invariants import CLAIMS, NAMES
from node.chain.encoding.written import by_word
from node.chain.profiles import SYSTEMS

ENTRIES = reference.entries()
PATHS = {entry.path for entry in ENTRIES}


@pytest.mark.parametrize("name", reference_page.files())
def test_what_ships_is_what_make_language_would_write(name: str) -> None:
    assert (CAMPAIGNS / name).read_text() == reference_page.files()[name]


def test_every_word_is_told_once_with_what_it_is() -> None:
    assert [path for path, n in Counter(e.path for e in ENTRIES).items() if n > 1] == []
    assert [entry.path for entry in ENTRIES if not entry.says] == []


def test_faults_acts_figures_and_checks_are_those_that_there_are() -> None:
    assert {f"timeline.{word}.at" for word in KINDS} <= PATHS
    assert {f"expect.PHASE.{name}" for name in EXPECTED} <= PATHS
    for profile, system in SYSTEMS.items():
        assert {f"timeline.act.{profile}.{word}" for word in by_word(system.operations)} <= PATHS
    assert list(CLAIMS) == list(NAMES.values())


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("timeline.delay.jitter", "timeline.delay.jitter"),
        ("jitter", "timeline.delay.jitter"),
        ("chain.accounts.NAME.balance", "chain.accounts.NAME.balance"),
        ("slot", "chain.slot"),
        ("one", ""),
        ("selectors", "one"),
    ],
)
def test_a_key_is_explained_by_its_path_or_by_an_end_that_only_it_has(word: str, path: str) -> None:
    if not path:
        with pytest.raises(UsageError, match="no key one"):
            reference.explained(word)
        return
    assert reference.explained(word)[0].path == path


def test_a_key_is_told_with_unit_and_default() -> None:
    (jitter,) = reference.explained("timeline.delay.jitter")
    assert (jitter.written, jitter.default) == ("a duration: 250ms, 1.5s, 2m", "0s")
    (name, *below) = reference.explained("chain.health")
    assert [each.path for each in below] == [
        "chain.health.degraded_below", "chain.health.halted_below", "chain.health.window",
    ]  # fmt: skip
    assert (name.default, below[0].default) == ("", "90%")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("timeline.dela.jitter", "did you mean timeline.delay.jitter?"),
        ("jiter", "did you mean jitter?"),
        ("strategies", "did you mean strategy?"),
        ("xyzzy", "without a key it lists what there is"),
        ("vote", "it may be timeline.act.eosio.vote, timeline.act.bitshares.vote"),
    ],
)
def test_an_unknown_key_is_said_with_the_nearest(word: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        reference.explained(word)
    assert str(caught.value) == f"campaign explain: no key {word}; {says}"


def test_the_command_prints_a_table_or_json() -> None:
    shown = CliRunner().invoke(app, ["campaign", "explain"], env={"COLUMNS": "250"})
    assert shown.exit_code == 0
    assert "timeline.partition" in shown.stdout
    printed = CliRunner().invoke(app, ["campaign", "explain", "jitter", "--json"])
    assert [each["path"] for each in json.loads(printed.stdout)] == ["timeline.delay.jitter"]
