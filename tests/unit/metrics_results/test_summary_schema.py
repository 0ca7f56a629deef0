"""The JSON Schema of summary.json: that of the code, and that which real summaries have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from metrics.results.written import summary_schema
from metrics.results.written.summary_schema import Summary

FILE = Path(summary_schema.__file__).with_name("summary.schema.json")
REMEDY = "write it anew: what json_schema in metrics/results/written/summary_schema.py returns"


def test_the_schema_that_ships_is_that_of_the_code() -> None:
    assert FILE.read_text() == summary_schema.json_schema(), REMEDY


def test_a_summary_has_what_the_schema_says(run: Path) -> None:
    msgspec.json.decode((run / "summary.json").read_bytes(), type=Summary)


def _unknown_key(summary: dict[str, Any]) -> None:
    summary["cells"][0]["metrics"]["slots"]["lost"] = 3


def _missing_key(summary: dict[str, Any]) -> None:
    del summary["cells"][0]["phases"]["baseline"]["finality_latency_s"]["p50"]


def _other_type(summary: dict[str, Any]) -> None:
    summary["faults"][0]["targets"] = "n1"


@pytest.mark.parametrize("change", [_unknown_key, _missing_key, _other_type])
def test_a_summary_with_other_keys_or_types_is_refused(
    run: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    summary = json.loads((run / "summary.json").read_text())
    change(summary)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(summary, Summary)
