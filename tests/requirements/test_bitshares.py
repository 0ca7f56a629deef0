"""B1 to B49, what the BitShares document asks for (PROTOCOL F.1): held by a test, or out of it."""

from __future__ import annotations

from tests.requirements.rows import not_held, rows_of

ROWS = """
B1  one state on every node     test_any_order_of_rival_blocks_gives_the_state_of_a_straight_replay
B2  owned by signature          test_a_wrong_transaction_has_its_reason_and_leaves_no_trace
B3  inputs spread over a mesh   test_gossip_is_relayed_once_and_duplicates_from_peers_are_passed_over
B4  two elected roles           test_the_committee_weighs_what_its_votes_say_and_stays_as_it_was_without_any
B5  one token, one vote         test_who_is_elected_is_what_a_recount_of_what_was_accepted_says
B6  approval voting             test_ties_go_to_who_registered_first_and_who_has_no_votes_fills_up
B7  how many is voted, too      test_votes_matter_at_the_next_maintenance_only_and_the_elected_are_announced_there
B8  as many votes as are wanted test_what_breaks_a_rule_of_votes_is_refused_by_name
B9  half of the stake           test_the_number_is_the_least_that_more_than_half_of_who_does_not_abstain_wants_no_more_of
B10 or 75 % of the best         test_by_75_percent_a_majority_takes_more_stake_than_by_number
B11 ten at least                test_by_75_percent_all_are_in_who_have_three_quarters_of_the_best
B12 16 %, 8 % and 23            test_the_documents_example_of_16_and_8_percent_would_have_23
B13 somebody else may vote      test_a_proxys_own_opinion_counts_and_its_own_proxy_only_where_the_depth_allows
B14 and no longer may           test_a_proxy_votes_with_what_is_given_to_it_until_it_is_withdrawn
B15 influence as stake          test_who_is_elected_is_what_a_recount_of_what_was_accepted_says
B16 size, interval, fees        test_each_parameter_is_as_before_until_the_maintenance_after_and_as_proposed_from_then_on
B17 a quorum of delegates       test_by_stake_more_than_half_of_the_committees_weight_must_agree
B18 a review in which to elect  test_a_proposal_of_a_committee_that_is_deposed_during_the_review_dies
B19 judged at its end           test_a_proposal_is_reviewed_judged_when_it_expires_and_in_force_at_the_maintenance_after
B20 the review itself           test_a_shorter_review_period_applies_to_what_is_proposed_afterwards
B21 stakeholders approve all    out: indirectly only, by whom they elect while a proposal is reviewed (B18)
B22 witnesses order             test_duplicate_then_signature_then_tapos_then_expiry
B23 pay is a part of fees       test_a_percentage_of_the_blocks_own_fees_is_paid_instead
B24 pay is small                out: a figure of the genesis or the committee, not a rule
B25 no election without blocks  test_an_operator_restarts_it_by_letting_nodes_produce_on_a_stale_head
B26 rounds are shuffled         test_every_witness_gets_every_place_but_not_equally_often
B27 time by NTP                 test_a_node_whose_clock_was_set_wrong_stops_producing_and_says_why
B28 the interval may change     test_blocks_come_on_the_grid_of_the_interval_in_force
B29 the better attended branch  test_after_an_interval_changed_on_one_side_of_a_split_the_rule_decides_which_side_wins
B30 1 to 30 s                   test_what_no_chain_can_have_is_refused_when_it_is_proposed
B31 below 1 s is too short      test_delays_beyond_the_block_interval_orphan_blocks_and_shorter_ones_none
B32 5 s is what is aimed at     out: the default of the campaign's chain, not a rule
B33 a late block costs the next test_delays_beyond_the_block_interval_orphan_blocks_and_shorter_ones_none
B34 blocks are streamed         test_a_received_block_is_stored_and_relayed_before_it_is_applied
B35 hard forks are voted        test_stakeholders_approve_it_and_it_comes_at_its_time
B36 bad witnesses are voted out test_witnesses_are_elected_by_votes_and_proxies_and_never_even_in_number
B37 save in an emergency        test_two_thirds_of_the_operators_can_switch_a_hard_fork_on_at_once
B38 reversed by forks only      test_money_spent_on_both_sides_of_a_split_is_reversed_on_one_and_final_on_the_other
B39 missed slots are seen       test_a_missed_slot_shows_with_the_next_one_and_is_forgiven_after_three_rounds
B40 wait for half of them       test_each_block_is_told_safe_with_the_head_that_makes_it_so
B41 4 bytes of a recent block   test_the_prefix_is_bytes_4_to_7_of_the_referred_id
B42 no other chain takes it     test_number_and_prefix_must_belong_to_one_block_of_this_branch
B43 each confirms history       test_a_reference_confirms_its_block_and_all_before_it_once_with_all_the_stake
B44 random numbers              test_raffles_pick_by_the_number_of_the_block_before_and_each_by_its_own_bits
B45 nobody can be censored      test_censors_make_one_account_wait_and_no_other
B46 fees can be foretold        test_a_fee_that_is_left_out_is_the_schedules_by_the_bytes
B47 forks and one order         test_a_new_block_is_head_only_if_it_is_longer_and_first_seen_wins_ties
B48 workers                     test_workers_are_paid_by_approval_while_their_time_lasts_and_the_budget_holds
B49 delegate or witness         out: read as witness wherever blocks are made
"""  # noqa: E501
"""The number, the requirement in few words, then the name of a test, or `out:` and why."""


HELD = rows_of(ROWS, "B")


def test_each_requirement_has_one_row_in_order() -> None:
    assert list(HELD) == [f"B{n}" for n in range(1, 50)]


def test_each_requirement_is_held_by_a_test_that_exists() -> None:
    assert not_held(HELD) == []
