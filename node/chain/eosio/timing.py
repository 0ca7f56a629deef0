"""When in its slot a block is built, finished, signed and sent: habits of three implementations.

A block is labelled with the end of its slot, so that 0 is exactly at its time. Upstream's numbers
belong to slots of 500 ms and are scaled to the chain's.
"""

from typing import Literal

Timing = Literal["fio", "eosio2", "leap"]
UPSTREAM_SLOT_MS = 500


def early_ns(timing: Timing, slot_ns: int, blocks_per_turn: int) -> tuple[int, ...]:
    """Return how long before its time a block is finished, by position in the turn.

    fio: at its time, offsets 0. eosio2: 100 ms before (80 % effort), the last of a turn 200 ms.
    leap: blocks of a turn come ever earlier, so that the last one is out 450 ms before its time.

    Source:
        eosio and leap plugins/producer_plugin/producer_plugin.cpp, calculate_block_deadline and
        produce_block_offset.
    """
    match timing:
        case "fio":
            return (0,)
        case "eosio2":
            normal, last = _scaled(100, slot_ns), _scaled(200, slot_ns)
            return (normal,) * (blocks_per_turn - 1) + (last,)
        case "leap":
            offset_ns = _scaled(450, slot_ns)
            return tuple(offset_ns * (i + 1) // blocks_per_turn for i in range(blocks_per_turn))


def begun_ns(timing: Timing, slot_ns: int, blocks_per_turn: int) -> tuple[int, ...]:
    """Return how long before its time work on a block begins, by position in the turn.

    From then on until it is finished its producer drops what arrives. fio: (), a block that comes
    aborts the own one, which is begun anew on the new head. eosio2: one interval before its time.
    leap: the first of a turn likewise, each other one when the one before it is finished.

    Source:
        eosio and leap plugins/producer_plugin/producer_plugin.cpp, on_incoming_block and
        start_block.
    """
    match timing:
        case "fio":
            return ()
        case "eosio2":
            return (slot_ns,) * blocks_per_turn
        case "leap":
            before = early_ns(timing, slot_ns, blocks_per_turn)[:-1]
            return (slot_ns, *(slot_ns + early for early in before))


def _scaled(upstream_ms: int, slot_ns: int) -> int:
    return upstream_ms * slot_ns // UPSTREAM_SLOT_MS
