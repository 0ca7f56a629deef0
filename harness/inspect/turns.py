"""Whose turn it is: the EOSIO producer of a slot, the order of BitShares witnesses."""

from collections.abc import Sequence

from faults.model.fault import SECOND_NS
from harness.inspect.bitshares import witness_number
from harness.inspect.eosio import CLOCK, parse_name
from harness.inspect.fields import InspectError, brief, time_ns
from node.chain.bitshares.witness_schedule import shuffle
from node.chain.encoding.name import name_to_u64
from node.chain.encoding.text import time_text
from node.chain.model.slot import producer_index

PRODUCERS_MAX = 125
"""As many as a header's new_producers may list."""
WITNESSES_MAX = 1001
TURN_MAX = 1000


def eosio_turn(producers: Sequence[str], blocks_per_turn: int, slot: int) -> dict[str, object]:
    """Return who is due in slot, of how many slots that turn is, who comes next.

    Producers take turns in the order of their names' numbers, whatever order they are given in.

    Raises:
        InspectError: a name, the turn or the slot is not possible.
    """
    order = sorted((parse_name(name, "producers") for name in producers), key=name_to_u64)
    if len(set(order)) != len(order) or "" in order:
        raise InspectError(f"producers: a name is empty or there twice: {', '.join(order)}")
    if not 1 <= len(order) <= PRODUCERS_MAX:
        raise InspectError(f"producers: 1 to {PRODUCERS_MAX} are needed, not {len(order)}")
    check_range(blocks_per_turn, 1, TURN_MAX, "blocks-per-turn")
    check_range(slot, 0, (1 << 32) - 1, "slot")
    index = producer_index(slot, len(order), blocks_per_turn)
    first = slot - slot % blocks_per_turn
    return {
        "slot": slot,
        "time": time_text(CLOCK.time_ns(slot)),
        "producer": order[index],
        "position": slot - first,
        "turn": {"first_slot": first, "last_slot": first + blocks_per_turn - 1},
        "next_producer": order[(index + 1) % len(order)],
        "order": order,
    }


def bitshares_order(witnesses: str, head_time: str) -> dict[str, object]:
    """Return the order that a block at head_time, the last of its round, gives the next one.

    witnesses: how many there are, then the order is of positions 0, 1, … among the active
    witnesses ascending by id; or their ids 1.6.N with commas. head_time: ISO, or s since 1970.

    Raises:
        InspectError: one of both is not possible.
    """
    seconds = _seconds(head_time)
    order: list[int] | list[str]
    if witnesses.isdecimal():
        count = int(witnesses) if len(witnesses) < 9 else WITNESSES_MAX + 1
        check_range(count, 1, WITNESSES_MAX, "witnesses")
        order = list(shuffle(range(count), seconds))
    else:
        numbers = {witness_number(name.strip(), "witnesses") for name in witnesses.split(",")}
        if len(numbers) != witnesses.count(",") + 1:
            raise InspectError(f"witnesses: an id is there twice: {witnesses}")
        order = [f"1.6.{number}" for number in shuffle(sorted(numbers), seconds)]
    return {"head_time": seconds, "order": order}


def check_range(value: int, least: int, most: int, what: str) -> None:
    """Check that least <= value <= most.

    Raises:
        InspectError: it is not; what is the option to name.
    """
    if not least <= value <= most:
        raise InspectError(f"{what}: {least} to {most} is possible, not {value}")


def _seconds(head_time: str) -> int:
    if head_time.isdecimal() and len(head_time) < 12:
        seconds = int(head_time)
    else:
        wall_ns = time_ns(head_time, "head-time")
        if wall_ns % SECOND_NS:
            raise InspectError(f"head-time: {brief(head_time)} is not on a full second")
        seconds = wall_ns // SECOND_NS
    check_range(seconds, 0, (1 << 32) - 1, "head-time")
    return seconds
