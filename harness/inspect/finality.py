"""How long finality takes: what the formula says, and what the chain's own rules do.

The figures come from the states that nodes derive, without a network, at the chain's own pace.
Every producer but the silent ones signs every slot of its own.
"""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from faults.model.fault import SECOND_NS
from harness.campaign.act_spec import ANY_KEY
from harness.inspect.explain import check_profile
from harness.inspect.fields import InspectError
from harness.inspect.turns import PRODUCERS_MAX, TURN_MAX, check_range
from node.chain import profiles
from node.chain.genesis import Genesis, GenesisProducer
from node.chain.model.slot import SlotClock
from node.chain.model.watermark import Watermark
from node.chain.profile import Executed, Finality

START_NS = 1_767_225_600 * SECOND_NS
"""When simulated chains begin, 2026-01-01: the same each time, so that results are, too."""
START_UP_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. down: so many producers, the last of the schedule, never sign.

    slot_ns: how long a slot is.
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
    check_profile(profile, tuple(profiles.SYSTEMS))
    system = profiles.SYSTEMS[profile]
    turn = system.blocks_per_turn if blocks_per_turn is None else blocks_per_turn
    check_range(producers, 1, PRODUCERS_MAX, "producers")
    check_range(down, 0, producers, "down")
    check_range(turn, 1, TURN_MAX, "blocks-per-turn")
    if turn != 1 and not system.has_turns:
        raise InspectError(f"blocks-per-turn: under {profile} a witness has 1 slot at a time")
    slot_ns = system.slot_ns if slot_ns is None else slot_ns
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
    expected = _expected(asked)
    is_never = asked.producers - asked.down < expected.quorum or expected.never
    return None if is_never else expected.lag_blocks


def _expected(asked: Question) -> Finality:
    return profiles.SYSTEMS[asked.profile].finality(asked.producers, asked.blocks_per_turn)


def _verdict(asked: Question) -> str:
    live, expected = asked.producers - asked.down, _expected(asked)
    enough = f"{live} of {asked.producers} sign, {expected.quorum} are needed"
    if live < expected.quorum:
        return f"never final: {enough}"
    return f"never final: {expected.never}" if expected.never else f"final: {enough}"


def simulated_lags(asked: Question) -> list[tuple[int, int]]:
    """Return (blocks, slots) from each block after start-up to the one that makes it final."""
    live_round = (asked.producers - asked.down) * asked.blocks_per_turn
    since = START_UP_ROUNDS * live_round
    return [lag for num, lag in _lags(_steps(asked)) if num > since]


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


def _steps(asked: Question) -> Iterator[Step]:
    """Yield the chain's blocks; where the order is one of turns, from the start of a round on."""
    system, names = profiles.SYSTEMS[asked.profile], _names(asked.producers)
    round_slots = asked.producers * asked.blocks_per_turn
    start = SlotClock(system.slot_ns).slot_at(START_NS)
    if system.has_turns:
        start = start // round_slots * round_slots - 1
    profile = profiles.build(
        Genesis(
            profile=asked.profile,
            initial_slot=start,
            slot_ns=system.slot_ns,
            blocks_per_turn=asked.blocks_per_turn,
            producers=[GenesisProducer(name=name, key=ANY_KEY) for name in names],
        )
    )
    silent = set(names[asked.producers - asked.down :])
    state, marks = profile.genesis_state, dict[str, Watermark]()
    nothing = Executed(transaction_mroot=profile.transaction_mroot(()), before=b"", opening=b"")
    for slot in range(start + 1, start + 1 + system.lag_rounds * round_slots):
        name = state.producer_for(slot).name
        if not name or name in silent:
            continue
        header = state.draft(slot, marks.get(name), nothing)
        state = state.child(header).with_id(header.block_id(b""))
        marks[name] = Watermark(producer=name, num=state.num, slot=slot)
        yield Step(state.num, slot, state.lib_num)


def _names(count: int) -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [f"p{letters[i // 26]}{letters[i % 26]}" for i in range(count)]


def _summary(values: list[int] | list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"min": min(values), "max": max(values), "mean": round(statistics.fmean(values), 3)}
