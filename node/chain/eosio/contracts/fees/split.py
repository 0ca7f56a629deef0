"""Into which parts a fee goes: pure rules."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What of a fee goes where, in percent; producers have the rest.

    provider: the technology provider's part, if there is one; bounty: what is minted for it beyond.
    """

    foundation: int = 5
    staking: int = 25
    provider: int = 10
    bounty: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A fee's parts in SUF, which are the fee together, and the bounty that is minted beyond."""

    foundation: int
    staking: int
    provider: int
    producers: int
    bounty: int


def split(fee: int, shares: Shares, *, has_provider: bool, bounty_left: int) -> Split:
    """Return where a fee goes, and the bounty: no more than what is left of its cap.

    Each part is rounded down and the producers have what rounding leaves, so that no unit is lost;
    upstream rounds theirs down, too, and leaves the rest to nobody. Source: PROTOCOL B.8.
    """
    foundation = fee * shares.foundation // 100
    staking = fee * shares.staking // 100
    provider = fee * shares.provider // 100 if has_provider else 0
    return Split(
        foundation=foundation,
        staking=staking,
        provider=provider,
        producers=fee - foundation - staking - provider,
        bounty=min(fee * shares.bounty // 100, bounty_left) if has_provider else 0,
    )
