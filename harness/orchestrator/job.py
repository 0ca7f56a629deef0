"""What a command is to run: a campaign from its beginning, or what is left of a run.

Which trials are left is said by their seals alone, never by a clock. What there is of a trial that
did not end is put aside, and the trial is run again as it was planned. A run goes on only with what
its trials were made by: the same campaign, plan and code.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from harness.campaign import campaign_file
from harness.campaign.campaign_file import CampaignFile
from harness.controller import seals, store
from harness.controller.console import Show
from harness.controller.store import RunFolder
from harness.errors import UsageError
from harness.plan import planner, selection
from harness.plan.planner import LabView
from metrics.model.plan import Plan, PlannedTrial, encode
from metrics.model.run_folder import load_json, load_plan

REPORTED = ("summary.json", "summary.md", "junit.xml", "report.html")
"""What is not true any more once a trial is run again; the summary is written last."""
RESUMED = "resumed.jsonl"
"""A line each time that a run went on: by whom, and what was put aside, why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the operator asked for, whoever makes the hosts; resume: a run instead of a campaign.

    folder: the name of a new run's folder, "" for one of the time that it begins.
    """

    campaign: str = ""
    runs: Path = store.ROOT
    seed: int | None = None
    only: tuple[str, ...] = ()
    resume: str = ""
    add_repeats: int = 0
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that was begun: its folder, and the plan of all trials it has so far."""

    folder: RunFolder
    plan: Plan

    def refuse_other(self, planned: Plan) -> None:
        """Refuse to go on where a trial would be planned otherwise now, or be made by other code.

        Raises:
            UsageError: one line with what is another, and the remedy.
        """
        first = planned.trials[: len(self.plan.trials)]
        now = msgspec.structs.replace(planned, trials=first, estimate=self.plan.estimate)
        if encode(now) != encode(self.plan):
            others = [
                name
                for name in Plan.__struct_fields__
                if getattr(now, name) != getattr(self.plan, name)
            ]
            raise self.refusal(f"it would be planned otherwise now ({', '.join(others)})")
        found = store.provenance(self.plan.seed)["code"]
        known = self.provenance.get("code")
        rooms = store.MAKES_TRIALS if planned.simulated else ("harness/plan",)
        for room in rooms:
            if not isinstance(known, dict) or known.get(room) != found[room]:
                raise self.refusal(f"{room} is not the code that made its trials")

    def refuse_other_hosts(self, versions: Mapping[str, str]) -> None:
        """Refuse hosts that have another version of ours than the run's trials were made by.

        Raises:
            UsageError: one line with the host and the remedy.
        """
        lab = load_json(self.folder.path / "lab.json")
        hosts = lab.get("hosts", []) if isinstance(lab, dict) else []
        known = {each.get("host"): each.get("version") for each in hosts if isinstance(each, dict)}
        for host, version in versions.items():
            if known.get(host) != version:
                raise self.refusal(
                    f"{host} runs version {version}, its trials were made by {known.get(host)}"
                )

    def refusal(self, why: str) -> UsageError:
        """Return the one line that says why this run cannot go on, and what can be done."""
        git = self.provenance.get("git")
        commit = str(git.get("commit") or "")[:12] if isinstance(git, dict) else ""
        code = f" of commit {commit}" if commit else ""
        return UsageError(
            f"{self.folder.path}: {why}, so that trials old and new could not be compared; go on"
            f" with the campaign, hosts and code{code} that it was begun with, or begin a new run"
        )

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Return what the run came from, as far as it is known."""
        found = load_json(self.folder.path / "provenance.json")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A campaign and the trials of it to be run; begun None: of a new run, in that folder."""

    file: CampaignFile
    seed: int
    runs: Path
    only: tuple[str, ...] = ()
    added: int = 0
    begun: Begun | None = None
    folder: str = ""

    def limit(self, given: str) -> str:
        """Return which hosts of the inventory it is for: a run that was begun keeps its own.

        Raises:
            UsageError: others are given for that.
        """
        if self.begun is None:
            return given
        if given:
            raise UsageError("--limit: a run goes on with its own hosts; leave --limit out")
        return ",".join(host.host for host in self.begun.plan.hosts)

    def drafted(self, view: LabView) -> Plan:
        """Return the plan on a lab, whose hosts may not have been asked yet.

        Raises:
            PlanError: it cannot be run there.
            UsageError: a trial that is asked for is not in it.
        """
        plan = planner.build(self.file, view, seed=self.seed, added=self.added)
        selection.chosen(plan, self.only)
        return plan

    def planned(self, view: LabView) -> Plan:
        """Return the plan on a lab as it is to be run.

        Raises:
            PlanError, UsageError: as `drafted` does, or the run cannot go on there.
        """
        plan = self.drafted(view)
        if self.begun is not None:
            self.begun.refuse_other(plan)
        return plan

    @property
    def whole(self) -> bool:
        """Return whether nothing of a run that was begun is left to be run."""
        if self.begun is None:
            return False
        plan = self.begun.plan
        repeats = self.file.common.trials.repeat + self.added
        return repeats * len(plan.cells) == len(plan.trials) and not self.left(plan)

    def left(self, plan: Plan) -> dict[int, str]:
        """Return why each trial that is asked for has still to be run, by its number, in order.

        Raises:
            UsageError: a sealed trial is of another plan.
        """
        trials = selection.chosen(plan, self.only)
        if self.begun is None:
            return {trial.n: "it was never begun" for trial in trials}
        try:
            lacks = {t.n: seals.lack(self.begun.folder.path, plan, t) for t in trials}
        except seals.OtherPlan as error:
            raise self.begun.refusal(f"plan.json was changed: {error}") from error
        return {n: why for n, why in lacks.items() if why}

    @contextlib.contextmanager
    def opened(
        self, plan: Plan, lab: Mapping[str, Any], show: Show
    ) -> Iterator[tuple[RunFolder, list[PlannedTrial]]]:
        """Yield the run's folder, held, and the trials to be run, nothing of which is left in it.

        Raises:
            LockError: another process is running it.
            StoreError: it cannot be written.
        """
        if self.begun is None:
            folder = store.create(
                plan, campaign=self.file.text, beside=self.file.beside, resolved=self.file.resolved,
                lab=lab, root=self.runs, name=self.folder or store.new_name(),
            )  # fmt: skip
        else:
            folder = self.begun.folder
        with folder.held():
            left = self.left(plan)
            if self.begun is not None:
                store.check_space(
                    self.runs, plan.estimate.raw_bytes * len(left) // len(plan.trials)
                )
                added = len(plan.trials) > len(self.begun.plan.trials)
                _go_on(folder, plan, lab, left, show, added=added)
            yield folder, [trial for trial in plan.trials if trial.n in left]


