"""A lab's plan, its record on disk, its inventory, and what is asked of the machine."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from harness.controller import netns_exec
from harness.errors import LabError, LabInputError
from harness.labs import checks, process, state
from harness.labs.image import recipe
from harness.labs.lifecycle import access, container_lab
from harness.labs.process import ProcessId


def planned(hosts: int = 2, name: str = "demo") -> state.LabState:
    """Return the plan of a lab on a machine with one cgroup hierarchy."""
    return state.new_state(name, hosts, Path("/cache/image"), [Path("/sys/fs/cgroup/cpu")])


def test_the_first_record_names_everything_that_will_be_made() -> None:
    plan = planned(2)
    assert [(host.name, host.role) for host in plan.hosts] == [
        ("n1", "node"),
        ("n2", "node"),
        ("ntp", "ntp"),
    ]
    assert plan.hosts[0].address == f"{plan.network}.11"
    assert plan.hosts[-1].address == plan.ntp_address
    assert len(set(plan.namespaces)) == 5
    assert all(name.startswith(plan.prefix) for name in plan.namespaces)
    assert plan.cgroups == (f"/sys/fs/cgroup/cpu/{plan.prefix}",)


def test_two_labs_never_share_a_prefix() -> None:
    assert len({planned().prefix for _ in range(20)}) == 20


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    plan = state.with_process(planned(), "n2", ProcessId(7, 8))
    state.save(tmp_path, plan)
    assert state.load(tmp_path) == plan
    assert state.load(tmp_path / "none") is None
    (tmp_path / "lab.json").write_text("{")
    with pytest.raises(LabError, match="not a lab record"):
        state.load(tmp_path)


@pytest.mark.parametrize("name", ["", "Demo", "../etc", "a b", "-x", "x" * 31])
def test_a_bad_lab_name_is_the_operators_error(name: str) -> None:
    with pytest.raises(LabInputError, match="lab name"):
        state.lab_folder(name)


@pytest.mark.parametrize("hosts", [0, state.HOSTS_MAX + 1])
def test_a_bad_number_of_hosts_is_the_operators_error(hosts: int) -> None:
    with pytest.raises(LabInputError, match=f"--hosts {hosts}"):
        state.check_count(hosts)


def test_up_without_root_says_what_works_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="slotlab run --lab sim") as caught:
        container_lab.up("default", 4, lambda line: None)
    assert caught.value.exit_status == 3


def test_missing_programs_are_named_as_debian_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"systemd-nspawn", "ip"}
    monkeypatch.setattr(shutil, "which", lambda name: None if name in gone else f"/bin/{name}")
    with pytest.raises(LabError, match="apt-get install iproute2 systemd-container"):
        checks.require_programs()


def test_a_full_disk_is_named_with_both_sizes(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=rf"disk full: {tmp_path} has \d+ bytes free and x needs"):
        checks.require_space(tmp_path, 1 << 60, "x")


def test_the_inventory_can_be_read_by_anyone_who_reads_yaml(tmp_path: Path) -> None:
    plan = planned(1)
    book = yaml.safe_load(access.write_inventory(tmp_path, plan).read_text())["all"]
    n1 = book["children"]["nodes"]["hosts"]["n1"]
    assert n1["slotlab_address"] == n1["ansible_host"] == plan.hosts[0].address
    assert n1["slotlab_ntp"] == [plan.ntp_address]
    assert "StrictHostKeyChecking=yes" in n1["ansible_ssh_common_args"]
    assert book["vars"]["slotlab_netns"] == f"/run/netns/{plan.prefix}-ctl"
    assert "slotlab_ntp" not in book["children"]["ntp_servers"]["hosts"]["ntp"]


def test_a_gone_network_namespace_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is the lab up"):
        netns_exec.enter(tmp_path / "gone")


def test_a_program_runs_only_once_it_is_recorded(tmp_path: Path) -> None:
    words = ["sh", "-c", 'read -r go || exit 1; echo ran > "$1"', "sh"]
    log = tmp_path / "log"
    started: list[ProcessId] = []

    def full(process: ProcessId) -> None:
        started.append(process)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        process.start_recorded([*words, str(tmp_path / "ran")], log=log, record=full)
    process.start_recorded([*words, str(tmp_path / "too")], log=log, record=started.append)
    for each in started:
        os.waitpid(each.pid, 0)
    assert not (tmp_path / "ran").exists()
    assert (tmp_path / "too").exists()


def test_kill_spares_a_process_that_only_inherited_the_pid() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = process.identify(child.pid)
        assert found is not None
        process.kill([msgspec.structs.replace(found, start_ticks=found.start_ticks - 1)])
        assert process.is_alive(found)
        process.kill([found])
        assert not process.is_alive(found)


def test_another_recipe_makes_another_image() -> None:
    more = dataclasses.replace(recipe.CONTAINER, packages=(*recipe.PACKAGES, "hello"))
    assert more.fingerprint != recipe.CONTAINER.fingerprint
