"""F1 to F50, what the FIO document asks for (PROTOCOL F.2): each held by a test or out of scope."""

from __future__ import annotations

from tests.requirements.rows import not_held, rows_of

ROWS = """
F1  commits to predecessors    test_a_real_blockroot_comes_out_of_its_subtrees
F2  contracts over the engine  test_the_elected_replace_a_producer_and_the_new_one_produces
F3  two stages, Q of n         test_a_block_requires_two_thirds_of_the_schedule_that_signs_it_plus_one
F4  proposed, then final       test_each_position_is_proposed_and_final_exactly_when_the_formula_says
F5  when changes are signalled test_a_proposal_becomes_pending_in_the_first_block_whose_own_lib_reaches_it
F6  only the scheduled signs   test_a_block_that_breaks_a_rule_is_refused_with_the_reason
F7  changes take two finalities test_it_becomes_active_in_the_first_block_with_the_announcing_block_irreversible
F8  rounds, 12 blocks of 0.5 s test_producers_take_turns_by_absolute_slot
F9  equal power                test_lib_is_the_greatest_number_a_quorum_of_the_tracked_has_implied
F10 voting is always open      test_votes_and_elections_are_what_a_recount_of_what_was_accepted_says
F11 one producer until votes   test_with_initial_system_one_producer_signs_every_slot_until_the_elected_are_active
F12 vote, proxy or auto-proxy  test_a_proxy_votes_with_its_own_and_all_that_is_given_to_it
F13 up to 30 producers         test_what_breaks_a_rule_is_refused_by_name_and_leaves_no_trace
F14 top and standby            test_ranked_by_votes_then_by_registration_and_told_why_the_others_are_not
F15 when totals are checked    test_a_check_comes_in_the_child_of_the_first_block_so_many_slots_after_the_last
F16 sorted by name             test_the_first_check_after_enough_have_voted_elects_by_name_and_tells_standby_and_tally
F17 who learns of it when      test_a_schedule_is_proposed_then_announced_then_active_when_each_is_irreversible
F18 active after the carrier   test_it_becomes_active_in_the_first_block_with_the_announcing_block_irreversible
F19 21, 12 and 0.5 s are given test_fios_rules_come_back_from_the_genesis_file_and_each_makes_another_chain
F20 6 s a turn, 126 s a round  test_producers_take_turns_by_absolute_slot
F21 a missed slot is a gap     test_a_silent_node_keeps_the_first_slots_of_its_turn
F22 a block's life             test_a_received_block_is_stored_and_relayed_before_it_is_applied
F23 the block's fields         test_a_block_has_its_number_and_id_the_documents_fields_and_reads_back
F24 schedule_version           test_the_promoting_block_is_signed_under_the_old_schedule_and_the_next_under_the_new
F25 extensions and the id      test_block_extensions_travel_with_the_block_and_are_outside_the_id
F26 start, then finalization   test_a_real_schedule_hash_and_signature_come_out
F27 turns, empty blocks too    test_undisturbed_nodes_produce_every_slot_and_finality_lags_as_the_formula_says
F28 200 ms and 300 ms          test_by_default_200_ms_are_for_processing_and_300_for_propagation_of_500
F29 the last block is shorter  test_by_default_the_last_block_of_a_turn_is_as_early_as_upstreams
F30 what waits                 test_what_a_block_made_impossible_is_dropped_before_the_next_is_admitted
F31 what falls outside waits   test_what_does_not_fit_the_window_is_first_in_the_next_block
F32 others pick it up          test_gossip_is_relayed_once_and_duplicates_from_peers_are_passed_over
F33 apply, finalize, sign      test_an_own_block_is_durable_then_told_then_sent
F34 the signature              test_a_real_schedule_hash_and_signature_come_out
F35 committed, reversible      test_a_restored_chain_is_the_chain_that_was
F36 building on is confirming  test_a_header_confirms_exactly_that_many_before_itself
F37 unlinkable, known          test_any_order_with_repeats_leads_to_the_same_chain
F38 switch if preferred        test_an_unpreferred_branch_is_never_executed
F39 header checks come first   test_what_a_relay_adds_to_a_block_is_refused_and_the_block_itself_is_taken
F40 full validation            test_who_signs_validates_fully
F41 light validation           test_a_trusted_producers_blocks_are_taken_on_trust_and_nobody_elses
F42 final but for E.3          test_honest_producers_finalize_two_blocks_at_one_height_and_the_report_tells_how
F43 the newer LIB wins         test_the_greater_lib_wins_over_the_longer_branch
F44 final after 162.5-168 s    test_each_position_is_proposed_and_final_exactly_when_the_formula_says
F45 reversed though committed  test_what_a_switch_undoes_is_reversed_if_that_host_had_seen_it_pre_committed
F46 2/3 + 1                    test_finality_goes_on_at_exactly_n_minus_q_silent_and_stops_above
F47 no replay elsewhere        test_tapos_wants_the_number_and_the_prefix_of_a_block_of_this_branch
F48 other statuses             out: not in the document; here transactions are executed or in no block
F49 changed by contract only   test_only_the_system_accounts_key_may_propose_and_only_where_genesis_names_one
F50 no automatic replacement   test_finality_goes_on_at_exactly_n_minus_q_silent_and_stops_above
"""  # noqa: E501
"""The number, the requirement in few words, then the name of a test, or `out:` and why."""


HELD = rows_of(ROWS, "F")


def test_each_requirement_has_one_row_in_order() -> None:
    assert list(HELD) == [f"F{n}" for n in range(1, 51)]


def test_each_requirement_is_held_by_a_test_that_exists() -> None:
    assert not_held(HELD) == []
