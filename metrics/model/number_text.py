"""Numbers as the report prints them: value, unit, error; `unknown` where the error rules."""

import math
import re
from typing import Any

from metrics.model.resolution import NEEDED, resolved

UNKNOWN = "unknown"
_PLURAL = re.compile(r"(?<=ch)es$|(?<=[a-z]{2})s$", re.ASCII)
"""What a plural has more than one; units as `s` and `ms` have none."""
UNITS = {"_s": "s", "_blocks": "blocks", "_ratio": "share"}
"""How names in M end, and the unit that says."""


def figure(q: dict[str, Any] | None, key: str, unit: str = "") -> str:
    """Return a quantile as `4.08 ± 0.01 s`, `unknown` if its error exceeds it, or why none."""
    if not q or not q["n"]:
        return UNKNOWN if q and q["unknown"] else "–"
    value = q.get(key)
    if key in q["few"]:
        return f"n < {NEEDED[key]}"
    if value is None:
        return f"> end ({q['censored']} open)"
    ends = q["error"].get(key, [None, None])
    if not resolved(q, key):
        if value == 0 and ends == [0, 0]:
            return many(0, unit)
        return UNKNOWN
    half = max(ends[1] - value, value - ends[0])
    if half == 0:
        # Of one clock: to three decimals, as figures with an error at most are.
        return many(round(value, 3) or value, unit)
    return f"{with_error(value, half)} {unit}".strip()


def with_error(value: float, half: float) -> str:
    """Return `value ± half`, half rounded up to two digits (three decimals at most)."""
    decimals = min(max(1 - math.floor(math.log10(half)), 0), 3)
    up = math.ceil(half * 10**decimals - 1e-9) / 10**decimals
    return f"{value:.{decimals}f} ± {up:.{decimals}f}"


def known(value: int | None) -> str:
    """Return a count, or `unknown`."""
    return UNKNOWN if value is None else str(value)


def many(n: float, words: str) -> str:
    """Return so many of what the words are the plural of: `0 blocks`, `1 block`, `2 switches`."""
    return f"{n:g} {_PLURAL.sub('', words) if n == 1 else words}".strip()


def number(value: float | None) -> str:
    """Return value with three or four significant digits."""
    if value is None:
        return "–"
    for least, decimals in ((100, 0), (10, 1), (1, 2), (0.01, 3)):
        if abs(value) >= least:
            return f"{value:.{decimals}f}"
    return f"{value:.2g}" if value else "0.000"


def size_text(value_bytes: int) -> str:
    """Return so many bytes in the unit that fits."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value_bytes >= scale:
            return f"{value_bytes / scale:.3g} {unit}"
    return f"{value_bytes} B"


def moment(t_ns: float | None) -> str:
    """Return a time since T0, to the millisecond."""
    return "–" if t_ns is None or t_ns != t_ns else f"{t_ns / 1e9:.3f}"


def amount(units: int, digits: int) -> str:
    """Return an amount of units of an asset, exactly; 10 ** digits units are one of it."""
    whole, rest = divmod(abs(units), 10**digits)
    decimals = f".{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"{'-' if units < 0 else ''}{whole:,}{decimals}"


def span(found: list[float] | None) -> str:
    """Return (value, least, most) in seconds as the value, with its ends where they differ."""
    if found is None:
        return "not seen"
    value, low, high = found
    return f"{value:.2f}" + (f" ({low:.2f} .. {high:.2f})" if high - low >= 0.01 else "")


def percent(ratio: float | None) -> str:
    """Return a ratio as per cent."""
    return "–" if ratio is None else f"{100 * ratio:.3g} %"


def of_figure(path: str, value: float) -> str:
    """Return a value of a figure by its path in M, `finality_latency_s` or with its quantile."""
    unit = words(path)[1]
    if unit == "share":
        return f"{100 * value:.3g} %"
    return f"{value:.4g} s" if unit == "s" else many(value, unit)


def title(path: str) -> str:
    """Return a figure in words by its path in M: `finality latency p95 (s)`."""
    text, unit = words(path)
    return f"{text} ({unit})" if unit else text


def words(path: str) -> tuple[str, str]:
    """Return what a path in M says, and its unit; names of faults stay as they are."""
    head, _, rest = path.partition(".")
    for ending, unit in UNITS.items():
        if head.endswith(ending):
            return f"{_spaced(head.removesuffix(ending))} {rest.replace('.', ' ')}".strip(), unit
        if rest.endswith(ending):
            return f"{_spaced(head)} {_spaced(rest.removesuffix(ending))}", unit
    return f"{_spaced(head)} {_spaced(rest)}".strip(), ""


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def beside(row: dict[str, Any], found: dict[str, Any] | None) -> str:
    """Return one run's figures of a row of prediction beside measurement."""
    if found is None:
        return "–"
    if "missed" in found:
        return f"{found['missed']} of {found['n']}"
    words = [
        f"> end ({found['censored']} open)" if found[key] is None else f"{found[key]:.4g}"
        for key in ("min", "p50", "max")
    ]
    return f"{' / '.join(words)} ({found['n']})"


def predicted(row: dict[str, Any]) -> str:
    """Return what the rules predict for a row."""
    wanted = row["predicted"]
    if wanted is None:
        return "–"
    if wanted["min"] == wanted["max"]:
        return f"{wanted['min']:g}"
    way = " + the way" if row["metric"].endswith("_s") else ""
    return f"{wanted['min']:g} … {wanted['max']:g}{way}"
