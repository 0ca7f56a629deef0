"""Bends of what a run's writers told: lines lost, repeated, moved, or never written.

Each function returns a bend: what changes a folder. Times are seconds since T0 on the host's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.unit.metrics_bends.folder import Folder, Line, renumbered

Bend = Callable[[Folder], None]
Keep = Callable[[Line], bool]
BLOCKS = ("produced", "received", "applied", "irreversible")
NEWS = (*BLOCKS, "schedule", "switched")
STAMPS = ("t1_ns", "t2_ns", "t3_ns", "t4_ns")
START_S, END_S = -1e9, 1e9


def together(*bends: Bend) -> Bend:
    """Do one bend after the other."""

    def bend(folder: Folder) -> None:
        for each in bends:
            each(folder)

    return bend


def everywhere(each: Callable[[str], Bend]) -> Bend:
    """Do the bend that each returns for a host to every host."""

    def bend(folder: Folder) -> None:
        for host in folder.hosts:
            each(host)(folder)

    return bend


def lines(host: str, change: Callable[[list[Line]], Iterable[Line]]) -> Bend:
    """Put what change makes of a host's lines in their place."""
    return lambda folder: folder.write(host, change(folder.lines(host)))


def nothing(folder: Folder) -> None:
    """Leave the folder as it is."""


def lost(
    host: str, *kinds: str, after: float = START_S, before: float = END_S, role: str | None = None,
    count: int = 10**9, numbered: bool = False, where: Keep = lambda line: True,
) -> Bend:  # fmt: skip
    """Lose a host's lines of these kinds (none: of all) written then, of all writers or of one.

    numbered: the others are numbered anew, as if the lost ones had never been written.
    """

    def bend(folder: Folder) -> None:
        at = folder.clock(host)
        kept, gone = [], 0
        for line in folder.lines(host):
            meant = (not kinds or line["kind"] in kinds) and after <= at(line) < before
            meant = meant and role in (None, role_of(line)) and where(line)
            if meant and gone < count:
                gone += 1
            else:
                kept.append(line)
        folder.write(host, renumbered(kept) if numbered else kept)

    return bend


def role_of(line: Line) -> str:
    """Return which of a host's writers wrote the line."""
    return str(line["node"][len(line["host"]) + 1 :] or "node")


def edited(
    host: str, kind: str, change: Callable[[Line], dict[str, Any]], *, after: float = START_S,
    before: float = END_S, role: str | None = None, count: int = 10**9,
) -> Bend:  # fmt: skip
    """Change fields of a host's lines of a kind written then: the first so many of them."""

    def bend(folder: Folder) -> None:
        at, left = folder.clock(host), count
        own = folder.lines(host)
        for line in own:
            meant = line["kind"] == kind and role in (None, role_of(line))
            if meant and left and after <= at(line) < before:
                line |= change(line)
                left -= 1
        folder.write(host, own)

    return bend


def emptied(after: float, *, of: str) -> Bend:
    """Leave a producer's slots after a moment without blocks, as if it had never signed them.

    What was built on them is built on what came before; nothing is lost of the record.
    """

    def bend(folder: Folder) -> None:
        told = {host: folder.lines(host) for host in folder.hosts}
        due = _slot_at(folder, after)
        gone = {
            x["id"]: x["previous"] for x in every(told, "applied")
            if x["slot"] >= due and x["producer"] == of
        }  # fmt: skip
        for host, own in told.items():
            kept = [x for x in own if x["kind"] not in BLOCKS or x["id"] not in gone]
            for line in kept:
                while line["kind"] == "applied" and line["previous"] in gone:
                    line["previous"] = gone[line["previous"]]
            folder.write(host, renumbered(kept))

    return bend


def halted(after: float) -> Bend:
    """Let nobody have signed or finalized a block from a moment on, and every node have gone on."""

    def bend(folder: Folder) -> None:
        due = _slot_at(folder, after)
        told = {host: folder.lines(host) for host in folder.hosts}
        last = max(x["num"] for x in every(told, "applied") if x["slot"] < due)
        for host in folder.hosts:
            at = folder.clock(host)
            final = [x for x in told[host] if x["kind"] == "irreversible" and at(x) < after]
            lib = max((x["num"] for x in final), default=1)
            kept = [
                x for x in told[host]
                if at(x) < after or (x["kind"] not in NEWS and not _told_by_node(x))
            ]  # fmt: skip
            for line in kept:
                if line["kind"] == "slot_due" and at(line) >= after:
                    line |= {"head_num": min(line["head_num"], last), "lib_num": lib}
                if line["kind"] == "started" and line.get("resumed_num"):
                    line["resumed_num"] = min(line["resumed_num"], last)
                    line["resumed_lib"] = min(line["resumed_lib"], lib)
            folder.write(host, renumbered(kept))

    return bend


