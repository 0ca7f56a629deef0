"""Whatever an inventory, ansible.cfg or ssh_config says of SSH means what it means to `ssh`.

Each row is one option. A person's own `ssh`, Fabric's way and Ansible's log in, on real sshd: they
must reach the same host as the same user, over the same way, by the same key; or fail alike.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.lab.bench import MARKS, Bench, bench
from tests.lab.ssh_options import (
    ansible_cfg_rows,
    config_rows,
    failing_rows,
    hosts,
    inventory_rows,
    sudo_rows,
)
from tests.lab.ssh_options import home as homes
from tests.lab.ssh_options.compare import WAYS, Setting, Way, compare
from tests.lab.ssh_options.home import Home
from tests.lab.ssh_options.row import PASSWORD, Row

pytestmark = [*MARKS, pytest.mark.long]
PLAIN = (*inventory_rows.ROWS, *config_rows.ROWS, *sudo_rows.ROWS)
WORKING = (*PLAIN, *sudo_rows.ASKED, *ansible_cfg_rows.ROWS)
FAILING = (*failing_rows.ROWS, *sudo_rows.REFUSED)


@dataclass(frozen=True)
class Found:
    """What came of each row by each way, and where the user was at home."""

    home: Home
    ways: Mapping[str, Mapping[str, Way]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """Yield what came of all rows, in a lab of three hosts."""
    with bench("options", hosts=3) as lab:
        home = homes.make(tmp_path_factory.mktemp("home"), hosts.facts(lab))
        hosts.prepare(lab, home)
        homes.write_known_hosts(home, host_keys(lab))
        homes.write_config(home, (*PLAIN, *FAILING))
        with homes.agents(home):
            ways = compare(lab, home, "rack", (*PLAIN, *FAILING), Setting())
            asked = Setting(become_password=PASSWORD)
            ways |= compare(lab, home, "asked", sudo_rows.ASKED, asked)
            configured = Setting(ansible_cfg_rows.ANSIBLE_CFG)
            ways |= compare(lab, home, "configured", ansible_cfg_rows.ROWS, configured)
            subprocess.run(home.inside("ssh", "-O", "exit", "own-master"), check=False)
        yield Found(home, ways)


def host_keys(lab: Bench) -> dict[str, str]:
    """Return the kind and text of each host's public key."""
    folder = lab.inventory.parent / "ssh"
    files = {name: folder / f"host_{name}.pub" for name in lab.names}
    return {name: " ".join(file.read_text().split()[:2]) for name, file in files.items()}


def test_the_comparison_has_what_people_write_of_ssh() -> None:
    assert len({row.name for row in (*WORKING, *FAILING)}) == len((*WORKING, *FAILING))
    assert len(inventory_rows.ROWS) + len(config_rows.ROWS) >= 25


@pytest.mark.parametrize("row", WORKING, ids=lambda row: row.name)
def test_each_way_goes_where_ssh_goes(row: Row, found: Found) -> None:
    ways = found.ways[row.name]
    said = {way: (ways[way].seen or f"{ways[way].reason}: {ways[way].said}") for way in WAYS}
    assert said == dict.fromkeys(WAYS, row.seen)
    assert [len(ways[way].printed) for way in WAYS] == [1, 1, 1]


@pytest.mark.parametrize("row", FAILING, ids=lambda row: row.name)
def test_each_way_fails_where_ssh_fails_and_says_why_in_a_line(row: Row, found: Found) -> None:
    ways = found.ways[row.name]
    assert {way: ways[way].seen for way in WAYS} == dict.fromkeys(WAYS, "")
    assert ways["fabric"].reason == row.reason, ways["fabric"].said
    assert [len(ways[way].said.splitlines()) for way in WAYS] == [1, 1, 1]
    for way in ("ssh", "ansible"):
        assert re.search(row.said, ways[way].said), f"{way}: {ways[way].said}"


def test_a_proxy_command_is_given_the_same_words_by_each_way(found: Found) -> None:
    words = (found.home.folder / "proxy.log").read_text().splitlines()
    assert set(words) == {found.home.fill("$n2 2222 pi")}
    assert len(words) >= 4  # two rows; Ansible goes over the connection that is there
