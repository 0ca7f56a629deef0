"""Power commands of an inventory become words for the provider: filled in, never a shell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness import power
from harness.errors import UsageError


def host(**templates: str) -> Any:
    ssh = SimpleNamespace(address="192.0.2.7")
    return SimpleNamespace(name="n1", address="10.0.0.7", ssh=ssh, power=templates)


def test_marks_are_filled_in_word_by_word() -> None:
    templates = {"off": "ipmi -H {host} 'power off'", "state": "look {name} {address}", "on": ""}
    assert power.commands(host(**templates)) == {
        "off": ["ipmi", "-H", "192.0.2.7", "power off"],
        "state": ["look", "n1", "10.0.0.7"],
    }


def test_a_template_that_is_no_command_line_names_host_and_key() -> None:
    with pytest.raises(UsageError, match="slotlab_power of n1: off: No closing quotation"):
        power.commands(host(off="ipmi 'power off"))


def test_a_lab_that_never_had_a_provider_has_nothing_to_heal(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert power.heal(SimpleNamespace(lab_id="rack-1")) == (True, [])  # type: ignore[arg-type]
