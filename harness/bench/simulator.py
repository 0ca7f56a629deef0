"""How much chain time the simulator gets through, beside signing and checking the same.

Two states of this repository compare by the ratios: `slotlab bench --only sim` in a checkout of
each, in turn, with nothing beside it.
"""

import time
from hashlib import sha256
from pathlib import Path

from coincurve import PrivateKey, PublicKey

from harness.bench.row import Row
from harness.campaign import campaign_file
from harness.plan import lab_view, planner
from harness.sim.campaign import world_of

MINUTES = 10
RATE = 20
CAMPAIGN = """
schema: slotlab.campaign/v1
title: nothing happens
seed: 1
chain: {{profile: eosio, producers: {producers}, slot: 500ms, blocks_per_turn: 12}}
load: {{rate: {rate}/s}}
warmup: {minutes}m
cooldown: 1s
timeline: []
"""


def rows() -> list[Row]:
    """Return what an hour of 21 nodes that all see all takes, without and with transactions."""
    return [_row(0, "an hour of chain time"), _row(RATE, f"an hour with {RATE} transactions a s")]


def _row(rate: int, what: str) -> Row:
    text = CAMPAIGN.format(producers=21, minutes=MINUTES, rate=rate)
    file = campaign_file.parse(text, Path("bench.yml"))
    planned = planner.build(file, lab_view.simulated(file))
    world, _ = world_of(planned, planned.trials[0], None, probes=False)
    begun_s = time.process_time()
    world.run(planned.end_ns)
    world.stop()
    took_s = time.process_time() - begun_s
    blocks = planned.end_ns // planned.interval_ns
    hours = planned.end_ns / 3.6e12
    return Row(
        bench="sim", what=f"21 nodes, {what}", unit="s of a processor",
        value=took_s / hours, n=1, floor=_signed(blocks + rate * 60 * MINUTES) / hours,
        floor_is="each block and transaction signed, and recovered once",
    )  # fmt: skip


def _signed(blocks: int) -> float:
    """Return the processor seconds in which so many digests are signed and their keys recovered."""
    key = PrivateKey(sha256(b"bench").digest())
    begun_s = time.process_time()
    for number in range(blocks):
        digest = sha256(number.to_bytes(8, "big")).digest()
        signature = key.sign_recoverable(digest, hasher=None)
        PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return time.process_time() - begun_s
