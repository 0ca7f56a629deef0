"""What witnesses say in headers of drawn campaigns, and what accounts make of it. Pure, seeded."""

import random

from harness.fuzz.draft import Draft, act, with_acts
from harness.plan.acts import account_name
from node.chain.model.bitshares_rules import HARD_FORKS

LAST_S = 200
"""In seconds of the chain: nobody speaks later."""
NUMBER_OF_NOTES = next(number for number, name in HARD_FORKS.items() if name == "notes")


def let_speak(draft: Draft, producers: list[str], rng: random.Random) -> Draft:
    """Return the draft with random numbers and a hard fork, each by chance, and who uses them."""
    hosts = [f"n{i + 1}" for i in range(len(producers))]
    users = [account_name(i) for i in range(len(producers))]
    chain, acts = draft["chain"], list[Draft]()
    rules = chain.setdefault("bitshares", {})
    if rng.random() < 0.5:
        first = rng.choice(("zeros", "any"))
        rules["random"] = {
            "on": True, "shuffle": rng.choice(("time", "turns")), "first_reveal": first
        }  # fmt: skip
        acts += [_raffle(users, rng) for _ in range(rng.randint(0, 4))]
    if rng.random() < 0.5:
        rules["hard_forks"] = {"notes": f"{rng.randint(0, LAST_S - 50)}s"}
        chain["supports"] = {host: [] for host in hosts if rng.random() < 0.25}
        chain["urgent"] = {host: ["notes"] for host in hosts if rng.random() < 0.3}
        acts += [_opinion([*users, *producers], rng) for _ in range(rng.randint(0, 8))]
    return with_acts(draft, acts)


def _raffle(users: list[str], rng: random.Random) -> Draft:
    among, amount = rng.sample(users, rng.randint(1, len(users))), rng.randint(1, 9)
    by = rng.choice(users)
    return act(rng.randint(5, LAST_S), "raffle", by, among=among, amount=amount)


def _opinion(names: list[str], rng: random.Random) -> Draft:
    """A note, which may be too early, or a vote for the hard fork or for nothing any more."""
    if rng.random() < 0.4:
        by = rng.choice(names)
        return act(rng.randint(5, LAST_S), "note", by, text="drawn")
    ids = rng.choice(([], [NUMBER_OF_NOTES], [NUMBER_OF_NOTES]))
    by = rng.choice(names)
    return act(rng.randint(5, LAST_S), "vote", by, hard_forks=ids)
