"""The way to a summary of a run with one fault in its calm last part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.metrics_build import bend


@pytest.fixture
def bent(rebuilt: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a function that plans a fault, changes the lines as it did, and gives the summary."""

    def make(
        planned: dict[str, Any],
        change: Callable[[bend.Lines], None] | None = None,
        *,
        again: str = "",
        **recorded: Any,
    ) -> dict[str, Any]:
        return rebuilt(
            change, lambda run: bend.add(run, planned, **recorded), end=bend.END, again=again
        )

    return make
