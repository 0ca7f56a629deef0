"""The hunt: many drawn campaigns on some processes, in order; what breaks a rule is shrunk.

What is found depends on the seed alone, not on how many processes look for it.
"""

import functools
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import CampaignError, PlanError
from harness.fuzz import attempt, draw
from harness.fuzz.draft import Draft
from harness.fuzz.judge import Breach
from harness.fuzz.shrink import smallest
from metrics.safety.invariants import NAMES

CHUNK = 5
PROMISED = frozenset(("I2", "I3", "I4", "I5", "I6", "I8", "I9", "I10", "I12"))
JUDGED = {"inside": PROMISED, "beyond": PROMISED | {"I1"}}
"""What counts as broken, by where the hunt goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """What to hunt: a profile, inside or beyond the proven bounds, how many draws of a seed."""

    profile: str
    where: str
    runs: int
    seed: int
    workers: int = 2
    shrunk_max: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A draw that broke rules, and the smallest campaign that still breaks the first of them."""

    n: int
    breaches: tuple[Breach, ...]
    campaign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a hunt saw in all, and what it found; only the first few finds are shrunk.

    conflicts: draws with conflicting finality (I1). Nothing promises that there are none, not even
    inside the bounds; there they are counted, and broken are the rules that are promised.
    """

    runs: int
    blocks: int
    final: int
    switches: int
    conflicts: int
    broken: tuple[tuple[int, tuple[Breach, ...]], ...]
    found: tuple[Found, ...]


def hunt(wanted: Hunt, progress: Callable[[int, int], None]) -> Result:
    """Return what the hunt found; progress hears (draws done, draws that broke a rule)."""
    blocks = final = switches = conflicts = 0
    broken: list[tuple[int, tuple[Breach, ...]]] = []
    with _outcomes(wanted) as outcomes:
        for n, outcome in enumerate(outcomes):
            blocks, final = blocks + outcome.blocks, final + outcome.final
            switches, conflicts = switches + outcome.switches, conflicts + outcome.broke("I1")
            breaches = tuple(b for b in outcome.breaches if b.invariant in JUDGED[wanted.where])
            if breaches:
                broken.append((n, breaches))
            progress(n + 1, len(broken))
    found = tuple(_shrunk(wanted, n, breaches) for n, breaches in broken[: wanted.shrunk_max])
    return Result(
        runs=wanted.runs, blocks=blocks, final=final, switches=switches, conflicts=conflicts,
        broken=tuple(broken), found=found,
    )  # fmt: skip


def save(found: Found, wanted: Hunt, folder: Path) -> Path:
    """Return the path of the campaign file written for a find."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{wanted.profile}-{wanted.where}-{wanted.seed}-{found.n}.yml"
    path.write_text(found.campaign, encoding="utf-8")
    return path


@contextmanager
def _outcomes(wanted: Hunt) -> Iterator[Iterator[attempt.Outcome]]:
    """The outcomes of all draws in their order."""
    attempt_of, draws = functools.partial(_attempt, wanted), range(wanted.runs)
    if wanted.workers == 1:
        yield map(attempt_of, draws)
        return
    # Ctrl-C reaches the whole terminal: this process hears it and ends its workers.
    deaf = (signal.SIGINT, signal.SIG_IGN)
    with multiprocessing.get_context("spawn").Pool(wanted.workers, signal.signal, deaf) as pool:
        yield pool.imap(attempt_of, draws, chunksize=CHUNK)


def _drawn(wanted: Hunt, n: int) -> Draft:
    return draw.HUNTS[wanted.where](wanted.profile, draw.stream(wanted.seed, n))


def _attempt(wanted: Hunt, n: int) -> attempt.Outcome:
    return attempt.run(draw.text(_drawn(wanted, n)))


def _shrunk(wanted: Hunt, n: int, breaches: tuple[Breach, ...]) -> Found:
    invariant = breaches[0].invariant

    def fails(draft: Draft) -> bool:
        try:
            return attempt.run(draw.text(draft)).broke(invariant)
        except (CampaignError, PlanError):
            return False

    small = smallest(_drawn(wanted, n), fails)
    small = {**small, "title": f"{invariant} broken, as a hunt found it"}
    small["expect"] = {"always": [NAMES[invariant]]}
    note = (
        f"# Found by: slotlab fuzz --profile {wanted.profile} --where {wanted.where}"
        f" --seed {wanted.seed} (draw {n}), then made smaller.\n"
        f"# {breaches[0].text}\n"
        "# Again: slotlab run THIS_FILE --lab sim\n"
    )
    return Found(n=n, breaches=breaches, campaign=note + draw.text(small))
