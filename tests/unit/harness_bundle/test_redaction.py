"""Nothing in a published run names an address, a user, a path of a home or a port of the lab."""

from __future__ import annotations

import ipaddress
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bundle.redaction import Redaction

AROUND = ('"{}"', " {} ", "={},", "[{}]", "\\n{}\\n", "{}: refused", "tcp://{}/", "{}/24", "x@{}")


@given(
    address=st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), around=st.sampled_from(AROUND)
)
def test_an_address_is_replaced_wherever_it_stands(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, around: str
) -> None:
    text = Redaction().of("log.txt", around.format(address).encode()).decode()
    assert str(address) not in text
    assert "address-1" in text


def test_one_thing_has_one_placeholder_in_all_files_however_it_is_written() -> None:
    redaction = Redaction()
    lines = b"fe80::1 10.0.0.7 fe80:0:0::0001 [FE80::1]:9000 10.0.0.7:9001 and 10.0.0.7:9000.\n"
    assert redaction.of("plan.json", lines) == (
        b"address-1 address-2 address-1 [address-1]:1 address-2:2 and address-2:1.\n"
    )
    assert redaction.of("lab.json", b'{"node_port": 9001, "a": "10.0.0.8"}') == (
        b'{"node_port": 2, "a": "address-3"}'
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("-i /home/eve/lab/rack.yml --runs=/home/eve/runs", "-i path-1 --runs=path-2"),
        ("eve@n1 and eve@10.0.0.1", "user-1@n1 and user-1@address-1"),
        ("/var/home/eve/x by eve, not evelyn", "/varpath-1 by user-1, not evelyn"),
        ("/root/x /rootfs root@n1", "path-1 /rootfs root@n1"),
        ("link 02:42:ac:11:00:02 up", "link mac-1 up"),
        ("udp dport 9000 sport 123", "udp dport 1 sport 2"),
        (r"\"field\":\"dport\"}},\"right\":9000}", r"\"field\":\"dport\"}},\"right\":1}"),
    ],
)
def test_what_stands_in_a_log_is_replaced(text: str, left: str) -> None:
    assert Redaction().of("trials/1/hosts/n1/log.txt", text.encode()).decode() == left


def test_what_only_looks_like_an_address_stays() -> None:
    text = b"slotlab 0.1.0 at 12:30:45, 300.1.2.3, a::b of C++, report 5, 1.2.3.4.5, mono_ns 9000"
    assert Redaction().of("log.txt", text) == text.replace(b"a::b", b"address-1")


def test_whoever_bundles_is_not_named_in_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "mallory")
    monkeypatch.setenv("HOME", "/srv/people/mallory")
    text = json.dumps({"argv": ["slotlab", "run", "/srv/people/mallory/c.yml", "of", "mallory"]})
    redacted = json.loads(Redaction().of("provenance.json", text.encode()))
    assert redacted == {"argv": ["slotlab", "run", "path-1", "of", "user-1"]}


def test_where_the_home_is_the_root_of_all_other_paths_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/")
    assert Redaction().of("provenance.json", b"/usr/bin/x") == b"/usr/bin/x"
