"""The JSON Schema of summary.json, made of what each metric says that it adds."""

from typing import Any

import msgspec

from metrics.measure.registry import METRICS
from metrics.model.shapes import each, many, part
from metrics.results.fault_results import FaultResult
from metrics.results.trial_figures import Figure


def _all(sometimes: bool) -> dict[str, Any]:
    return {
        key: kind
        for metric in METRICS
        if metric.sometimes == sometimes
        for key, kind in metric.adds.items()
    }


def _struct(name: str, always: dict[str, Any], sometimes: dict[str, Any]) -> Any:
    fields: list[Any] = [*always.items()]
    fields += [(key, kind | msgspec.UnsetType, msgspec.UNSET) for key, kind in sometimes.items()]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, kw_only=True)


_WITNESS = part(
    "Witness", text=str, heights=list[int], ids=list[str], hosts=list[str], t_s=list[float | None]
)
_CHECK = part("Check", name=str, verdict=str, evidence=str, details=many(_WITNESS))
M = _struct("M", _all(sometimes=False), _all(sometimes=True))
_TRIAL = _struct(
    "Trial",
    {"n": int, "verdict": str, "seed": int, "invalid": list[str], "figures": each(each(Figure))},
    {key: kind for metric in METRICS for key, kind in metric.tells.items()},
)
_CELL = part("Cell", n=int, params=dict[str, Any], trials=many(_TRIAL), metrics=M, phases=each(M))
_POINT = part(
    "Point",
    cell=int, at=Any, n=int, value=float | None, low=float | None, high=float | None,
    coverage=float | None, trials=list[tuple[int, float | None]],
)  # fmt: skip
_ROW = part(
    "Row",
    axis=str, fixed=dict[str, Any], phase=str, figure=str, points=many(_POINT), differs=list[int],
)  # fmt: skip
_CURVE = part(
    "Curve",
    cell=int, params=dict[str, Any], fault=str, what=str, n=int, ended=int, median_s=float | None,
    steps=many(tuple[float, float, float | None, float | None]),
    trials=many(tuple[int, float, bool]),
)  # fmt: skip
Summary = part(
    "Summary",
    schema=str, verdict=str, campaign=str, title=str, lab=str, seed=int, checks=many(_CHECK),
    invalid=list[str], notes=list[str], cells=many(_CELL), metrics=M | None,
    faults=list[FaultResult],
    zones=list[FaultResult], stories=many(part("Story", trial=int, text=list[str])),
    prediction=dict[str, Any], systems=list[dict[str, Any]], sweep=many(_ROW),
    survival=many(_CURVE),
)  # fmt: skip
"""What summary.json holds."""


def json_schema() -> str:
    """Return the JSON Schema of summary.json, as `summary.schema.json` beside this has it."""
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    found |= msgspec.json.schema(Summary)
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
