"""How long finality takes: what the formula says, and what the chain's own rules do.

The EOSIO figures come from `next_tally`, the BitShares ones from `WitnessState.child`: the code
that nodes run, without a network. Every producer but the silent ones signs every slot of its own.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from faults.model.fault import SECOND_NS
from harness.inspect.eosio import CLOCK
from harness.inspect.explain import check_profile
from harness.inspect.fields import InspectError
from harness.inspect.turns import PRODUCERS_MAX, TURN_MAX, check_range
from node.chain import profiles
from node.chain.bitshares.rules import INTERVAL_S_MAX, Rules
from node.chain.bitshares.witness_state import WitnessState, genesis_state
from node.chain.eosio.finality import (
    MAX_CONFIRM_COUNTS,
    blocks_to_confirm,
    genesis_tally,
    next_tally,
)
from node.chain.genesis import BitsharesRules
from node.chain.model.schedule import ProducerKey, ProducerSchedule
from node.chain.model.slot import SlotClock
from node.chain.model.watermark import Watermark
from node.chain.profile import Finality

START_S = 1_767_225_600
"""When simulated chains begin, 2026-01-01: the same each time, so that results are, too."""
BITSHARES_INTERVAL_S = 5
START_UP_ROUNDS = 3
EOSIO_ROUNDS, BITSHARES_ROUNDS = 7, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. down: so many producers, the last of the schedule, never sign.

    blocks_per_turn: 1 under bitshares; slot_ns: how long a slot is.
    """

    profile: str
    producers: int
    blocks_per_turn: int
    down: int
    slot_ns: int


@dataclass(frozen=True, slots=True)
class Step:
    """A block's number and slot, and the last irreversible number after it."""

    num: int
    slot: int
    lib_num: int


def question(
    profile: str,
    producers: int,
    *,
    blocks_per_turn: int | None = None,
    down: int = 0,
    slot_ns: int | None = None,
) -> Question:
    """Return the question, with the profile's own turn and slot where none is given.

    Raises:
        InspectError: a value is out of range.
    """
    check_profile(profile)
    is_bitshares = profile == "bitshares"
    turn = blocks_per_turn if blocks_per_turn is not None else 1 if is_bitshares else 12
    check_range(producers, 1, PRODUCERS_MAX, "producers")
    check_range(down, 0, producers, "down")
    check_range(turn, 1, TURN_MAX, "blocks-per-turn")
    if is_bitshares and turn != 1:
        raise InspectError("blocks-per-turn: under bitshares a witness has 1 slot at a time")
    default_ns = BITSHARES_INTERVAL_S * SECOND_NS if is_bitshares else CLOCK.slot_ns
    slot_ns = default_ns if slot_ns is None else slot_ns
    check_range(slot_ns, 1, 3600 * SECOND_NS, "slot")
    return Question(
        profile=profile, producers=producers, blocks_per_turn=turn, down=down, slot_ns=slot_ns
    )


def finality(asked: Question) -> dict[str, object]:
    """Return the predicted and simulated lags in blocks after start-up, and seconds as simulated.

    All three are null where finality stops; `verdict` says so in words, with the quorum.
    """
    lag, lags = predicted_lag(asked), simulated_lags(asked)
    blocks = [lag for lag, _ in lags]
    seconds = [slots * asked.slot_ns / SECOND_NS for _, slots in lags]
    return {
        "profile": asked.profile,
        "producers": asked.producers,
        "blocks_per_turn": asked.blocks_per_turn,
        "down": asked.down,
        "quorum": quorum(asked),
        "predicted": None if lag is None else {"min": lag[0], "max": lag[1]},
        "simulated": _summary(blocks),
        "seconds": _summary(seconds),
        "blocks_simulated": len(lags),
        "verdict": _verdict(asked),
    }


def quorum(asked: Question) -> int:
    """Return how many producers must take part for blocks to become final."""
    return _expected(asked).quorum


def predicted_lag(asked: Question) -> tuple[int, int] | None:
    """Return the lowest and highest lag in blocks that plans predict, None when it never ends.

    Silent producers leave it as it is while a quorum is left: it counts blocks, not slots. The
    eosio range is exact; the bitshares one is a bound that many witnesses need rare luck to reach.
    """
    if asked.producers - asked.down < quorum(asked) or _outruns_counts(asked):
        return None
    return _expected(asked).lag_blocks


