"""A measured synthetic run, built once, and the way to build others; imports nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow each test that has a whole run of its own measured."""
    for item in items:
        if {"rebuilt", "reported"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder with the default story and expectations that hold, already built."""
    from metrics.build import build
    from tests.unit.metrics_build import synthetic

    expect = {
        "always": ["no_conflicting_finality", "lib_never_decreases"],
        "baseline": {
            "finality_lag_blocks": {"min": {"min": 7}, "max": {"max": 8}},
            "finality_latency_s": {"p95": {"max": 6_000_000_000}},
            "slots.missed_ratio": {"max": 0.0},
        },
        "each_fault": {"recovers_within": 30_000_000_000},
    }
    folder = tmp_path_factory.mktemp("run") / "run"
    synthetic.write(folder, synthetic.Story(expect=expect))
    build(folder, lambda text: None)
    return folder


@pytest.fixture
def rebuilt(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that tampers with a fresh run and gives its summary, and writes nothing."""
    from tests.unit.metrics_bends.folder import summarize

    return _tampering(tmp_path, summarize)


@pytest.fixture
def reported(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that tampers with a fresh run and gives its summary, having reported."""
    from metrics.build import build

    return _tampering(tmp_path, lambda run: build(run, lambda text: None))


def _tampering(
    tmp_path: Path, measure: Callable[[Path], dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    import msgspec

    from metrics.results.written.summary_schema import Summary
    from tests.unit.metrics_build import synthetic
    from tests.unit.metrics_report import explained

    def make(
        change: Callable[[dict[str, list[dict[str, Any]]]], None] | None = None,
        files: Callable[[Path], None] | None = None,
        *,
        again: str = "",
        **story: Any,
    ) -> dict[str, Any]:
        chosen = synthetic.Story(**story)
        lines = synthetic.events(chosen)
        if change is not None:
            change(lines)
        folder = synthetic.write(tmp_path / f"run{again}", chosen, lines)
        if files is not None:
            files(folder)
        summary = measure(folder)
        assert explained.wrongly_explained(summary) == []
        msgspec.json.decode(msgspec.json.encode(summary), type=Summary)
        return summary

    return make
