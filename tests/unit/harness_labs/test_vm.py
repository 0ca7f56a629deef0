"""What a VM is given: its command line, seed, addresses and plugs; no machine is started."""

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from harness.errors import LabError, LabInputError
from harness.labs import checks, network, state
from harness.labs.lifecycle import access, power, reach, running, vm_lab
from harness.labs.vm import machine, seed
from harness.labs.vm_spec import DiskSpec, LabSpec, NicSpec, VmSpec


def rack() -> LabSpec:
    """Return a lab with a jump host, two networks, a password and a slow disk."""
    jump = VmSpec(
        name="gate", role="jump", nics=(card("office", "10.1.0.2/24"), card("mgmt", "10.2.0.2/24"))
    )
    node = VmSpec(
        name="n1",
        nics=(card("mgmt", "10.2.0.11/24"), card("data", "fd00:7::11/64")),
        data_nic=1,
        jump="gate",
        ntp=("fd00:7::2",),
        sudo_password="it's secret",
        time_zone="Asia/Kolkata",
        disks=(DiskSpec(mount="/var/lib/slotlab", size_mb=64, iops=50),),
        commands=("echo once",),
        boot_commands=("echo always",),
        host_vars={"slotlab_zone": "cellar"},
    )
    return LabSpec(hosts=(jump, node), controller=(card("office", "10.1.0.1/24"),))


def card(name: str, address: str) -> NicSpec:
    """Return a card with one address on a network."""
    return NicSpec(network=name, addresses=(address,))


def planned(spec: LabSpec) -> state.LabState:
    """Return the record of a VM lab of that spec."""
    return state.LabState(
        name="rack",
        provider="vm",
        prefix="sl123456",
        network="10.1.0",
        image="",
        vm_image="/cache/vm",
        acceleration="tcg",
        boot="boot-1",
        owner=state.ProcessId(1, 2),
        bridge_namespace="sl123456-bridge",
        controller_namespace="sl123456-ctl",
        controller_cards=spec.controller,
        cgroups=(),
        hosts=tuple(vm_lab.host_state(each) for each in spec.hosts),
    )


def test_a_record_of_vms_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    plan = planned(rack())
    state.save(tmp_path, plan)
    assert state.load(tmp_path) == plan


def test_every_card_has_a_port_of_its_own_on_its_networks_bridge() -> None:
    plan = planned(rack())
    assert plan.networks == ("office", "mgmt", "data")
    shown = {
        name: [(port.name, port.bridge, port.namespace, port.interface) for port in found]
        for name, found in (
            ("controller", network.ports(plan, None)),
            *((host.name, network.ports(plan, host)) for host in plan.hosts),
        )
    }
    assert shown == {
        "controller": [("p0", "br0", "sl123456-ctl", "eth0")],
        "gate": [("p1", "br0", "", "eth0"), ("p2", "br1", "", "eth1")],
        "n1": [("p3", "br1", "", "eth0"), ("p4", "br2", "", "eth1")],
    }


def test_qemu_gets_one_tap_a_card_and_throttled_disks_and_shares_no_address() -> None:
    plan = planned(rack())
    words = machine.qemu_words(plan, plan.host("n1"))
    assert "tap,id=net1,ifname=p4,script=no,downscript=no" in words
    assert any(word.endswith("throttling.iops-total=50") for word in words)
    assert "base=utc,clock=host" in words
    text = " ".join(words + machine.qemu_words(plan, plan.host("gate")))
    macs = [word.split("mac=")[1][:17] for word in text.split() if "mac=" in word]
    assert len(set(macs)) == len(macs) == 4


def test_the_seeds_scripts_are_sh_and_say_what_the_spec_says() -> None:
    plan = planned(rack())
    host = plan.host("n1")
    setup, net = seed.setup_script(host), seed.network_script(plan, host)
    for script in (setup, net):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    once = setup.index("exit 0")
    assert setup.index("mount /dev/vdc /var/lib/slotlab") < once < setup.index("echo once")
    assert "zoneinfo/Asia/Kolkata" in setup
    assert "addr add fd00:7::11/64 dev eth1 nodad" in net
    assert net.index("END\n") < net.index("echo always")
    assert seed.sudo_rule(host) == "lab ALL=(ALL) ALL\n"
    assert "server fd00:7::2 iburst" in seed.chrony_settings(host)
    assert "allow" not in seed.chrony_settings(host)


def test_the_inventory_goes_through_the_jump_host_and_the_spec_wins(tmp_path: Path) -> None:
    plan = planned(rack())
    folder = tmp_path / "state/slotlab/labs/rack"
    folder.mkdir(parents=True)
    book = yaml.safe_load(access.write_inventory(folder, plan).read_text())["all"]
    assert book["vars"]["slotlab_lab"] == "vm"
    assert list(book["children"]) == ["jump_hosts", "nodes"]
    n1 = book["children"]["nodes"]["hosts"]["n1"]
    assert (n1["ansible_host"], n1["slotlab_address"]) == ("10.2.0.11", "fd00:7::11")
    assert (n1["slotlab_interface"], n1["slotlab_zone"]) == ("eth1", "cellar")
    assert "lab@10.1.0.2'" in n1["ansible_ssh_common_args"]
    assert n1["slotlab_power"]["link_down"].endswith(
        "harness.labs.lifecycle.power rack {name} link-down"
    )


def test_missing_qemu_is_named_as_a_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"qemu-system-x86_64", "qemu-img"}
    monkeypatch.setattr(shutil, "which", lambda name: None if name in gone else f"/bin/{name}")
    with pytest.raises(LabError, match=r"VM lab needs .* install qemu-system-x86 qemu-utils"):
        checks.require_programs(checks.VM_PACKAGE_OF, "VM lab")


def test_a_bad_number_of_vms_is_the_operators_error() -> None:
    with pytest.raises(LabInputError, match="--hosts 0: a VM lab has 1 to 20 hosts"):
        vm_lab.up("default", 0, print)


def test_plugs_of_an_unknown_lab_or_an_unknown_word_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert power.main(["rack", "n1", "state"]) == 2
    assert power.main(["rack", "n1", "explode"]) == 2
    assert power.main(["rack"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "no lab 'rack'" in lines[0]
    assert lines[1].startswith("explode: use one of off, on, state")
    assert len(lines) == 3


def test_a_qemu_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="QEMU does not answer to stop"):
        machine.ask_qemu(tmp_path, "stop")


def test_a_login_that_was_given_up_is_waited_for_twice_as_long_the_next_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = vm_lab.host_state(vm_lab.plain_spec(1, "10.0.0").hosts[0])
    waited_s: list[float] = []

    def silent(*_: object, within_s: float, login_s: float) -> set[str]:
        waited_s.append(login_s)
        return {host.name} if len(waited_s) < 7 else set()

    monkeypatch.setattr(reach, "silent_hosts", silent)
    monkeypatch.setattr(running.process, "is_alive", lambda _: True)
    slow: Any = SimpleNamespace(name="slow")
    running._wait_for_ssh(tmp_path, slow, (host,), lambda _: None)
    assert waited_s == [15, 30, 60, 120, 240, 240, 240]