def _expected(asked: Question) -> Finality:
    return profiles.finality(
        asked.profile, producers=asked.producers, blocks_per_turn=asked.blocks_per_turn
    )


def _outruns_counts(asked: Question) -> bool:
    """Whether even a turn's last block loses its counter before a quorum has confirmed it."""
    age = (quorum(asked) - 2) * asked.blocks_per_turn + 1
    return asked.profile == "eosio" and age >= MAX_CONFIRM_COUNTS


def _verdict(asked: Question) -> str:
    live, needed = asked.producers - asked.down, quorum(asked)
    enough = f"{live} of {asked.producers} sign, {needed} are needed"
    if live < needed:
        return f"never final: {enough}"
    if _outruns_counts(asked):
        return f"never final: nodes count confirmations of {MAX_CONFIRM_COUNTS} blocks only"
    return f"final: {enough}"


def simulated_lags(asked: Question) -> list[tuple[int, int]]:
    """Return (blocks, slots) from each block after start-up to the one that makes it final."""
    live_round = (asked.producers - asked.down) * asked.blocks_per_turn
    since = START_UP_ROUNDS * live_round
    steps = _bitshares_steps(asked) if asked.profile == "bitshares" else _eosio_steps(asked)
    return [lag for num, lag in _lags(steps) if num > since]


def _lags(steps: Iterable[Step]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each final block's number and its lag in blocks and slots."""
    slots: dict[int, int] = {}
    final = 0
    for step in steps:
        slots[step.num] = step.slot
        for num in range(final + 1, step.lib_num + 1):
            if num in slots:  # The genesis block has no lag.
                yield num, (step.num - num, step.slot - slots.pop(num))
        final = max(final, step.lib_num)


def _eosio_steps(asked: Question) -> Iterator[Step]:
    schedule = ProducerSchedule(0, _producers(asked.producers))
    silent = set(schedule.names[asked.producers - asked.down :])
    round_slots = asked.producers * asked.blocks_per_turn
    first = CLOCK.slot_at(START_S * SECOND_NS) // round_slots * round_slots
    tally = genesis_tally(slot=first - 1, schedule=schedule, blocks_per_turn=asked.blocks_per_turn)
    marks: dict[str, Watermark] = {}
    for slot in range(first, first + (START_UP_ROUNDS + EOSIO_ROUNDS) * round_slots):
        name = tally.producer_for(slot).name
        if name in silent:
            continue
        confirmed = blocks_to_confirm(tally.num, tally.lib_num, marks.get(name))
        tally = next_tally(tally, slot, confirmed)
        marks[name] = Watermark(producer=name, num=tally.num, slot=slot)
        yield Step(tally.num, slot, tally.lib_num)


def _bitshares_steps(asked: Question) -> Iterator[Step]:
    interval_s = max(1, min(INTERVAL_S_MAX, asked.slot_ns // SECOND_NS))
    clock = SlotClock(interval_s * SECOND_NS)
    first = clock.slot_at(START_S * SECOND_NS)
    witnesses = _producers(asked.producers)
    rules = Rules(
        witnesses=witnesses,
        clock=clock,
        initial_slot=first - 1,
        genesis_s=START_S // interval_s * interval_s,
        interval_s=interval_s,
        options=BitsharesRules(),
    )
    silent = {producer.name for producer in witnesses[asked.producers - asked.down :]}
    state: WitnessState = genesis_state(rules)
    for slot in range(first, first + BITSHARES_ROUNDS * asked.producers):
        producer = state.producer_for(slot).name
        if not producer or producer in silent:
            continue
        child = state.child(state.draft(slot, None, bytes(20), ()))
        # The number is all of an id that the rules look at here; no signature is made.
        state = child.with_id(child.num.to_bytes(4, "big") + bytes(16))
        yield Step(state.num, slot, state.lib_num)


def _producers(count: int) -> tuple[ProducerKey, ...]:
    """Producers whose names are in order; keys play no part."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return tuple(ProducerKey(f"p{letters[i // 26]}{letters[i % 26]}", b"") for i in range(count))


def _summary(values: list[int] | list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        "min": min(values),
        "max": max(values),
        "mean": round(statistics.fmean(values), 3),
    }
