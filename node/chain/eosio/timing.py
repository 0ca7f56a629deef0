"""When in its slot a block is built, finished, signed and sent: habits of three implementations.

A block is labelled with the end of its slot, so that 0 is exactly at its time.
"""

from node.chain.model.windows import Timing, scaled


def early_ns(
    timing: Timing, slot_ns: int, blocks_per_turn: int, last_block_ns: int
) -> tuple[int, ...]:
    """Return how long before its time a block is finished, by position in the turn.

    fio: at its time, but the last of a turn last_block_ns before. eosio2: 100 ms before (80 %
    effort), the last last_block_ns, if that is more. leap: blocks of a turn come ever earlier, so
    that the last one is out last_block_ns before its time.

    Source:
        eosio and leap plugins/producer_plugin/producer_plugin.cpp, calculate_block_deadline and
        produce_block_offset.
    """
    match timing:
        case "fio":
            return (0,) * (blocks_per_turn - 1) + (last_block_ns,)
        case "eosio2":
            normal = scaled(100, slot_ns)
            return (normal,) * (blocks_per_turn - 1) + (max(normal, last_block_ns),)
        case "leap":
            return tuple(last_block_ns * (i + 1) // blocks_per_turn for i in range(blocks_per_turn))


def begun_ns(timing: Timing, slot_ns: int, early_ns: tuple[int, ...]) -> tuple[int, ...]:
    """Return how long before its time work on a block begins, by position in the turn.

    From then on until it is finished, early_ns before its time, its producer drops what arrives.
    fio: (), a block that comes aborts the own one, which is begun anew on the new head. eosio2: one
    interval before its time. leap: the first of a turn likewise, each other one when the one before
    it is finished.

    Source:
        eosio and leap plugins/producer_plugin/producer_plugin.cpp, on_incoming_block and
        start_block.
    """
    match timing:
        case "fio":
            return ()
        case "eosio2":
            return (slot_ns,) * len(early_ns)
        case "leap":
            return (slot_ns, *(slot_ns + early for early in early_ns[:-1]))
