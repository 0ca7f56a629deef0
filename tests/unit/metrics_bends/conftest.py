"""The recorded runs as they are, measured once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.unit.metrics_bends.folder import copy, summarize
from tests.unit.metrics_bends.row import Summary


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Summary]:
    """Return what gives the summary of a recorded run."""

    @cache
    def built(name: str) -> Summary:
        folder = copy(name, tmp_path_factory.mktemp(name) / "run")
        return summarize(folder.path)

    return built
