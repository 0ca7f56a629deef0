"""What a plan warns of: it can be run, and is probably not what was meant. Pure."""

from collections.abc import Iterator

from harness.campaign import expectations
from harness.campaign.campaign_file import CampaignFile
from harness.notation.units import text_of_ns
from metrics.model.cell_load import asked, peak_milli
from metrics.model.plan import BASELINE, Plan, PlannedCell, PlannedFault, PlannedTrial

LOAD_MAX_BYTES = 1_000_000_000
RAW_MAX_BYTES = 10_000_000_000
GB = 1e9


def warnings(file: CampaignFile, plan: Plan) -> list[str]:
    """Return what is probably not meant, a line each, with its key."""
    found = [f"matrix.{name}: stands for nothing; cells that differ in it alone are alike"
             for name in file.unused]  # fmt: skip
    for cell in plan.cells:
        trials = [trial for trial in plan.trials if trial.cell == cell.n]
        own = [*_short(file, plan.in_cell(cell), trials), *_endless(trials)]
        own += _load(plan.in_cell(cell), cell, len(trials))
        found += [text if len(plan.cells) == 1 else f"{text} ({cell.name})" for text in own]
    if plan.estimate.raw_bytes > RAW_MAX_BYTES:
        found.append(f"{plan.estimate.raw_bytes / GB:.0f} GB of raw events in all")
    return _alike(found)


def _short(file: CampaignFile, plan: Plan, trials: list[PlannedTrial]) -> Iterator[str]:
    """Yield the phases that are judged, and are too short for it."""
    final_ns = plan.prediction.finality_lag_blocks.max * plan.interval_ns
    round_ns = plan.round_blocks * plan.interval_ns
    judged = {BASELINE, *expectations.phases(file.common.expect)}
    judged |= {fault.id for trial in trials for fault in (*trial.faults, *trial.absent)}
    for name in sorted(judged):
        ns = min(_longest_ns(trial, name) for trial in trials)
        if ns == 0 and name == BASELINE:
            yield "there is no baseline: the first fault begins when the warm-up ends"
        elif 0 < ns < max(final_ns, round_ns):
            why = (
                f"a block is final after up to {text_of_ns(final_ns)}"
                if final_ns >= round_ns
                else f"a round takes {text_of_ns(round_ns)}"
            )
            yield f"phase {name} lasts {text_of_ns(ns)}, too short to judge: {why}"


def _longest_ns(trial: PlannedTrial, name: str) -> int:
    """Return how long a phase is at a stretch."""
    return max((p.end_ns - p.start_ns for p in trial.phases if p.name == name), default=0)


def _endless(trials: list[PlannedTrial]) -> Iterator[str]:
    """Yield the faults that keep packets for longer than they last."""
    for trial in trials:
        for fault in trial.faults:
            kept_ns, lasts_ns = _kept_ns(fault), fault.end_ns - fault.at_ns
            if kept_ns >= lasts_ns:
                late, lasts = text_of_ns(kept_ns), text_of_ns(lasts_ns)
                yield f"{fault.id}: {late} late in a fault of {lasts}: nothing sent in it arrives"


def _kept_ns(fault: PlannedFault) -> int:
    """Return how much later packets arrive, as far as that is the fault's strength."""
    keys = [key for key in fault.kind.strength if key.endswith("_ns") and fault.kind.slows]
    return max((int(fault.asked[key]) for key in keys), default=0)


def _load(plan: Plan, cell: PlannedCell, trials: int) -> Iterator[str]:
    """Yield what is wrong with the load: more than blocks have room for, or than anybody keeps."""
    a_second = peak_milli(cell) * cell.size_bytes / 1000
    a_block = a_second * plan.interval_ns / 1e9
    if a_block > plan.max_block_bytes:
        yield (
            f"load: {'at its highest ' if cell.shape else ''}{a_block:.3g} bytes a block, which has"
            f" room for {plan.max_block_bytes}: most of it will be in none"
        )
    in_all = asked(cell, plan.end_ns) * cell.size_bytes * trials
    if in_all > LOAD_MAX_BYTES:
        yield f"load: {in_all / GB:.3g} GB in all"


def _alike(found: list[str]) -> list[str]:
    return list(dict.fromkeys(found))
