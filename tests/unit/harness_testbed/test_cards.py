"""The data path of the inventory is on the host as the inventory says, or one line says what is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.testbed.cards import Card, data_card, problem, read
from tests.unit.harness_inventory.hosts import plain

LO = {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "mtu": 65536}
ETH = {"ifname": "eth0", "flags": ["UP"], "mtu": 1500, "link_type": "ether", "address": "02:AA::1"}


def listing(*links: tuple[dict[str, Any], list[dict[str, Any]]]) -> str:
    return json.dumps([{**link, "addr_info": addresses} for link, addresses in links])


def inet(address: str, **more: Any) -> dict[str, Any]:
    return {"local": address, "scope": "global", **more}


USUAL = listing((LO, [inet("127.0.0.1", scope="host")]), (ETH, [inet("192.0.2.1")]))


def test_what_ip_prints_is_read_and_what_makes_no_sense_in_it_is_left_out() -> None:
    odd = [None, 7, {}, {"ifname": 3}, {"ifname": "x", "addr_info": [None, {"local": "y"}]}]
    text = json.dumps([*json.loads(USUAL), *odd])
    assert read(text) == (
        Card("lo", ("127.0.0.1",), loopback=True, mtu=65536),
        Card("eth0", ("192.0.2.1",), mtu=1500, mac="02:aa::1"),
        Card("x", up=False),
    )


@given(st.text())
def test_any_text_is_read_as_some_cards_or_none(text: str) -> None:
    assert isinstance(read(text), tuple)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ifname", "flags", "mtu", "address", "addr_info", "local", "scope"]),
            inner,
        )
    ),
)


@given(st.lists(JSON, max_size=3))
def test_any_json_is_read_as_some_cards_or_none(listed: list[Any]) -> None:
    assert all(isinstance(card.name, str) for card in read(json.dumps(listed)))


def test_json_without_end_is_no_card() -> None:
    assert read("[" * 100_000) == ()


@pytest.mark.parametrize(
    ("interface", "text", "words"),
    [
        ("", USUAL, ""),
        ("eth0", USUAL, ""),
        (
            "eth7",
            USUAL,
            "no interface eth7; it has lo, eth0; correct slotlab_interface or leave it out",
        ),
        (
            "lo",
            USUAL,
            "lo does not hold 192.0.2.1, eth0 does; correct slotlab_interface or leave it out",
        ),
        ("", "", "`ip -j addr` lists no interface; apt install iproute2; look at what it prints"),
        (
            "eth0",
            listing((ETH, [inet("192.0.2.9"), inet("fd00::9")])),
            "no interface holds 192.0.2.1; set slotlab_address to one it has: 192.0.2.9 on eth0,"
            " fd00::9 on eth0",
        ),
        (
            "",
            listing((LO, [inet("127.0.0.1")])),
            "no interface holds 192.0.2.1; give it an address, or correct slotlab_address",
        ),
        (
            "",
            listing((LO, [inet("192.0.2.1")])),
            "lo is the loopback: delay and loss there reach no other host; put the data address on"
            " a card, and set slotlab_address to it",
        ),
        (
            "",
            listing(({**ETH, "flags": []}, [inet("192.0.2.1")])),
            "eth0 is down; ip link set eth0 up",
        ),
        (
            "",
            listing((ETH, [inet("192.0.2.1", dadfailed=True)])),
            "192.0.2.1 on eth0 is the address of another machine, too (dadfailed); give each"
            " machine an address of its own",
        ),
    ],
)
def test_a_data_path_that_is_not_there_is_named_with_its_remedy(
    interface: str, text: str, words: str
) -> None:
    found = problem(plain(interface=interface), read(text))
    assert "; ".join(found or ()) == words


def test_an_address_is_found_however_it_is_written() -> None:
    six = plain(address="fd00::1")
    text = listing((ETH, [inet("FD00:0:0::1")]))
    assert (problem(six, read(text)), data_card(six, read(text))) == (
        None,
        Card("eth0", ("fd00::1",), mtu=1500, mac="02:aa::1"),
    )
