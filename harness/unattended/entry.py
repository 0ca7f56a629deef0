"""One campaign of a queue: what its run is to be, and how far it is. Values only."""

from pathlib import Path
from typing import Literal

import msgspec

from metrics.model.plan import SIM

State = Literal["waiting", "running", "ended", "cancelled"]
OVER: tuple[State, ...] = ("ended", "cancelled")


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator asked for, then how it is.

    file: our own copy of the campaign, "" of a run that was begun before. inventory: "" is the
    simulator. folder: where the operator was. notify: the words of a command. batch: the number of
    the first entry that was added together with this one.
    run: the folder of its run, from the moment that it begins. cancel: it shall end. tries: drivers
    that ended without a report since a trial was sealed, sealed: how many trials were by then.
    status, verdict, why: how it ended; the exit status of the run, its verdict if it is reported.
    """

    campaign: str
    runs: str
    folder: str
    n: int = 0
    file: str = ""
    inventory: str = ""
    limit: str = ""
    only: list[str] = []
    seed: int | None = None
    environment: dict[str, str] = {}
    notify: list[str] = []
    batch: int = 0
    stop_on_failure: bool = False
    state: State = "waiting"
    run: str = ""
    cancel: bool = False
    tries: int = 0
    sealed: int = 0
    status: int = 0
    verdict: str = ""
    why: str = ""

    @property
    def lab(self) -> str:
        """Return what it runs on, as an operator writes it."""
        return self.inventory or f"--lab {SIM}"

    def words(self) -> list[str]:
        """Return the words of `slotlab` that begin its run, or go on with it where it was begun."""
        where = ["-i", self.inventory] if self.inventory else ["--lab", SIM]
        only = [f"--only={each}" for each in self.only]
        if (Path(self.run) / "plan.json").exists():
            return ["run", "--resume", self.run, *where, *only]
        words = ["run", self.file, "--runs", self.runs, "--folder", Path(self.run).name, *where]
        words += [f"--limit={self.limit}"] if self.limit else []
        words += [f"--seed={self.seed}"] if self.seed is not None else []
        return [*words, *only]
