"""What is mixed into a load's transfers: operations whose fields can be drawn, of each system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import shake_128
from typing import Any

from node.chain import profiles
from node.chain.encoding.written import NUMBER_MAX, by_word, read
from node.chain.genesis import Genesis
from node.chain.model.operation import Operation
from node.config import ClientConfig, ConfigError
from node.events.load_shape import MILLION

Fields = dict[str, Any]
DRAWN: Mapping[str, Mapping[str, Callable[[Genesis, str, str], Fields]]] = {
    "eosio": {
        "transfer_tokens": lambda _, account, __: {"payee": account, "amount": 1},
        "vote": lambda _, __, producer: {"producers": [producer]},
    },
    "bitshares": {
        "propose": lambda genesis, _, __: _proposed(genesis),
        "vote": lambda _, __, producer: {"witnesses": [producer]},
    },
}
"""By system and word, an operation's fields, of an account and a producer that were drawn."""

APART: Mapping[str, Callable[[int], Fields]] = {
    "eosio": lambda n: {"max_fee": NUMBER_MAX - n},
    "bitshares": lambda n: {"fee": n % 1_000},
}
"""By system, what keeps two that say the same in one second from being one transaction."""


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """Draws which of a client's transactions are no transfers, and what they are instead."""

    stream: str
    shares_ppm: Mapping[str, int]
    genesis: Genesis
    account: str
    recipients: tuple[str, ...]

    @staticmethod
    def of(share: ClientConfig, genesis: Genesis, recipients: tuple[str, ...]) -> Mixed:
        """Return what is mixed into a host's share of a load.

        Raises:
            ConfigError: an operation whose fields cannot be drawn.
        """
        drawn = DRAWN.get(genesis.profile, {})
        for word in share.shape.mix:
            if word not in drawn:
                raise ConfigError(f"client.shape.mix.{word}: is none of {', '.join(drawn)}")
        return Mixed(
            stream=f"{share.seed}/{share.account}", shares_ppm=share.shape.mix, genesis=genesis,
            account=share.account, recipients=recipients,
        )  # fmt: skip

    def operation(self, n: int) -> Operation | None:
        """Return what transaction n asks for in place of a transfer, None for a transfer."""
        if not self.shares_ppm:
            return None
        drawn = shake_128(f"{self.stream}/{n}/mix".encode()).digest(24)
        which, account, producer = (int.from_bytes(drawn[i : i + 8], "big") for i in (0, 8, 16))
        place = which * MILLION >> 64
        for word, ppm in sorted(self.shares_ppm.items()):
            if place < ppm:
                producers = self.genesis.producers
                return self._made(
                    word,
                    n,
                    self.recipients[account % len(self.recipients)],
                    producers[producer % len(producers)].name,
                )
            place -= ppm
        return None

    def _made(self, word: str, n: int, account: str, producer: str) -> Operation:
        profile = self.genesis.profile
        fields = DRAWN[profile][word](self.genesis, account, producer) | APART[profile](n)
        kind = by_word(profiles.SYSTEMS[profile].operations)[word]
        made: Operation = read(kind, self.account, fields, lambda _: b"")
        return made


def _proposed(genesis: Genesis) -> Fields:
    """A proposal that lives as long as the chain allows at first, and that nobody approves."""
    rules = genesis.bitshares
    assert rules is not None
    return {
        "lifetime_s": rules.committee.max_proposal_lifetime_s,
        "parameters": {"maintenance_skip_slots": rules.maintenance_skip_slots + 1},
    }
