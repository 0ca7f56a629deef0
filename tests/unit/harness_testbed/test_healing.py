"""Healing says of each host one thing: what was taken back, that nothing is there, or why not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.remote.fan_out import Remote
from harness.testbed.healing import heal
from tests.unit.harness_remote.ssh_server import serving
from tests.unit.harness_remote.test_lanes import lab

WIPED = 'sh -c "$(echo "$1" | sed s,/opt/slotlab,/nowhere,g)"'
"""A login shell on a host on which nothing is deployed."""


@pytest.fixture
def remote() -> Iterator[Remote]:
    """Yield connections to a wiped host, and to one at whose port nobody listens."""
    with serving(WIPED) as wiped, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        words = tuple(word.replace(str(wiped.port), str(port)) for word in wiped.own_words)
        with lab(wiped=wiped, off=replace(wiped, port=port, own_words=words)) as made:
            yield made


def test_a_wiped_host_has_nothing_to_heal_and_one_that_is_off_is_named_once(remote: Remote) -> None:
    outcome = heal(remote)
    assert list(outcome) == ["wiped", "off"]
    line = "nothing to heal: slotlab is not on this host; slotlab deploy"
    assert outcome["wiped"] == (True, line)
    done, line = outcome["off"]
    assert (done, line.partition(":")[0], line.count("refused")) == (False, "unreachable", 1)
