"""Says while many hosts are asked how many have answered, and who is awaited."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

NAMES_MAX = 6
TELL_S = 1.0
T = TypeVar("T")
Tell = Callable[[str], None]


def nobody(_: str) -> None:
    """Tell it to nobody."""


def each(names: Sequence[str], one: Callable[[str], T], what: str, tell: Tell) -> dict[str, T]:
    """Return what one(host) returns for each host, all at once; tell and errors as in answers."""
    with ThreadPoolExecutor(max(1, len(names))) as pool:
        return answers({name: pool.submit(one, name) for name in names}, what, tell)


def answers(futures: Mapping[str, Future[T]], what: str, tell: Tell) -> dict[str, T]:
    """Return the results by host, in their order; tell gets a line at once and each second.

    Raises:
        Exception: what a future raised, once all of them have ended.
    """
    pending = set(futures.values())
    while True:
        tell(progress(what, len(futures), [name for name in futures if futures[name] in pending]))
        if not pending:
            return {name: future.result() for name, future in futures.items()}
        pending = wait(pending, timeout=TELL_S, return_when=FIRST_COMPLETED).not_done


def progress(what: str, count: int, awaited: list[str]) -> str:
    """Return the line: what is being asked, how many have answered, who is awaited."""
    text = f"{what}: {count - len(awaited)} of {count} answered"
    if not awaited:
        return text
    more = len(awaited) - NAMES_MAX
    others = f" and {more} more" if more > 0 else ""
    return f"{text}; waiting for {', '.join(awaited[:NAMES_MAX])}{others}"
