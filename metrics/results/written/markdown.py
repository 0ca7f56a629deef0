"""summary.md: verdict, cells and checks of a run, in a form that pastes into a pull request."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from metrics.model.number_text import figure
from metrics.model.plan import WARMUP
from metrics.model.printable import printable

SHOWN_MAX = 20
"""So many reasons and notes are named; of the others it is said how many there are."""
_MARKUP = {c: f"&#{ord(c)};" for c in r"\`*_[]#|~@"}
"""What would be markup, or call somebody."""


def encode(summary: dict[str, Any]) -> bytes:
    """Return the text of a summary; what hosts and campaigns say has no markup in it."""
    return ("\n".join(_lines(summary)) + "\n").encode()


def _lines(summary: dict[str, Any]) -> Iterator[str]:
    trials = sum(len(cell["trials"]) for cell in summary["cells"])
    yield f"## {_said(summary['campaign'])}: {summary['verdict']}"
    yield ""
    yield f"{_said(summary['title'])}. Lab {_said(summary['lab'])}, seed {summary['seed']}, "
    yield f"{trials} trial{'' if trials == 1 else 's'}."
    for word, texts in (("Invalid", summary["invalid"]), ("Note", summary["notes"])):
        if texts:
            yield ""
            yield from (f"- {word}: {_said(text)}" for text in texts[:SHOWN_MAX])
            if len(texts) > SHOWN_MAX:
                yield f"- {word}: {len(texts) - SHOWN_MAX} more"
    yield ""
    yield from _table(
        ("cell", "phase", "finality p50 (s)", "p95 (s)", "lag p50 (blocks)", "slots missed",
         "orphaned", "fork switches", "transactions lost"),
        (_cells(cell["params"], name, m) for cell in summary["cells"]
         for name, m in cell["phases"].items() if name != WARMUP),
    )  # fmt: skip
    yield ""
    yield from _table(
        ("check", "verdict", "evidence"),
        ((_said(c["name"]), c["verdict"], _said(c["evidence"])) for c in summary["checks"]),
    )


def _cells(params: dict[str, Any], phase: str, m: dict[str, Any]) -> tuple[str, ...]:
    slots = m["slots"]
    lost = m["transactions"]["lost"]
    return (
        _said(", ".join(f"{name}={value}" for name, value in params.items())),
        _said(phase),
        figure(m["finality_latency_s"], "p50"),
        figure(m["finality_latency_s"], "p95"),
        figure(m["finality_lag_blocks"], "p50"),
        f"{slots['missed']} of {slots['expected']}",
        str(slots["orphaned"]),
        str(m["forks"]["switches"]),
        "unknown" if lost is None else f"{lost} of {m['transactions']['sent']}",
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _said(text: str) -> str:
    """Return text of hosts and campaigns as it reads, without effect."""
    return "".join(_MARKUP.get(c) or escape(c, quote=False) for c in printable(text))
