"""What expires when: told once, by second and id, whatever came and went before."""

from hypothesis import given
from hypothesis import strategies as st

from node.chain.ledger.expirations import Expirations
from node.chain.model.slot import NS_PER_S

IDS = st.binary(min_size=1, max_size=1)
SECONDS = st.integers(0, 3)
STEPS = st.lists(
    st.tuples(st.just("add"), SECONDS, IDS)
    | st.tuples(st.just("discard"), SECONDS, IDS)
    | st.tuples(st.just("pop"), st.integers(0, 4 * NS_PER_S), st.none())
)


@given(STEPS)
def test_what_is_noted_is_told_once_when_its_second_is_over(
    steps: list[tuple[str, int, bytes | None]],
) -> None:
    kept, naive = Expirations(), set[tuple[int, bytes]]()
    for word, number, name in steps:
        if name is None:
            over = {(s, one) for s, one in naive if s * NS_PER_S < number}
            assert kept.pop(number) == sorted(over)
            naive -= over
        elif word == "add":
            kept.add(number, name)
            naive.add((number, name))
        else:
            kept.discard(number, name)
            naive.discard((number, name))
    assert kept.pop(5 * NS_PER_S) == sorted(naive)
