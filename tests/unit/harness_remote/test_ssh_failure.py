"""What OpenSSH says when it cannot log in is a word and one line, with a remedy that helps."""

from __future__ import annotations

import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from harness.remote.ssh_failure import reason, refusal
from tests.unit.harness_remote.ssh_login import HOST, pinned, reached, refused, says
from tests.unit.harness_remote.ssh_server import PLAIN, Box, serving, standing


def test_a_closed_port_is_unreachable() -> None:
    with serving("true") as options, socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    words = ("-o", f"Port={port}", *options.own_words)
    problem = refused(replace(options, port=port, own_words=words))
    assert (problem.reason, problem.detail) == (
        "unreachable",
        f"ssh: connect to host {HOST} port {port}: Connection refused;"
        " is it on, is the address right?",
    )


def test_a_name_that_nobody_knows_is_unreachable() -> None:
    with serving("true") as options:
        problem = refused(replace(options, target="no-such-host.invalid"))
    assert problem.reason == "unreachable"
    assert "no-such-host.invalid" in problem.detail


def test_a_host_that_says_nothing_does_not_answer_in_time() -> None:
    with serving("true") as options, socket.create_server((HOST, 0)) as mute:
        words = ("-o", f"Port={mute.getsockname()[1]}", *options.own_words)
        problem = refused(replace(options, own_words=words, connect_timeout_s=1))
    assert problem.reason == "timeout"


@pytest.mark.parametrize(
    "word", ["Ciphers=chacha20-poly1305@openssh.com", "HostKeyAlgorithms=ssh-ed25519"]
)
def test_a_host_with_nothing_in_common_is_unreachable_and_says_what_it_offers(word: str) -> None:
    with serving(PLAIN) as options:
        problem = refused(replace(options, own_words=("-o", word, *options.own_words)))
    assert problem.reason == "unreachable"
    assert problem.detail.startswith("Unable to negotiate with 127.0.0.1")
    assert "Their offer: " in problem.detail


def test_a_proxy_command_that_ends_without_a_word_is_unreachable() -> None:
    with serving(PLAIN) as options:
        words = ("-o", "ProxyCommand=true", *options.own_words)
        problem = refused(replace(options, by_command=True, own_words=words))
    assert problem.reason == "unreachable"
    assert problem.detail.startswith("ProxyCommand: ")


@pytest.mark.parametrize(
    "ending",
    [
        "kex_exchange_identification: Connection closed by remote host",
        "banner exchange: Connection to UNKNOWN port 65535: Broken pipe",
    ],
)
def test_of_an_ansible_that_reached_nobody_the_line_is_told_that_says_why(ending: str) -> None:
    closed = "Connection closed by UNKNOWN port 65535"
    ansible = "Failed to connect to the host via ssh: "
    assert reason(f"{ansible}the gate is shut\r\n{ending}\r\n{closed}") == "the gate is shut"
    assert reason(f"{ansible}{ending}\r\n{closed}") == ending
    assert reason(f"{ansible}{closed}") == closed


@pytest.mark.parametrize(
    "ending", ["kex_exchange_identification: Connection closed by remote host\r\n", ""]
)
def test_what_a_program_in_between_said_counts_whatever_openssh_adds(ending: str) -> None:
    """Version 9.6 adds less than 9.2 does."""
    ending += "Connection closed by UNKNOWN port 65535\r\n"
    with serving(PLAIN) as options:
        behind = replace(options, by_command=True)
    for said, detail in (("the gate is shut\r\n", "the gate is shut"), ("", _first(ending))):
        problem = refusal(said + ending, behind)
        assert (problem.reason, problem.detail) == ("unreachable", f"ProxyCommand: {detail}")


def _first(lines: str) -> str:
    return lines.splitlines()[0]


def test_a_host_that_hangs_up_at_once_is_closed() -> None:
    with serving("true") as options, socket.create_server((HOST, 0)) as rude:
        threading.Thread(target=lambda: rude.accept()[0].close(), daemon=True).start()
        words = ("-o", f"Port={rude.getsockname()[1]}", *options.own_words)
        problem = refused(replace(options, own_words=words))
    assert problem.reason == "closed"


def test_the_remedy_for_another_host_key_makes_the_next_login_well(tmp_path: Path) -> None:
    with standing(Box()) as box, standing(Box()) as other:
        config = pinned(tmp_path, box)
        (tmp_path / "known").write_text(f"[{HOST}]:{box.port} {other.host_key}\n")
        variables = f"ansible_user: pi, ansible_port: {box.port}, ansible_password: x"
        options = reached(tmp_path, variables, config)
        problem = refused(options)
        assert problem.reason == "host_key"
        remedy = problem.detail.partition("if it was re-installed: ")[2]
        subprocess.run(remedy.split(), check=True, capture_output=True)
        assert refused(options).detail.endswith("pin it: slotlab check, or ssh to it once")
        assert says(options.pinning()) == "hello\n"
        assert says(options) == "hello\n"
