"""Queues below a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.harness_unattended.queues import Worked


@pytest.fixture
def worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worked:
    """Return an empty queue, whose worker and drivers are the test's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Worked(tmp_path)
