"""The chains that random histories are of: systems and what their genesis says."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import msgspec

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import CommitteeRules, HardForkRules, RandomRules, VotingRules
from node.chain.profile import Profile
from node.chain.profiles import build
from tests.unit.node_bitshares import paying
from tests.unit.node_bitshares import voting_world as voting
from tests.unit.node_bitshares.paying import money_genesis
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import SHARED_VERIFIER, make_genesis, secret
from tests.unit.node_eosio.fio_world import fio_genesis


@dataclass(frozen=True)
class World:
    """A chain's rules."""

    genesis: Genesis
    profile: Profile

    def chain(self, names: tuple[str, ...] = (), **options: Any) -> Chain:
        """Return a fresh chain that signs for the names."""
        return Chain(
            self.genesis,
            profile=self.profile,
            keys={name: secret(name) for name in names},
            watermarks={},
            verifier=SHARED_VERIFIER,
            enable_stale_production=True,
            **options,
        )

    @property
    def nobody(self) -> str:
        """Return the name of an account that does not exist."""
        return "nobody" if self.profile.name == "eosio" else "1.2.99"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of who produces, or may be elected to."""
        first = tuple(producer.name for producer in self.genesis.producers)
        return tuple(voting.CANDIDATES) if self.votes else first

    @property
    def votes(self) -> bool:
        """Return whether accounts of a BitShares chain vote."""
        names = {account.name for account in self.genesis.accounts}
        return self.genesis.bitshares is not None and names.issuperset(voting.CANDIDATES)

    @property
    def has_money(self) -> bool:
        """Return whether operations of a BitShares chain cost something."""
        return self.genesis.bitshares is not None and bool(self.genesis.bitshares.money.fees)

    @property
    def has_committee(self) -> bool:
        """Return whether a committee can change the parameters of a BitShares chain soon."""
        options = self.genesis.bitshares
        return options is not None and options.committee.review_period_s == 3


BITSHARES: dict[str, dict[str, Any]] = {
    "": {},
    "participation": {"fork_choice": "participation"},
    "turns": {"random": RandomRules(on=True, shuffle="turns")},
    "forks": {
        "hard_forks": HardForkRules(notes_s=12),
        "maintenance_interval_s": 4,
        "maintenance_skip_slots": 0,
    },
    "committee": {
        "maintenance_interval_s": 2,
        "maintenance_skip_slots": 0,
        "voting": VotingRules(committee=["usera", "userb", "userc"]),
        "committee": CommitteeRules(review_period_s=3, max_proposal_lifetime_s=40),
    },
}
"""What the genesis of a world of BitShares says, by its options."""


@functools.cache
def world(name: str) -> World:
    """Return the world of that name: the system, how many produce, options."""
    system, count, *options = name.split()
    if options == ["money"]:
        genesis = money_genesis(paying.QUICK, maintenance_interval_s=4)
    elif system == "bitshares" and options == ["votes"]:
        nothing = dict.fromkeys(voting.CANDIDATES, 0)
        genesis = voting.voting_genesis(producers=int(count), balances=nothing, proxy_depth=2)
    elif system == "bitshares":
        genesis = bitshares_genesis(int(count), **BITSHARES[" ".join(options)])
    elif options == ["fio"]:
        genesis = fio_genesis(producers=int(count), elected=int(count), schedule_check_slots=1)
        genesis = msgspec.structs.replace(genesis, blocks_per_turn=1, max_block_bytes=4096)
    else:
        key = public_key(secret("eosio")).hex()
        genesis = make_genesis(int(count), 1, system_key=key, max_block_bytes=2048)
    return World(genesis, build(genesis))


WORLDS = (
    "eosio 2", "eosio 3", "eosio 4", "eosio 2 fio", "eosio 3 fio", "bitshares 3",
    "bitshares 2 participation", "bitshares 3 turns", "bitshares 3 forks", "bitshares 3 money",
    "bitshares 3 votes", "bitshares 3 committee",
)  # fmt: skip
