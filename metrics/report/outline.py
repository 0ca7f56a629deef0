"""The sections of the page in their order, each a template of its own; empty ones are left out."""

from typing import Any, NamedTuple

import jinja2

TRIALS = "trials"
"""Stands where the sections of trials are, each with its parts."""
SECTIONS = {
    "verdict": "Verdict",
    "stories": "Conflicting finality",
    "validity": "Validity",
    "faults": "Faults",
    "zones": "Zones",
    "sweep": "Sweep",
    "systems": "Side by side",
    "phases": "Phases",
    "differences": "Differences",
    "tails": "Tails",
    "stages": "Stages",
    "forks": "Forks",
    "survival": "Recovery",
    "prediction": "Prediction",
    "foreseen": "Simulated before",
    TRIALS: "",
    "reading": "How to read this",
    "provenance": "Provenance",
}
"""The sections by the name of their template, which is their id, with what leads to them."""
PARTS = (
    "finality", "positions", "slots", "health", "propagation", "forks", "recovery", "clocks",
    "transactions", "stake", "reversed", "schedule", "proposals", "hard_forks", "pay", "load",
    "chronology",
)  # fmt: skip
"""The parts of a trial's section by the name of their template: trial 1 has `trial-1-finality`.

A template is told by `explains` whether the page has its part for the first time.
"""
Context = dict[str, Any]


class Section(NamedTuple):
    """A section, or a part of one: its id, what leads to it, and what stands there."""

    id: str
    title: str
    html: str


def sections(environment: jinja2.Environment, context: Context) -> list[Section]:
    """Return the sections of a page that have something to say."""
    found = []
    for name, title in SECTIONS.items():
        if name == TRIALS:
            found += _trials(environment, context)
        else:
            found.append(Section(name, title, _rendered(environment, name, context)))
    return [section for section in found if section.html]


def _trials(environment: jinja2.Environment, context: Context) -> list[Section]:
    trials = context[TRIALS]
    explained: set[str] = set()
    return [
        Section(
            f"trial-{trial['n']}",
            "Charts" if len(trials) == 1 else f"Trial {trial['n']}",
            _rendered(
                environment,
                "trial",
                {
                    **context,
                    "trial": trial,
                    "first": trial is trials[0],
                    "parts": _parts(environment, {**context, "trial": trial}, explained),
                },
            ),
        )
        for trial in trials
    ]


def _parts(environment: jinja2.Environment, context: Context, explained: set[str]) -> list[Section]:
    """Return the parts of a trial; each is explained where a page has it first."""
    found = []
    for name in PARTS:
        own = {**context, "explains": name not in explained}
        if html := _rendered(environment, f"trial/{name}", own):
            explained.add(name)
            found.append(Section(f"trial-{context['trial']['n']}-{name}", "", html))
    return found


def _rendered(environment: jinja2.Environment, name: str, context: Context) -> str:
    text = environment.get_template(f"sections/{name}.html.j2").render(context)
    return text.strip()
