"""The dates of hosts without a battery, long past or far ahead, pass through NTP's time stamps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.preflight import ntp_script


@given(st.floats(min_value=0, max_value=4_000_000_000))
def test_a_time_between_1970_and_2096_is_stamped_and_read_back(seconds: float) -> None:
    assert ntp_script.stamp(ntp_script.stamped(seconds), 0) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("server", ["name.invalid", "", "a" * 300, "x..y"])
def test_a_server_that_nobody_knows_is_an_answer_too(server: str) -> None:
    assert list(ntp_script.ask_ntp(server, 1, tries=1)) == ["problem"]
