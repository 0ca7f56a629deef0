"""The charts of a page, as the figures that its script draws."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any

import numpy as np

from metrics.report.charts import GAP


def charts_of(page: str) -> dict[str, dict[str, Any]]:
    """Return the figure of each chart by its key."""
    found = re.findall(
        r'<div class="chart" id="([^"]+)">.*?<script type="application/json">(.*?)</script>', page
    )
    return {key: json.loads(text, object_hook=_spelled) for key, text in found}


def _spelled(value: dict[str, Any]) -> Any:
    """Return a list whose words stand in the page once each, as it is drawn; else the value."""
    if value.keys() != {"words", "at"}:
        return value
    return [value["words"][at] for at in b64decode(value["at"])]


def numbers(values: Any) -> list[float]:
    """Return the numbers of an axis, packed or not."""
    if not isinstance(values, dict):
        return list(values)
    if values["dtype"] == "ms":
        return _seconds(np.frombuffer(b64decode(values["bdata"]), dtype="<i2"))
    dtype = {"f4": "<f4", "i2": "<i2", "i1": "i1"}[values["dtype"]]
    found: list[float] = np.frombuffer(b64decode(values["bdata"]), dtype=dtype).tolist()
    return found


def _seconds(steps: Any) -> list[float]:
    """Return times of which each is given in milliseconds since the one before; NaN for a gap."""
    found, at = [], 0
    for step in steps.tolist():
        at += 0 if step == GAP else step
        found.append(float("nan") if step == GAP else at / 1e3)
    return found