def _told_by_node(line: Line) -> bool:
    return line["kind"] == "txs" and role_of(line) == "node"


def every(told: dict[str, list[Line]], kind: str) -> Iterator[Line]:
    """Yield the lines of a kind of all hosts."""
    return (line for own in told.values() for line in own if line["kind"] == kind)


def _slot_at(folder: Folder, t_s: float) -> int:
    slot_ns = folder.json("plan.json")["slot_ns"]
    genesis: int = folder.json("trials/1/trial.json")["genesis_slot"]
    return genesis + 1 + int(t_s * 1e9) // int(slot_ns)


def unanswered(peer: str, *, own: bool = False) -> Bend:
    """Leave all clock probes to a host without an answer, as a filtered port does; own: its too."""

    def silent(line: Line) -> dict[str, Any]:
        lost_one = line["flow"] == "clock" and (line["peer"] == peer or (own and of(line, peer)))
        return given_up() if lost_one else {}

    return everywhere(lambda host: edited(host, "probe", silent))


def of(line: Line, host: str) -> bool:
    """Return whether the host wrote the line."""
    return bool(line["host"] == host)


def given_up() -> dict[str, Any]:
    """Return the fields of a burst without any answer."""
    return {"received": 0, "rtts_ns": [], "peer_boot": "", **dict.fromkeys(STAMPS, 0)}


def asymmetric(host: str, by_s: float) -> Bend:
    """Let every clock probe take so much longer on its way to the host, not on its way back."""
    ns = round(by_s * 1e9)

    def slower(line: Line) -> dict[str, Any]:
        if line["flow"] != "clock" or not line["received"]:
            return {}
        longer = {"rtts_ns": [rtt + ns for rtt in line["rtts_ns"]], "t4_ns": line["t4_ns"] + ns}
        if line["peer"] == host:
            return longer | {key: line[key] + ns for key in ("t2_ns", "t3_ns")}
        return longer if line["host"] == host else {}

    return everywhere(lambda each: edited(each, "probe", slower))


def other_clock(host: str, reading: Callable[[int], int]) -> Bend:
    """Let the host's raw clock have read otherwise all along, in every file that holds it."""

    def own(line: Line) -> Line:
        return line | {"mono_ns": reading(line["mono_ns"])} | stamped(line, ("t1_ns", "t4_ns"))

    def stamped(line: Line, keys: Iterable[str]) -> dict[str, Any]:
        return {key: reading(line[key]) for key in keys if line.get(key)}

    def bend(folder: Folder) -> None:
        folder.write(host, [own(line) for line in folder.lines(host)])
        for other in folder.hosts:
            told = folder.lines(other)
            for line in told:
                if line["kind"] == "probe" and line["peer"] == host:
                    line |= stamped(line, ("t2_ns", "t3_ns"))
            folder.write(other, told)
        journal = folder.journal(host)
        for record in journal:
            record["mono_ns"] = reading(record["mono_ns"])
            if "t0_mono_ns" in (record["read_back"] or {}):
                record["read_back"]["t0_mono_ns"] = reading(record["read_back"]["t0_mono_ns"])
        folder.write_journal(host, journal)

    return bend


def later(host: str, *kinds: str, by_s: float, after: float = START_S, before: float = END_S,
          where: Keep = lambda line: True) -> Bend:  # fmt: skip
    """Let a host have written its lines of these kinds later (or earlier) by both clocks."""
    ns = round(by_s * 1e9)

    def moved(line: Line) -> dict[str, Any]:
        if not where(line):
            return {}
        return {"mono_ns": line["mono_ns"] + ns, "wall_ns": line["wall_ns"] + ns}

    moves = (edited(host, kind, moved, after=after, before=before) for kind in kinds)
    return together(*moves, lines(host, in_order))