def job_of(options: RunOptions) -> Job:
    """Return what the options ask for.

    Raises:
        OperatorError: there is no such campaign or run, or both are given and do not fit.
    """
    if not options.resume:
        if options.add_repeats:
            raise UsageError("--add-repeats: name the run that gets them with --resume RUN")
        file = campaign_file.load(campaign_file.find(options.campaign))
        if options.folder and not store.NAME.fullmatch(options.folder):
            raise UsageError(f"--folder {options.folder}: no run is called so; leave it out")
        seed = file.common.seed if options.seed is None else options.seed
        return Job(
            file=file, seed=seed, runs=options.runs, only=options.only, folder=options.folder
        )
    folder = store.find(options.resume, options.runs)
    plan = load_plan(folder.path)
    begun = Begun(folder=folder, plan=plan)
    file = campaign_file.load(folder.path / "campaign.yml")
    file = replace(file, name=plan.campaign)
    if options.campaign:
        given = campaign_file.load(campaign_file.find(options.campaign))
        if given.cells != file.cells:
            raise begun.refusal(f"{options.campaign} is not its campaign.yml")
    if options.seed not in (None, plan.seed):
        raise begun.refusal(f"--seed {options.seed} is not its seed {plan.seed}")
    repeats = len(plan.trials) // len(plan.cells) + options.add_repeats
    return Job(
        file=file,
        seed=plan.seed,
        runs=folder.path.parent.parent,
        only=options.only,
        added=repeats - file.common.trials.repeat,
        begun=begun,
    )


def finished(job: Job) -> str:
    """Return what is said of a run of which nothing is left to do, "" where something is."""
    if job.begun is None or not job.whole:
        return ""
    path, n = job.begun.folder.path, len(selection.chosen(job.begun.plan, job.only))
    if not (path / REPORTED[0]).exists():
        return ""
    return f"{path}: nothing to do: {n} of {n} trial(s) ran to their end, and are reported"


def how_to_go_on(path: Path) -> str:
    """Return the words that say by which command a run goes on."""
    return f"go on with: slotlab run --resume {path}"


def _go_on(
    folder: RunFolder,
    plan: Plan,
    lab: Mapping[str, Any],
    left: Mapping[int, str],
    show: Show,
    *,
    added: bool,
) -> None:
    """Put aside what there is of the trials that are run again, and what was made of all of them.

    added: the plan has new trials. It is written first: whatever happens then, they are left.
    """
    if added:
        folder.write_plan(plan)
    for name in REPORTED:
        (folder.path / name).unlink(missing_ok=True)
    aside = {}
    for n, why in left.items():
        kept = folder.put_aside(n)
        if kept is not None:
            aside[n] = {"why": why, "kept": str(kept.relative_to(folder.path))}
            show.step(f"trial {n}: {why}; it is kept in {aside[n]['kept']} and run again")
    line = {"aside": aside, "left": list(left), "lab": lab, **store.provenance(plan.seed)}
    folder.add_line(RESUMED, line)
    show.step(f"{folder.path}: going on with {len(left)} of {len(plan.trials)} trial(s)")
