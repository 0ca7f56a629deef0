"""The fuzz command: hunt for schedules of faults that break the rules, in the simulator."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from harness.controller import store
from harness.controller.console import Show, console_of
from harness.errors import EXIT_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from harness.fuzz.hunt import Hunt, Result

SHOWN_MAX = 10


def fuzz(
    profile: Annotated[str, typer.Option("--profile", help="eosio or bitshares.")] = "eosio",
    runs: Annotated[int, typer.Option("--runs", min=1, help="How many schedules.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same schedules.")] = 1,
    where: Annotated[
        str, typer.Option("--where", help="inside the proven fault bounds, or beyond them.")
    ] = "inside",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 2,
    out: Annotated[Path, typer.Option("--out", help="Folder for campaign files of finds.")] = (
        store.ROOT / "fuzz"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    from harness.fuzz import draw
    from harness.fuzz.hunt import Hunt, hunt, save

    if profile not in draw.PROFILES:
        raise UsageError(f"--profile {profile}: known are {', '.join(draw.PROFILES)}")
    if where not in draw.HUNTS:
        raise UsageError(f"--where {where}: known are {', '.join(draw.HUNTS)}")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: no directory; name another")
    wanted = Hunt(profile=profile, where=where, runs=runs, seed=seed, workers=workers)
    started = time.monotonic()
    show = Show(console_of(stderr=as_json))
    result = hunt(
        wanted, lambda done, broken: show.tick(f"{done} of {runs} schedules, {broken} broke a rule")
    )
    show.quiet()
    paths = [save(found, wanted, out) for found in result.found]
    if as_json:
        print(msgspec.json.encode(_facts(wanted, result, paths)).decode())
    _tell(show.console, result, paths, time.monotonic() - started)
    raise typer.Exit(EXIT_FAILED if result.broken else EXIT_OK)


def _tell(console: Console, result: Result, paths: list[Path], seconds: float) -> None:
    for n, breaches in result.broken[:SHOWN_MAX]:
        for breach in breaches:
            console.print(f"draw {n}: {breach.invariant}: {breach.text}", markup=False)
    for path in paths:
        console.print(f"again:  slotlab run {path} --lab sim", markup=False, soft_wrap=True)
    console.print(
        f"{result.runs} schedules, {result.blocks} blocks, {result.final} final, "
        f"{result.switches} switches of branch; {len(result.broken)} broke a rule,"
        f" {result.conflicts} had conflicting finality; {seconds:.0f} s"
    )


def _facts(wanted: Hunt, result: Result, paths: list[Path]) -> dict[str, Any]:
    broken = [{"n": n, "breaches": breaches} for n, breaches in result.broken]
    return {
        "profile": wanted.profile, "where": wanted.where, "seed": wanted.seed,
        "runs": result.runs, "blocks": result.blocks, "final": result.final,
        "switches": result.switches, "conflicts": result.conflicts, "broken": broken,
        "campaigns": [str(path) for path in paths],
    }  # fmt: skip