def held_back(host: str, after: float, until: float) -> Bend:
    """Let nothing have become final at a host for a while, and all of it at once at its end."""

    def bend(folder: Folder) -> None:
        at = folder.clock(host)
        own = folder.lines(host)
        late = [x for x in own if x["kind"] == "irreversible" and after <= at(x) < until]
        for place, line in enumerate(late):
            ns = round((until - at(line)) * 1e9) + place
            line |= {key: line[key] + ns for key in ("mono_ns", "wall_ns")}
        before = [x["num"] for x in own if x["kind"] == "irreversible" and at(x) < after]
        for line in own:
            if line["kind"] == "slot_due" and after <= at(line) < until:
                line["lib_num"] = max(before)
        folder.write(host, in_order(own))

    return bend


def in_order(own: list[Line]) -> Iterator[Line]:
    """Yield lines as their writers write them: in the order of their stamps, numbered so."""
    return renumbered(sorted(own, key=lambda line: (line["boot"], line["mono_ns"])))


def restarted(host: str, at: float) -> Bend:
    """Let the host's node have started once more at a moment."""

    def change(own: list[Line], clock: Callable[[Line], float]) -> Iterator[Line]:
        first = next(line for line in own if line["kind"] == "started" and role_of(line) == "node")
        due = next(line for line in own if line["kind"] == "slot_due" and clock(line) >= at)
        stamps = {key: due[key] for key in ("wall_ns", "mono_ns")}
        resumed = {"resumed_num": due["head_num"], "resumed_lib": due["lib_num"]}
        for line in own:
            yield line
            if line is due:
                yield first | stamps | resumed

    def bend(folder: Folder) -> None:
        folder.write(host, renumbered(change(folder.lines(host), folder.clock(host))))

    return bend


def gathered(host: str) -> Bend:
    """Have a host's writers tell of transactions together that they told of one after the other."""

    def change(own: list[Line]) -> Iterable[Line]:
        kept: list[Line] = []
        for line in own:
            if line["kind"] == "txs" and kept and _said(line) == _said(kept[-1]):
                kept[-1]["ids"] += line["ids"]
            else:
                kept.append(line)
        assert len(kept) < len(own)
        return renumbered(kept)

    return lines(host, change)


def _said(line: Line) -> Line:
    """What a line says but for when, and of whom."""
    own = ("ids", "seq", "wall_ns", "mono_ns")
    return {name: value for name, value in line.items() if name not in own}


def counted(host: str, units: int) -> Bend:
    """Let a host's node have told, as it ended, of so many units that there are."""

    def bend(folder: Folder) -> None:
        own = []
        for line in folder.lines(host):
            if line["kind"] == "stopped" and role_of(line) == "node":
                fields = {"kind": "supply", "num": 2, "id": "f" * 64, "issued": 0}
                own.append({**line, **fields, "held": {"accounts": units}})
            own.append(line)
        folder.write(host, renumbered(own))

    return bend


def put_again(place: int, *, after: int) -> Bend:
    """Let everybody have told of a block, the place-th of those with transactions, that it holds
    the first of them once more that so many such blocks before it held.
    """

    def bend(folder: Folder) -> None:
        told = {host: folder.lines(host) for host in folder.hosts}
        full = {x["num"]: x for x in every(told, "applied") if x["tx_count"]}
        nums = sorted(full)
        first = full[nums[place - after]]["transactions"][0]
        for host, own in told.items():
            for line in own:
                if line["kind"] == "applied" and line["id"] == full[nums[place]]["id"]:
                    line["transactions"] = [*line["transactions"], first]
                    line["tx_count"] += 1
            folder.write(host, own)

    return bend


def taken_out(count: int, *, before: float = END_S, on: str = "") -> Bend:
    """Take the first so many transactions sent by a host's client out of every block."""

    def bend(folder: Folder) -> None:
        at = folder.clock(on)
        sent = [x for x in folder.lines(on) if x["kind"] == "txs" and x["state"] == "sent"]
        gone = {id_[:16] for line in sent if 5 < at(line) < before for id_ in line["ids"]}
        gone = set(sorted(gone)[:count])
        for host in folder.hosts:
            own = folder.lines(host)
            for line in own:
                if line["kind"] == "applied":
                    kept = [id_ for id_ in line["transactions"] if id_[:16] not in gone]
                    line |= {"transactions": kept, "tx_count": len(kept)}
            folder.write(host, own)

    return bend
