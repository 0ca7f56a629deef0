"""The fault catalogue: each row of the specification and the campaign or test that covers it.

A test here keeps the table honest: what it names exists.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAIN, EOSIO, SHARES = "unit/node_chain/", "unit/node_eosio/", "unit/node_bitshares/"
LATER = "later: "
"""What belongs to an issue that is not built yet, and says so."""

CATALOGUE: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("late last block at a handoff", (
        "campaign late_handoff", "vectors/consensus/late_last_block.txt")),
    2: ("the same by timing profile", (
        "campaign late_handoff",
        "sim/test_campaigns.py::test_a_campaign_shows_how_late_a_hand_over_may_be_under_each_timing",
        "sim/test_handover.py::test_a_hand_over_may_be_as_late_as_upstream_bears_and_no_later")),
    3: ("a whole turn missed", ("campaign absent_producers",)),
    4: ("clock skew", (
        "campaign clocks",
        CHAIN + "test_chain.py::test_a_block_seven_seconds_ahead_is_refused_and_one_less_is_not",
        SHARES + "test_c3_slots.py::test_a_block_is_refused_from_two_and_a_half_seconds_ahead_on")),
    5: ("clock jump inside a turn", (
        "campaign clocks",
        "unit/node_timing/test_slots.py::test_within_small_jumps_no_slot_is_missed_or_told_twice")),
    6: ("double production", (
        "campaign liars",
        "sim/test_byzantine.py::"
        "test_double_production_signs_one_slot_twice_and_splits_the_neighbours")),
    7: ("confirming both sides of a split", (
        "campaign liars",
        "sim/test_byzantine.py::"
        "test_ignore_watermark_signs_both_branches_of_a_split_and_both_take_it")),
    8: ("confirming the own block again", (
        EOSIO + "test_a5_transition.py::"
        "test_a_producer_may_not_confirm_its_own_last_block_again_nor_below_it",
        "sim/test_byzantine.py::test_wrong_confirmed_is_refused_or_harmless")),
    9: ("confirming more than the chain has", (
        EOSIO + "test_a5_transition.py::"
        "test_confirming_beyond_the_chains_start_is_refused_where_upstream_wraps",
        "sim/test_byzantine.py::test_wrong_confirmed_is_refused_or_harmless")),
    10: ("split in halves, in a ring, with a bridge", (
        "campaign splits",
        "sim/test_partitions.py::"
        "test_a_shape_is_measured_as_asked_and_blocks_find_the_ways_that_are_left",
        "lab/test_ipv6_data.py::test_flow_faults_act_on_ipv6_and_are_measured")),
    11: ("minority and majority", ("campaign splits", "campaign demo")),
    12: ("split at a handoff: lib before length", ("vectors/consensus/lib_before_length.txt",)),
    13: ("one more killed than can be spared", (
        "campaign absent_producers", "vectors/consensus/recovery_in_one_jump.txt")),
    14: ("restart of all", (
        "campaign restarts", "campaign all_restart", "campaign all_restart_operator",
        "sim/test_all_restart.py::test_a_net_that_restarted_whole_stands_still_and_fails",
        EOSIO + "test_a6_confirmed.py::"
        "test_a_mass_restart_freezes_finality_for_over_a_round_and_more_than_doubles_the_lag")),
    15: ("crash and restart inside a turn", (
        "campaign restarts",
        "process/test_cluster.py::test_kills_at_any_moment_never_sign_a_slot_twice")),
    16: ("long fork switch", ("campaign long_fork",)),
    17: ("an invalid block in the preferred branch", (
        CHAIN + "test_forks.py::"
        "test_a_failed_switch_restores_head_and_state_and_forgets_the_branch",)),
    18: ("withheld blocks released later", (
        "campaign liars", "sim/test_byzantine.py::test_withhold_denies_a_block_and_sends_it_later",
        "sim/test_bad_blocks.py::test_a_block_of_the_past_is_refused_or_known")),
    19: ("old blocks, duplicates, random order", (
        "campaign bad_network",
        "sim/test_bad_blocks.py::test_any_order_with_repeats_leads_to_the_same_chain")),
    20: ("a reference to a lost branch", (
        CHAIN + "test_transactions.py::"
        "test_tapos_wants_the_number_and_the_prefix_of_a_block_of_this_branch",
        SHARES + "test_c10_transactions.py::"
        "test_number_and_prefix_must_belong_to_one_block_of_this_branch")),
    21: ("expired and given again after a fork", (
        "campaign splits",
        CHAIN + "test_forks.py::"
        "test_a_transaction_of_a_lost_branch_waits_again_unless_the_new_branch_has_it")),
    22: ("schedule change during a split", (
        "campaign split_election",
        EOSIO + "test_a7_schedule_change.py::"
        "test_a_change_is_not_final_on_either_side_of_a_split_and_does_not_activate",)),
    23: ("more than a third replaced by the dead", (
        "campaign dead_newcomers",
        EOSIO + "test_a7_schedule_change.py::"
        "test_with_dead_newcomers_no_further_change_can_ever_become_active",)),
    24: ("a smaller schedule keeps the dead", (
        "campaign shrink",
        EOSIO + "test_a5_finality.py::"
        "test_lib_can_go_down_when_a_smaller_schedule_keeps_the_dead",)),
    25: ("a producer's key changes", (
        "campaign key_rotation",
        EOSIO + "test_a9_spare_keys.py::"
        "test_the_new_key_signs_from_the_block_that_the_schedule_has_it",
        EOSIO + "test_a7_schedule_change.py::"
        "test_the_promoting_block_is_signed_under_the_old_schedule_and_the_next_under_the_new")),
    26: ("wrong producer, key, slot, root, parent", (
        CHAIN + "test_chain.py::test_a_block_that_breaks_a_rule_is_refused_with_the_reason",
        "sim/test_byzantine.py::test_an_invalid_block_is_refused_with_the_right_reason",
        SHARES + "test_bad_blocks.py::test_a_crafted_block_is_refused_with_the_right_reason",
        "process/test_strangers.py::test_garbage_frames_are_told_and_stop_nothing")),
    27: ("a good header over bad transactions", (
        CHAIN + "test_chain.py::"
        "test_a_block_with_a_bad_transaction_is_refused_and_leaves_no_trace", "campaign liars")),
    28: ("a flood of forks", (
        "campaign liars",
        "sim/test_byzantine.py::"
        "test_fork_flood_sends_many_good_blocks_for_one_slot_and_finality_clears_them_away",
        "sim/test_bad_blocks.py::test_a_flood_of_bad_blocks_leaves_nothing_behind",
        "sim/test_bad_blocks.py::"
        "test_a_flood_of_good_blocks_for_one_slot_is_bounded_and_loses_nobody")),
    29: ("loss, delay, one way", (
        "campaign bad_network", "campaign long_delays",
        "sim/test_layers.py::test_a_delay_on_top_of_others_is_measured_apart",
        "sim/test_layers.py::"
        "test_a_delay_that_is_another_on_the_way_back_is_measured_each_way",
        "sim/test_layers.py::test_losses_come_in_bursts_and_wrong_bits_are_lost",
        "sim/test_layers.py::test_late_packets_and_a_rate_are_measured",
        "root/fault_agent/test_shapers.py::test_the_share_asked_leaves_twice",
        "lab/test_shapers.py::test_what_is_measured_of_each_kind_is_what_was_asked",
        "sim/test_partitions.py::"
        "test_a_link_that_resets_is_lost_at_once_and_one_that_hangs_is_waited_for",
        "root/fault_agent/test_flows.py::"
        "test_a_reset_tells_whoever_sends_over_the_cut_and_hides_nothing_else",
        "lab/test_silent_fault.py::"
        "test_a_partition_that_a_kernel_did_not_install_makes_the_trial_invalid")),
    30: ("disk full, torn log", (
        "process/test_strangers.py::test_a_full_disk_stops_the_node_with_one_line",
        "unit/node_storage/test_event_log.py::"
        "test_a_torn_tail_costs_one_line_and_shows_as_a_gap",
        "unit/node_storage/test_event_mark.py::"
        "test_whatever_is_lost_of_file_or_mark_shows_as_a_gap_and_no_number_comes_twice")),
    31: ("graphene: participation below a third", ("campaign participation",)),
    32: ("graphene: too long without finality", (
        SHARES + "test_c8_forks.py::test_so_many_blocks_without_finality_halt_the_chain",)),
    33: ("graphene: the interval changes on one branch", (
        "campaign interval_fork",
        "sim/test_parameters.py::"
        "test_by_the_letter_of_s0_a_minority_reverses_the_others_blocks_with_one_of_its_own",
        SHARES + "test_c17_fork_choice.py::"
        "test_a_long_bad_history_decides_nothing_when_either_branch_changed",)),
    34: ("graphene: committee replaced in review", ("campaign deposed_committee",)),
    35: ("graphene: withholding to bend the shuffle", (
        SHARES + "test_c3_slots.py::test_the_second_inside_the_slot_chooses_the_shuffle",
        SHARES + "test_second_implementation.py::"
        "test_withholding_the_last_block_of_a_round_gives_a_choice_of_two_seeds",
        "campaign withheld_reveals",
        "sim/test_ground_reveals.py::test_who_withholds_reveals_has_a_throw_of_a_coin_more_for_each_slot",
        "campaign ground_shuffle",
        "sim/test_ground_shuffle.py::"
        "test_who_ends_a_round_has_a_throw_for_each_time_it_can_choose")),
    36: ("censoring producers", (
        "campaign liars", "campaign censors",
        "sim/test_byzantine.py::test_censor_leaves_transactions_out_and_passes_none_on")),
    37: ("Savanna", (LATER + "another engine",)),
    38: ("a restart in order, a crash loop, a reboot", (
        "campaign processes",
        "sim/test_host_kinds.py::"
        "test_a_node_that_is_restarted_loses_nothing_and_one_that_crashes_may",
        "lab/test_host_kinds.py::test_each_kind_is_measured_as_asked_on_real_hosts")),
    39: ("processors, memory and disk used up, a disk that is full, takes no writes or is slow", (
        "unit/faults_kinds/test_slow_disk.py::"
        "test_a_slow_disk_is_read_back_from_the_cgroup_of_the_node",
        "vm/test_own_kernels.py::"
        "test_a_disk_takes_as_few_writes_as_asked_and_blocks_wait_for_theirs",
        "sim/test_host_kinds.py::"
        "test_a_node_whose_disk_takes_no_more_says_so_signs_nothing_and_comes_back",
        "process/test_disk_fails.py::"
        "test_a_node_that_cannot_write_its_blocks_ends_with_one_line_and_comes_back",
        "lab/test_host_kinds.py::test_each_kind_is_measured_as_asked_on_real_hosts")),
    40: ("a clock that steps to and fro, one whose rate wanders", (
        "sim/test_moving_clocks.py::test_a_moving_clock_is_measured_on_its_path",
        "lab/test_host_kinds.py::test_each_kind_is_measured_as_asked_on_real_hosts")),
    41: ("a real node that lies, where the campaign allows it", (
        "process/test_byzantine.py::"
        "test_double_production_is_received_by_others_and_ends_with_the_file",
        "unit/harness_plan/test_plan_rules.py::"
        "test_a_node_lies_on_hosts_only_where_the_campaign_allows_it",
        "sim/test_host_kinds.py::"
        "test_what_a_node_said_of_its_lies_is_beside_what_others_had_of_them",
        "lab/test_host_kinds.py::test_each_kind_is_measured_as_asked_on_real_hosts")),
    42: ("a delay as it was recorded, losses between zones", (
        "sim/test_traced.py::test_a_delay_follows_its_trace_and_is_measured_over_time",
        "unit/faults_kinds/test_packet_queue.py::"
        "test_packets_are_held_as_long_as_the_trace_says_at_their_time",
        "sim/test_zones.py::"
        "test_what_zones_lose_is_measured_apart_and_a_loss_on_top_by_itself")),
}  # fmt: skip


def names_of(path: Path) -> set[str]:
    """Return the names of the test functions in a file."""
    return {
        node.name for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }  # fmt: skip


@pytest.mark.parametrize("row", CATALOGUE)
def test_what_covers_a_row_exists(row: int) -> None:
    for cover in CATALOGUE[row][1]:
        if cover.startswith("campaign "):
            name = cover.removeprefix("campaign ")
            assert (ROOT / "harness" / "campaigns" / f"{name}.yml").is_file(), cover
        elif not cover.startswith(LATER):
            path, _, test = cover.partition("::")
            assert (ROOT / "tests" / path).is_file(), cover
            assert not test or test in names_of(ROOT / "tests" / path), cover


def test_every_row_is_there_and_only_what_has_no_engine_yet_is_not_covered() -> None:
    assert list(CATALOGUE) == list(range(1, 43))
    later = [row for row, (_, by) in CATALOGUE.items() if all(b.startswith(LATER) for b in by)]
    assert later == [37]


def test_the_readme_names_the_catalogue() -> None:
    assert "tests/sim/test_catalogue.py" in (ROOT / "README.md").read_text()
