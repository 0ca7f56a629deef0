"""The VM lab on this machine: own kernels and clocks, plugs that can be pulled, nothing left over.

Runs only as root with the lab's Debian packages; the first run builds two images (minutes). One
lab of two VMs serves all tests of the file, in order.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.errors import LabInputError
from harness.labs import state
from harness.labs.lifecycle import running, vm_lab
from harness.testbed import lab_teardown
from tests import plugs
from tests.vm.needs import missing
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.slow]
NAME = "vmtest"
ROOT = Path(__file__).resolve().parents[2]
SYNC = "chronyc waitsync 60 0.005 0 1 >/dev/null && echo in sync"


if reason := missing():
    pytestmark.append(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Lab]:
    """Yield a lab of two VMs in a labs folder of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("labs")))
        before = machine()
        made = vm_lab.up(NAME, 2, print)
        assert machine() == before
        recorded = state.load(state.lab_folder(NAME))
        assert recorded is not None
        try:
            yield made
        finally:
            lab_teardown.take_down(NAME, print)
        assert machine() == before
        assert traces(recorded.prefix) == []


def machine() -> tuple[str, ...]:
    """Return this machine's own interfaces, routes, rules and mounts."""
    commands = (["ip", "-br", "link"], ["ip", "route", "show", "table", "all"])
    shown = tuple(_output(words) for words in (*commands, ["nft", "list", "ruleset"]))
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return (*shown, *(mount for mount in mounts if "netns" not in mount))


def _output(words: list[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def traces(prefix: str) -> list[str]:
    """Return every namespace and process that carries the lab's prefix."""
    found = [str(path) for path in Path("/run/netns").glob(f"{prefix}*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if prefix.encode() in words:
            found.append(repr(words))
    return found


def on(host: str, command: str, within_s: float = 90) -> str:
    """Return what the command printed on the lab host, reached by SSH."""
    words = [*running.ssh_command(NAME, host), command]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=within_s)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout.strip()


def reaches(host: str) -> bool:
    """Return whether the time server's ping to host is answered."""
    command = f"ping -c 1 -W 1 -q {host} >/dev/null && echo yes || echo no"
    return on("ntp", command) == "yes"


def test_vms_have_their_own_kernel_and_a_clock_in_sync_with_the_labs_server(
    lab: running.Lab,
) -> None:
    seen = running.status(NAME)
    assert seen is not None
    assert (seen.provider, seen.phase) == ("vm", "up")
    assert all(host.running and host.ssh for host in seen.hosts)
    for name in ("n1", "n2"):
        assert on(name, "hostname") == name
        assert on(name, "uname -r") != os.uname().release
        assert on(name, "systemctl is-system-running --wait || true") == "running"
        assert on(name, SYNC) == "in sync"
        assert on(name, "systemctl is-active chrony") == "active"


def test_the_kernel_modules_of_faults_load_on_demand(lab: running.Lab) -> None:
    netem = "sudo tc qdisc add dev eth0 root netem delay 40ms"
    asked = "ping -c 10 -i 0.2 -q n2 | tail -1 | cut -d= -f2 | cut -d/ -f1"
    least_ms = float(on("n1", asked))
    on("n1", netem)
    slow_ms = float(on("n1", asked))
    on("n1", "sudo tc qdisc del dev eth0 root")
    assert 40 <= slow_ms < least_ms + 50
    rules = "table ip t { chain c { type nat hook output priority -100; udp dport 9 redirect; }; }"
    on("n1", f"echo '{rules}' | sudo nft -f - && sudo nft delete table ip t")
    on("n1", "sudo modprobe -a sch_netem ifb nfnetlink_queue nft_numgen")


def test_a_clock_set_in_one_vm_moves_no_other_clock(lab: running.Lab) -> None:
    on("n1", "sudo systemctl stop chrony && sudo date -s '+1 hour'")
    ahead_s = int(on("n1", "date +%s")) - time.time()
    other_s = int(on("n2", "date +%s")) - time.time()
    on("n1", "sudo date -s '-1 hour' && sudo systemctl start chrony")
    assert 3590 < ahead_s < 3610
    assert abs(other_s) < 5
    assert on("n1", SYNC) == "in sync"


def plug(lab: running.Lab, host: str, word: str) -> str:
    """Return what the inventory's own command for that plug prints, run from anywhere."""
    hosts = yaml.safe_load(lab.inventory.read_text())["all"]["children"]["nodes"]["hosts"]
    words = shlex.split(hosts[host]["slotlab_power"][word].replace("{name}", host))
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_inventorys_plugs_freeze_unplug_and_cut_the_power(lab: running.Lab) -> None:
    boot = on("n2", "sudo touch /var/kept && sync && cat /proc/sys/kernel/random/boot_id")
    assert plug(lab, "n2", "state") == "on"
    plug(lab, "n2", "freeze")
    assert plug(lab, "n2", "state") == "frozen"
    assert not reaches("n2")
    plug(lab, "n2", "thaw")
    wait_until(lambda: reaches("n2"), "n2 is reached")
    plug(lab, "n2", "link_down")
    assert plug(lab, "n2", "state") == "link_down"
    assert not reaches("n2")
    plug(lab, "n2", "link_up")
    wait_until(lambda: reaches("n2"), "n2 is reached")
    plug(lab, "n2", "off")
    assert plug(lab, "n2", "state") == "off"
    assert not reaches("n2")
    plug(lab, "n2", "on")
    plugs.start(NAME, "n2")
    assert on("n2", "ls /var/kept && cat /proc/sys/kernel/random/boot_id") != boot
    assert on("n2", SYNC) == "in sync"


def test_a_host_reboots_by_itself_with_another_boot_id(lab: running.Lab) -> None:
    ask = "cat /proc/sys/kernel/random/boot_id"
    boot = on("n1", ask)
    subprocess.run([*running.ssh_command(NAME, "n1"), "sudo systemctl reboot"], check=False)

    def another_boot() -> bool:
        words = running.ssh_command(NAME, "n1")
        words[-1:] = ["-o", "ConnectTimeout=2", words[-1], ask]
        return _output(words).strip() not in ("", boot)

    wait_until(another_boot, "n2 boots again")


def test_the_inventory_is_as_of_hardware_and_a_living_lab_is_not_made_twice(
    lab: running.Lab,
) -> None:
    book = yaml.safe_load(lab.inventory.read_text())["all"]
    assert book["vars"] == {"slotlab_lab": "vm", "slotlab_netns": str(lab.netns)}
    n1 = book["children"]["nodes"]["hosts"]["n1"]
    assert n1["slotlab_address"] == n1["ansible_host"]
    assert n1["slotlab_interface"] == "eth0"
    with pytest.raises(LabInputError, match=f"already up: slotlab lab down --name {NAME}"):
        vm_lab.up(NAME, 1, print)


UP_AND_DIE = """
import os, signal, sys, threading
from harness.labs.lifecycle import vm_lab
def progress(line):
    if "booting" in line:
        threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), signal.SIGKILL)).start()
vm_lab.up("cut", 1, progress)
signal.pause()
"""


@pytest.mark.parametrize("delay_s", [0, 0.3, 2])
def test_down_after_sigkill_of_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delay_s: float
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = [sys.executable, "-c", UP_AND_DIE, str(delay_s)]
    died = subprocess.run(words, cwd=ROOT, check=False, timeout=600)
    assert died.returncode == -signal.SIGKILL
    recorded = state.load(state.lab_folder("cut"))
    assert recorded is not None
    assert running.down("cut", print) is True
    wait_until(lambda: traces(recorded.prefix) == [], "nothing is left")
