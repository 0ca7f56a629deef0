"""Commands that explain chain data offline: inspect header, block, schedule, finality, election.

Numbers come in as text, so that a wrong one is one line like every other mistake.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import AsJson
from harness.inspect.election import elect
from harness.inspect.explain import check_profile, inspect_block, inspect_header
from harness.inspect.fields import InspectError
from harness.inspect.finality import finality, question
from harness.inspect.turns import bitshares_order, eosio_turn
from harness.notation import units
from harness.notation.yaml_strict import BadYamlError, parse_yaml

File = Annotated[str, typer.Argument(metavar="FILE|-", help="JSON as public APIs print it.")]
Profile = Annotated[str, typer.Option("--profile", help="eosio or bitshares.")]
Text = str | None
Options = Mapping[str, Text]
Turn = Annotated[Text, typer.Option("--blocks-per-turn", metavar="R", help="eosio: default 12.")]


def header(file: File, profile: Profile = "eosio", as_json: AsJson = False) -> None:
    _print(_explain(file, profile, inspect_header), as_json=as_json)


def block(file: File, profile: Profile = "eosio", as_json: AsJson = False) -> None:
    _print(_explain(file, profile, inspect_block), as_json=as_json)


def schedule(
    profile: Profile = "eosio",
    producers: Annotated[Text, typer.Option(metavar="A,B,C", help="eosio: their names.")] = None,
    blocks_per_turn: Turn = None,
    slot: Annotated[
        Text, typer.Option(metavar="S", help="eosio: half seconds since 2000-01-01.")
    ] = None,
    witnesses: Annotated[
        Text, typer.Option(metavar="N", help="bitshares: how many, or ids 1.6.N with commas.")
    ] = None,
    head_time: Annotated[
        Text, typer.Option("--head-time", metavar="T", help="bitshares: ISO time, or s since 1970.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    check_profile(profile)
    options = {
        "producers": producers, "blocks-per-turn": blocks_per_turn, "slot": slot,
        "witnesses": witnesses, "head-time": head_time,
    }  # fmt: skip
    known, explain = _SCHEDULES[profile]
    for name, value in options.items():
        if value is not None and name not in known:
            raise InspectError(f"{name}: has no meaning under {profile}; leave --{name} out")
    _print(explain(options), as_json=as_json)


def _eosio_schedule(options: Options) -> dict[str, object]:
    names = [name.strip() for name in _given(options, "producers").split(",")]
    turn = _whole(options["blocks-per-turn"] or "12", "blocks-per-turn")
    return eosio_turn(names, turn, _whole(_given(options, "slot"), "slot"))


def _bitshares_schedule(options: Options) -> dict[str, object]:
    return bitshares_order(_given(options, "witnesses"), _given(options, "head-time"))


_SCHEDULES: Mapping[str, tuple[tuple[str, ...], Callable[[Options], dict[str, object]]]] = {
    "eosio": (("producers", "blocks-per-turn", "slot"), _eosio_schedule),
    "bitshares": (("witnesses", "head-time"), _bitshares_schedule),
}
"""The options that a profile's schedule is asked with, and what it answers."""


def show_finality(
    profile: Profile = "eosio",
    producers: Annotated[Text, typer.Option(metavar="N", help="How many there are.")] = None,
    blocks_per_turn: Turn = None,
    down: Annotated[Text, typer.Option(metavar="K", help="How many never sign.")] = None,
    slot: Annotated[
        Text, typer.Option(metavar="TIME", help="Like 500ms; default: the profile's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    asked = question(
        profile,
        _whole(_given({"producers": producers}, "producers"), "producers"),
        blocks_per_turn=_optional(blocks_per_turn, "blocks-per-turn"),
        down=_whole(down or "0", "down"),
        slot_ns=None if slot is None else _duration_ns(slot, "slot"),
    )
    _print(finality(asked), as_json=as_json)


def election(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="YAML: candidates, accounts.")],
    profile: Annotated[
        str, typer.Option("--profile", help="eosio or bitshares; default: what the file says.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    found = _read(file, lambda data: elect(parse_yaml(data), profile))
    if as_json:
        _print(found, as_json=True)
        return
    for key, value in found.items():
        each = dict(value) if isinstance(value, Mapping) and key == "reasons" else {}
        by_role = {
            f"{name} ({role})": why
            for role, reasons in each.items()
            if isinstance(reasons, Mapping)
            for name, why in reasons.items()
        }
        _print(by_role or each or {key: value}, as_json=False)


def _explain(
    file: str, profile: str, explain: Callable[[object, str], dict[str, object]]
) -> dict[str, object]:
    check_profile(profile)

    def read(data: bytes) -> dict[str, object]:
        try:
            printed = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise InspectError(f"not JSON: {error}") from error
        return explain(printed, profile)

    return _read(file, read)


def _read(file: str, explain: Callable[[bytes], dict[str, object]]) -> dict[str, object]:
    """Return what explain says of a file; its mistakes name the file."""
    where = "standard input" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InspectError(f"{file}: {error.strerror}; name a file or -") from error
    try:
        return explain(data)
    except BadYamlError as error:
        raise InspectError(error.at(Path(where))) from error
    except InspectError as error:
        raise InspectError(f"{where}: {error}") from error


def _given(options: Options, name: str) -> str:
    value = options[name]
    if value is None:
        raise InspectError(f"{name}: missing; add --{name}")
    return value


def _optional(value: Text, name: str) -> int | None:
    return None if value is None else _whole(value, name)


def _whole(value: str, name: str) -> int:
    if not value.isdecimal() or len(value) > 18:
        raise InspectError(f"{name}: a whole number is needed, not {value!r}")
    return int(value)


def _duration_ns(value: str, name: str) -> int:
    try:
        return units.duration_ns(value, "500ms")
    except ValueError as error:
        raise InspectError(f"{name}: {error}") from error


def _print(found: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for key, value in found.items():
        print(f"{key:18} {_words(value)}")


def _words(value: object) -> str:
    match value:
        case None:
            return "-"
        case Mapping():
            joint = "; " if any(isinstance(item, Mapping) for item in value.values()) else ", "
            return joint.join(f"{key} {_words(item)}" for key, item in value.items()) or "-"
        case list():
            return " ".join(str(item) for item in value) or "-"
    return str(value)
