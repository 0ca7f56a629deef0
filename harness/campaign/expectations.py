"""The `expect` part of a campaign: names checked, units resolved for the metrics room.

Values are written as people write them (6s, 1%, 8); resolved durations are int nanoseconds, shares
are ratios, counts stay numbers. Phase names are checked by the plan, which knows them.

Which metrics and invariants there are, they themselves declare, beside what they reckon with: that
is loaded only for a campaign that expects something of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import nearest
from harness.notation import units
from metrics.model.plan_checks import ALWAYS, EACH_FAULT, RECOVERS

_FIXED = (ALWAYS, EACH_FAULT)


def phases(expect: Mapping[str, Any]) -> list[str]:
    """Return the names in expect that must be phases of the plan."""
    return [name for name in expect if name not in _FIXED]


def resolve(expect: Mapping[str, Any]) -> dict[str, Any]:
    """Return expect with its units resolved.

    Raises:
        ValueError: an unknown name or a value without its unit; the text begins with the key path.
    """
    resolved: dict[str, Any] = {}
    for name, body in expect.items():
        if name == ALWAYS:
            resolved[name] = _invariants(body)
        elif name == EACH_FAULT:
            resolved[name] = _each_fault(body)
        elif isinstance(body, list):
            raise ValueError(f"{name}: a list is what {ALWAYS} has; write a map of figures")
        else:
            resolved[name] = _metrics(name, body)
    return resolved


def check_figures(names: Iterable[str]) -> None:
    """Refuse what is no figure of trials, such as `finality_latency_s.p95`.

    Raises:
        ValueError: the first such name, with what it may mean.
    """
    from metrics.measure.registry import EXPECTED
    from metrics.results.trial_figures import KEYS, OF_FAULTS

    known = [
        f"{name}.{key}" if figure.quantiles else name
        for name, figure in EXPECTED.items()
        for key in (KEYS if figure.quantiles else ("",))
    ]
    for name in names:
        part, _, rest = name.partition(".")
        of_fault = part in OF_FAULTS and rest.rpartition(".")[2] in KEYS and "." in rest
        if name not in known and not of_fault:
            raise ValueError(f"{name}: no figure of trials; {nearest(name, known)}")


def _invariants(body: Any) -> list[str]:
    from metrics.safety.invariants import NAMES

    known = tuple(NAMES.values())
    if not isinstance(body, list):
        raise ValueError(f"always: write a list of {', '.join(known)}")
    for i, name in enumerate(body):
        if name not in known:
            raise ValueError(f"always[{i}]: unknown check {name}; {nearest(str(name), known)}")
    return list(body)


def _each_fault(body: Any) -> dict[str, Any]:
    found = _map(body, EACH_FAULT)
    limits = {key: value for key, value in found.items() if key != RECOVERS}
    resolved = _metrics(EACH_FAULT, limits, RECOVERS)
    if RECOVERS in found:
        where = f"{EACH_FAULT}.{RECOVERS}"
        resolved[RECOVERS] = _convert(units.positive_ns, found[RECOVERS], where)
    return resolved


def _metrics(phase: str, body: Any, *others: str) -> dict[str, Any]:
    """Return the limits of a phase's figures; others: what else may stand there."""
    from metrics.measure.registry import EXPECTED

    resolved: dict[str, Any] = {}
    for metric, bounds in _map(body, phase).items():
        where = f"{phase}.{metric}"
        if metric == RECOVERS:
            raise ValueError(f"{where}: is of {EACH_FAULT} alone; write it there")
        if metric not in EXPECTED:
            hint = nearest(metric, (*others, *EXPECTED))
            raise ValueError(f"{where}: unknown metric; {hint}")
        if EXPECTED[metric].quantiles:
            resolved[metric] = {
                key: _bounds(metric, part, f"{where}.{_quantile(key, where)}")
                for key, part in _map(bounds, where).items()
            }
        else:
            resolved[metric] = _bounds(metric, bounds, where)
    return resolved


def _quantile(key: str, where: str) -> str:
    from metrics.model.quantiles import KEYS

    known = (*KEYS, "mean")
    if key not in known:
        raise ValueError(f"{where}.{key}: unknown figure; known are {', '.join(known)}")
    return key


def _bounds(metric: str, body: Any, where: str) -> dict[str, float]:
    resolved: dict[str, float] = {}
    for key, value in _map(body, where).items():
        if key not in ("min", "max"):
            raise ValueError(f"{where}.{key}: unknown bound; write min or max")
        if metric.endswith("_s"):
            resolved[key] = _convert(units.duration_ns, value, f"{where}.{key}")
        elif metric.endswith("_ratio"):
            resolved[key] = _convert(units.share, value, f"{where}.{key}")
        elif isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{where}.{key}: {value!r} is not a count; write a whole number")
        else:
            resolved[key] = value
    return resolved


def _convert(parser: Any, value: object, where: str) -> Any:
    try:
        return parser(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _map(body: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ValueError(f"{where}: write a map of names")
    return {key: value for key, value in body.items() if not str(key).startswith("x-")}
