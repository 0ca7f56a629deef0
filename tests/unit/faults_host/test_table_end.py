"""When the kernel ends a set's elements, judged with the time that reading it took."""

import pytest

from faults.host.nft_readback import wrong_end

S = 1_000_000_000
LEFT = {"slow": {"192.0.2.7": 20 * S}}


@pytest.mark.parametrize(
    ("deadline_s", "read_s", "said"),
    [
        (20, (0, 0.001), ""),
        (20.015, (0, 0.001), ""),
        (20.031, (0, 0.001), "192.0.2.7 ends -0.030 s from the deadline"),
        (19.2, (0, 0.001), ""),
        (18.9, (0, 0.001), "192.0.2.7 ends +1.100 s from the deadline"),
        (20, (0, 10), ""),
        (29, (0, 10), ""),
        (31.5, (0, 10), "192.0.2.7 ends -1.500 s from the deadline"),
        (18.5, (0, 10), "192.0.2.7 ends +1.500 s from the deadline"),
    ],
)
def test_only_an_end_that_is_wrong_whenever_it_was_read_is_wrong(
    deadline_s: float, read_s: tuple[float, float], said: str
) -> None:
    read_ns = (round(read_s[0] * S), round(read_s[1] * S))
    assert wrong_end(LEFT, round(deadline_s * S), read_ns) == said
