"""Votes and proposals in drawn campaigns of a chain that accounts govern. Pure, seeded."""

import random

from harness.fuzz.draft import ACTS_END_S, Draft, act, with_acts
from harness.plan.acts import account_name
from node.chain import profiles


def is_governed(profile: str) -> bool:
    """Return whether accounts propose parameters on a chain of that profile."""
    return "bitshares" in profiles.SYSTEMS[profile].options


def govern(draft: Draft, producers: list[str], rng: random.Random) -> Draft:
    """Return the draft with short periods, with votes, and with proposals of parameters."""
    every_s = rng.randint(12, 40)
    review_s = every_s + rng.randint(1, 8)
    users = [account_name(i) for i in range(len(producers))]
    committee = rng.sample([*users, *producers], rng.randint(1, min(5, 2 * len(users))))
    draft["chain"]["bitshares"] = {
        "block_interval": "1s",
        "maintenance_interval": f"{every_s}s",
        "maintenance_skip_slots": rng.randint(0, 3),
        "fork_choice": rng.choice(("longest", "participation")),
        "committee": {
            "review_period": f"{review_s}s",
            "max_proposal_lifetime": "300s",
            "quorum": rng.choice(("stake", "head_count")),
            "freeze_approvals": rng.choice(("all", "accounts")),
        },
        "voting": {"committee": committee, "min_witness_count": rng.choice((1, 3, 5))},
    }
    acts = []
    times = sorted(rng.randint(5, ACTS_END_S - 100) for _ in range(rng.randint(0, 4)))
    for number, at_s in enumerate(times):
        life_s = review_s + rng.randint(8, 24)
        acts.append(act(at_s, "propose", rng.choice(users), lifetime_s=life_s, **_changes(rng)))
        acts += _opinions(number, at_s, life_s, [*users, *producers], committee, rng)
    for _ in range(rng.randint(0, 4)):
        at_s = rng.randint(5, ACTS_END_S)
        acts.append(act(at_s, "vote", rng.choice(users), **_ballot(producers, committee, rng)))
    for name in sorted(set(users).difference(committee)):
        if rng.random() < 0.1:
            acts.append(act(rng.randint(5, 100), "create_committee_member", name))
    return with_acts(draft, acts)


def _opinions(
    number: int, at_s: int, life_s: int, others: list[str], committee: list[str], rng: random.Random
) -> list[Draft]:
    """Who approves a proposal, takes that back, or deletes it; the number may be another's."""
    acts = []
    for name in committee if rng.random() < 0.85 else rng.sample(others, 2):
        more = {"by_key": True} if rng.random() < 0.2 else {}
        acts.append(act(at_s + rng.randint(1, 6), "approve", name, proposal=number, **more))
        if rng.random() < 0.2:
            later = at_s + rng.randint(3, life_s)
            acts.append(act(later, "withdraw_approval", name, proposal=number))
    if rng.random() < 0.1:
        acts.append(act(at_s + 9, "delete_proposal", rng.choice(others), proposal=number))
    return acts


def _ballot(producers: list[str], committee: list[str], rng: random.Random) -> Draft:
    """Whom an account approves of, and how many it wants of each."""
    witnesses = rng.sample(producers, rng.randint(0, len(producers)))
    members = rng.sample(committee, rng.randint(0, len(committee)))
    return {
        "witnesses": witnesses,
        "num_witness": rng.randint(0, len(witnesses)),
        "committee": members,
        "num_committee": rng.randint(0, len(members)),
    }


def _changes(rng: random.Random) -> Draft:
    drawn: Draft = {
        "block_interval_s": rng.choice((1, 2, 3, 5, 7)),
        "maintenance_interval_s": rng.randint(10, 40),
        "maintenance_skip_slots": rng.randint(0, 5),
        "max_block_bytes": rng.choice((4096, 1 << 20, 1 << 21)),
        "max_time_until_expiration_s": rng.choice((20, 200, 3600)),
        "max_witness_count": rng.choice((1, 3, 5, 1001)),
        "fees": [{"operation": "transfer", "amount": rng.choice((0, 1, 100))}],
    }
    names = rng.sample(sorted(drawn), rng.choice((1, 1, 2, 3)))
    return {"parameters": {name: drawn[name] for name in names}}
