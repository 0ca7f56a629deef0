"""A campaign of twelve cells with two short trials each, for runs that are broken off."""

CAMPAIGN = """
schema: slotlab.campaign/v1
title: twelve cells
seed: 12
chain: {producers: 3, slot: 500ms, blocks_per_turn: 1}
load: {rate: "${rate}"}
trials: {repeat: 2}
warmup: 1s
cooldown: 2s
matrix: {step: [10ms, 20ms, 40ms, 80ms], rate: [1/s, 2/s, 4/s]}
timeline:
  - {at: 2s, for: 2s, fault: clock_step, on: one, by: "${step}"}
"""
