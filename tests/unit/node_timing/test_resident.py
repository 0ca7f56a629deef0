"""How much memory of its own a process has, beside what psutil says of it."""

import psutil

from node.timing.resident import resident_bytes

NEAR_BYTES = 1 << 20


def test_it_is_what_psutil_says() -> None:
    assert abs(resident_bytes() - psutil.Process().memory_info().rss) < NEAR_BYTES
