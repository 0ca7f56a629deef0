"""Makes a failing draft smaller while it still fails: fewer faults, hosts, slots. Pure.

Whether a draft still fails is asked of a function; every question is one run of a simulation.
"""

from collections.abc import Callable, Iterator

from harness.fuzz.draft import Draft

QUESTIONS_MAX = 120
LISTS = ("on", "from", "to")
SHORTEST_MS = 2000


def smallest(draft: Draft, fails: Callable[[Draft], bool]) -> Draft:
    """Return a draft that fails like the given one and of which no single part can be left out."""
    asked = 0
    best = draft
    progress = True
    while progress and asked < QUESTIONS_MAX:
        progress = False
        for candidate in _smaller(best):
            asked += 1
            if fails(candidate):
                best, progress = candidate, True
                break
            if asked >= QUESTIONS_MAX:
                break
    return best


def _smaller(draft: Draft) -> Iterator[Draft]:
    """Yield drafts that are smaller by one step, the largest steps first."""
    faults = draft["timeline"]
    for i in range(len(faults)):
        yield _with(draft, [fault for k, fault in enumerate(faults) if k != i])
    if "load" in draft:
        yield {key: value for key, value in draft.items() if key != "load"}
    if _ms(draft["cooldown"]) >= SHORTEST_MS:
        yield {**draft, "cooldown": f"{_ms(draft['cooldown']) // 1000 * 500}ms"}
    for i, fault in enumerate(faults):
        for change in (*_fewer_hosts(fault), *_shorter(fault)):
            yield _with(draft, [*faults[:i], {**fault, **change}, *faults[i + 1 :]])


def _fewer_hosts(fault: Draft) -> Iterator[Draft]:
    for key in LISTS:
        hosts = fault.get(key)
        if isinstance(hosts, list) and len(hosts) > 1:
            for host in hosts:
                yield {key: [other for other in hosts if other != host]}


def _shorter(fault: Draft) -> Iterator[Draft]:
    for key in ("for", "restart_after"):
        if key in fault and _ms(fault[key]) >= SHORTEST_MS:
            yield {key: f"{_ms(fault[key]) // 1000 * 500}ms"}


def _with(draft: Draft, faults: list[Draft]) -> Draft:
    """The draft with other faults, ending when it ended before."""
    rest_ms = _last_ms(draft["timeline"]) + _ms(draft["cooldown"]) - _last_ms(faults)
    return {**draft, "timeline": faults, "cooldown": f"{max(0, rest_ms)}ms"}


def _last_ms(faults: list[Draft]) -> int:
    ends = (_ms(f["at"]) + _ms(f.get("for") or f.get("restart_after") or "0ms") for f in faults)
    return max(ends, default=0)


def _ms(text: str) -> int:
    return int(str(text).removesuffix("ms"))
