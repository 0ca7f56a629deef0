"""Into which parts a fee goes: pure rules."""

from dataclasses import dataclass

from node.chain.model.fio_rules import FeeRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A fee's parts in SUF, which are the fee together, and the bounty that is minted beyond."""

    foundation: int
    staking: int
    provider: int
    producers: int
    bounty: int


def split(fee: int, rules: FeeRules, *, has_provider: bool, bounty_left: int) -> Split:
    """Return where a fee goes, and the bounty: no more than what is left of its cap.

    Each part is rounded down and the producers have what rounding leaves, so that no unit is lost;
    upstream rounds theirs down, too, and leaves the rest to nobody. Source: PROTOCOL B.8.
    """
    foundation = fee * rules.foundation_percent // 100
    staking = fee * rules.staking_percent // 100
    provider = fee * rules.provider_percent // 100 if has_provider else 0
    return Split(
        foundation=foundation,
        staking=staking,
        provider=provider,
        producers=fee - foundation - staking - provider,
        bounty=min(fee * rules.bounty_percent // 100, bounty_left) if has_provider else 0,
    )
