"""`slotlab lab init` writes an inventory that loads, and knows what a host's list entry means."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from harness.__main__ import app
from harness.errors import RunError, UsageError
from harness.inventory.inventory import load
from harness.testbed import lab_init
from harness.testbed.lab_init import Found, Given, Wishes, parse

PI = Found(
    name="pi-one",
    machine="aarch64",
    system="Debian GNU/Linux 12 (bookworm)",
    cards={"192.0.2.11": "eth0", "fd00::11": "eth1"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pi1", Given(address="pi1")),
        ("me@192.0.2.1:2222", Given(address="192.0.2.1", user="me", port=2222)),
        ("a=192.0.2.1,198.51.100.1", Given(address="192.0.2.1", name="a", data="198.51.100.1")),
        ("fd00::1", Given(address="fd00::1")),
        ("b=me@[fd00::1]:2200,fd01:0::1",
         Given(address="fd00::1", name="b", user="me", port=2200, data="fd01::1")),
    ],
)  # fmt: skip
def test_an_entry_of_the_list_is_read(text: str, expected: Given) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "@x", "a b", "x:0", "x:70000", "=x", "x,", "x,y", "a:b"])
def test_what_is_no_host_says_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match=r"write a host as \[name=\]\[user@\]address"):
        parse(text)


def test_what_a_host_said_is_filled_in_and_the_rest_is_a_comment(tmp_path: Path) -> None:
    hosts = [
        parse("192.0.2.11,fd00::11"),
        parse("n=pi@192.0.2.12:2200,fd00::12"),
        parse("b=pi@192.0.2.13:2200,fd00::13"),
    ]
    wishes = Wishes(user="me", key="~/key", ssh_args="-J a@192.0.2.9", zone="z", ntp=("fd00::1",))
    path = tmp_path / "rack.yml"
    silent = Found(problem="No route to host")
    unasked = Found(system="not asked")
    path.write_text(lab_init.render(hosts, [PI, silent, unasked], wishes, title="rack.yml"))
    lab = load(path)
    first, second = lab.hosts
    assert (first.name, first.address, first.interface) == ("pi-one", "fd00::11", "eth1")
    assert (first.ssh.address, first.ssh.user, first.zone) == ("192.0.2.11", "me", "z")
    assert first.ntp == ("fd00::1",)
    assert first.ssh.jump is not None
    assert (second.name, second.ssh.user, second.ssh.port) == ("b", "pi", 2200)
    assert second.interface == ""
    text = path.read_text()
    assert "# Debian GNU/Linux 12 (bookworm), aarch64" in text
    assert "# also: 192.0.2.11 on eth0" in text
    comment = (
        "        # n:\n        #   # not reached: No route to host\n        #   ansible_host: 192.0"
    )
    assert comment in text


def test_two_hosts_of_one_name_are_told_apart() -> None:
    hosts = [parse("192.0.2.1"), parse("192.0.2.2")]
    text = lab_init.render(hosts, [PI, PI], Wishes(), title="x")
    assert "        host1:" in text
    assert "        host2:" in text


@pytest.mark.slow
def test_the_command_never_overwrites_and_prints_what_comes_next(tmp_path: Path) -> None:
    listed, out = tmp_path / "hosts.txt", tmp_path / "rack.yml"
    listed.write_text("# ours\n192.0.2.1  # first\n\nb=192.0.2.2\n")
    words = ["lab", "init", "-f", str(listed), "--out", str(out), "--offline"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    assert f"slotlab check -i {out}" in first.output
    assert [host.name for host in load(out).hosts] == ["host1", "b"]
    again = CliRunner().invoke(app, words)
    assert isinstance(again.exception, UsageError)
    assert "--force" in str(again.exception)
    assert CliRunner().invoke(app, [*words, "--force"]).exit_code == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "Welcome!\nslotlab-asks\npi-one\naarch64\nDebian GNU/Linux 12\n[]\n",
            Found(name="pi-one", machine="aarch64", system="Debian GNU/Linux 12"),
        ),
        (
            "slotlab-asks\nmajority\nx\x1b[31m\ny\nError: no JSON\n",
            Found(name="", machine="x\\x1b[31m", system="y"),
        ),
        ("", Found(problem="it does not answer like a Linux host")),
        ("% Unknown command\n", Found(problem="it does not answer like a Linux host")),
    ],
)
def test_an_answer_is_read_behind_a_greeting_and_cannot_harm_the_file(
    text: str, found: Found
) -> None:
    assert lab_init.answered(text) == found


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_hosts_answer_the_file_says_no_more_than_was_meant(
    name: str, machine: str, system: str, problem: str
) -> None:
    answer = lab_init.answered(f"slotlab-asks\n{name}\n{machine}\n{system}\n[]")
    hosts = [parse("a=192.0.2.1"), parse("b=192.0.2.2")]
    text = lab_init.render(hosts, [replace(answer, problem=""), PI], Wishes(), title="x")
    written = yaml.safe_load(text)["all"]["children"]["nodes"]["hosts"]
    assert written == {"a": {"ansible_host": "192.0.2.1"}, "b": {"ansible_host": "192.0.2.2"}}


def closed_port() -> int:
    """Return a port of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_hosts_that_are_not_reached_are_named_and_no_file_is_written(tmp_path: Path) -> None:
    out = tmp_path / "rack.yml"
    words = [f"127.0.0.1:{closed_port()}", f"127.0.0.1:{closed_port()}"]
    done = CliRunner().invoke(app, ["lab", "init", *words, "--out", str(out)])
    assert isinstance(done.exception, RunError)
    assert str(done.exception) == (
        f"no host was reached, so {out} was not written; --offline writes it unasked"
    )
    assert "0 of 2 answered; waiting for 127.0.0.1 port" in done.output
    assert done.output.count("Connection refused") == 2
    assert not out.exists()


def test_a_file_that_cannot_be_written_and_a_host_listed_twice_are_said(tmp_path: Path) -> None:
    words = ["lab", "init", "192.0.2.1", "--offline", "--out", str(tmp_path / "no" / "rack.yml")]
    assert "No such file or directory" in str(CliRunner().invoke(app, words).exception)
    twice = CliRunner().invoke(app, ["lab", "init", "a@192.0.2.1", "192.0.2.1", "--offline"])
    assert str(twice.exception) == "192.0.2.1: listed twice; one node runs on a host"
