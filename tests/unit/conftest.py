"""A measured synthetic run, built once, and the way to build others; imports nothing itself."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """Return the builder of synthetic runs."""
    return importlib.import_module("tests.unit.metrics_build.synthetic")


@pytest.fixture(scope="session")
def explained() -> ModuleType:
    """Return what finds figures without a declared method."""
    return importlib.import_module("tests.unit.metrics_report.explained")


@pytest.fixture(scope="session")
def bend() -> ModuleType:
    """Return what bends synthetic runs."""
    return importlib.import_module("tests.unit.metrics_build.bend")


@pytest.fixture(scope="session")
def run(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder with the default story and expectations that hold, already built."""
    from metrics.build import build

    expect = {
        "always": ["no_conflicting_finality", "lib_never_decreases"],
        "baseline": {
            "finality_lag_blocks": {"min": {"min": 7}, "max": {"max": 8}},
            "finality_latency_s": {"p95": {"max": 6_000_000_000}},
            "slots.missed_ratio": {"max": 0.0},
        },
        "each_fault": {"recovers_within": 30_000_000_000},
    }
    folder: Path = synthetic.write(
        tmp_path_factory.mktemp("run") / "run", synthetic.Story(expect=expect)
    )
    build(folder, lambda text: None)
    return folder


@pytest.fixture
def rebuilt(synthetic: ModuleType, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that tampers with a fresh run and gives its summary, and writes nothing."""
    from metrics.build import summarize

    return _tampering(synthetic, tmp_path, summarize)


@pytest.fixture
def reported(synthetic: ModuleType, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that tampers with a fresh run and gives its summary, having reported."""
    from metrics.build import build

    return _tampering(synthetic, tmp_path, lambda run: build(run, lambda text: None))


def _tampering(
    synthetic: ModuleType, tmp_path: Path, measure: Callable[[Path], dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
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
        explained = importlib.import_module("tests.unit.metrics_report.explained")
        assert explained.wrongly_explained(summary) == []
        return summary

    return make
