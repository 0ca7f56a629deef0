"""What simulated trials of the same campaign showed before the run, beside what the run showed.

The band of a figure is from the least to the greatest of the simulated trials. It is written before
the first trial, with a digest, so that nobody can fit it to what was measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from metrics.model.method import Method
from metrics.model.plan import WARMUP, Plan
from metrics.model.run_folder import Band, CellBands, Foreseen, PredictionFile, TrialFile
from metrics.results.trial_figures import Figure


def of_figures(
    plan: Plan, figures: Mapping[int, Mapping[str, Mapping[str, Figure]]], *, written_ns: int
) -> PredictionFile:
    """Return the prediction that simulated trials make: the figures of each, by number and phase.

    A figure that not all trials of a cell have is none.
    """
    cells = []
    for cell in plan.cells:
        own = [figures[trial.n] for trial in plan.trials
               if trial.cell == cell.n and trial.n in figures]  # fmt: skip
        if own:
            shared = {name: _bands([trial[name] for trial in own]) for name in own[0]
                      if name != WARMUP and all(name in trial for trial in own)}  # fmt: skip
            cells.append(CellBands(cell=cell.n, params=cell.params, phases=shared))
    found = Foreseen(campaign=plan.campaign, seed=plan.seed, written_ns=written_ns, cells=cells)
    return PredictionFile(sha256=_digest(found), foreseen=found)


def _bands(trials: Sequence[Mapping[str, Figure]]) -> dict[str, Band]:
    return {
        path: _band([trial[path][0] for trial in trials])
        for path in trials[0]
        if all(path in trial for trial in trials)
    }


def _band(values: Sequence[float | None]) -> Band:
    known = [float(value) for value in values if value is not None]
    high = max(known) if len(known) == len(values) else None
    return Band(low=min(known, default=None), high=high, n=len(values))


def _digest(found: Foreseen) -> str:
    return sha256(msgspec.json.encode(found, order="sorted")).hexdigest()


def beside(
    file: PredictionFile, cells: Sequence[Mapping[str, Any]], trials: Sequence[TrialFile]
) -> dict[str, Any]:
    """Return the prediction beside the cells of a summary.

    {sha256, intact: whether that is its digest, before: whether each trial began after it was
    written, rows: [{cell, params, phase, figure, band: [low, high], n, trials: [[number, value,
    low, high, inside]]}]}; inside: the error of the trial's figure reaches the band.
    """
    found = file.foreseen
    return {
        "sha256": file.sha256,
        "intact": _digest(found) == file.sha256,
        "written_ns": found.written_ns,
        "before": all(trial.started_ns >= found.written_ns for trial in trials),
        "rows": [row for own in found.cells for row in _rows(own, cells)],
    }


def _rows(own: CellBands, cells: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    cell = next((cell for cell in cells if cell["params"] == own.params), None)
    for phase, bands in own.phases.items() if cell else ():
        for path, band in bands.items():
            trials = [
                [trial["n"], *figure, _inside(figure, band)]
                for trial in cell["trials"]
                if (figure := trial["figures"].get(phase, {}).get(path)) is not None
            ] if cell else []  # fmt: skip
            if trials:
                about = {"cell": own.cell, "params": own.params, "phase": phase, "figure": path}
                yield {**about, "band": [band.low, band.high], "n": band.n, "trials": trials}


def _inside(figure: Figure, band: Band) -> bool:
    value, low, high = figure
    if value is None or low is None or high is None:
        return band.high is None
    least = float("inf") if band.low is None else band.low
    most = float("inf") if band.high is None else band.high
    return low <= most and high >= least


METHOD = Method(
    name="Prediction by the simulator",
    figures=("prediction.simulated",),
    formula="Before the run so many trials of each cell are simulated, of the same campaign, hosts "
    "and seed. The band of a figure is from the least to the greatest of theirs; of n that could "
    "as well be the lab's, a next one lies within in (n − 1)/(n + 1) of all cases. Inside: the "
    "error of a trial's own figure reaches the band.",
    left_out="Figures that not all simulated trials have, or no trial of the lab has; warm-up.",
    assumes="prediction.json is as it was written: its digest is told there, as the run begins, "
    "and in the report. Machines, disks and networks are those of the simulator's model.",
)
