"""The container lab on this machine: hosts answer by SSH, and `down` leaves nothing of ours.

Runs only as root with the lab's Debian packages; the first run builds the image (a minute).
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.errors import LabError, LabInputError
from harness.labs import checks, state
from harness.labs.image import build, recipe
from harness.labs.lifecycle import container_lab, power, running
from tests import plugs
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.slow]


def missing() -> str:
    """Return why no container lab can be made here, or "" if it can."""
    try:
        checks.require_root()
        checks.require_programs()
    except LabError as error:
        return str(error)
    return ""


if reason := missing():
    pytestmark.append(pytest.mark.skip(reason=reason))


def quiet(line: str) -> None:
    """Take a progress line and drop it."""


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a labs folder of the test's own; every lab in it is removed afterwards."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield state.labs_root()
    for name in state.list_labs():
        running.down(name, quiet)


def on(name: str, host: str, command: str) -> str:
    """Return what the command printed on the lab host, reached by SSH."""
    words = [*running.ssh_command(name, host), command]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout.strip()


def traces(prefix: str) -> list[str]:
    """Return everything on this machine that carries the lab's prefix."""
    found = [f"netns {path.name}" for path in Path("/run/netns").glob(f"{prefix}*")]
    found += [f"mount {line}" for line in _lines("/proc/self/mountinfo") if prefix in line]
    found += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"**/{prefix}*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if prefix.encode() in words:
            found.append(f"process {words!r}")
    return found


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def own_network() -> tuple[str, ...]:
    """Return the interfaces, routes and nft rules of the machine's own namespace."""
    commands = (["ip", "-br", "link"], ["ip", "route", "show", "table", "all"])
    return tuple(
        subprocess.run(words, capture_output=True, text=True, check=False).stdout
        for words in (*commands, ["nft", "list", "ruleset"])
    )


def test_hosts_run_systemd_and_answer_by_ssh(labs: Path) -> None:
    lab = container_lab.up("ssh", 2, quiet)
    assert [name for name, _ in lab.hosts] == ["n1", "n2"]
    for name in ("n1", "n2", "ntp"):
        assert on("ssh", name, "hostname") == name
        word = on("ssh", name, "systemctl is-system-running --wait || true")
        assert word == "running", on("ssh", name, "systemctl --failed --no-pager")
        watchers = on("ssh", name, "sudo sh -c 'readlink /proc/1/fd/*' | grep -c inotify")
        assert int(watchers) <= checks.WATCHERS_A_HOST
    assert on("ssh", "n1", "sudo id -u") == "0"
    assert on("ssh", "n1", "sudo ping -c 1 -W 2 -q n2 >/dev/null && echo reached") == "reached"
    seen = running.status("ssh")
    assert seen is not None
    assert seen.phase == "up"
    assert all(host.running and host.ssh for host in seen.hosts)


def test_down_leaves_nothing_and_the_machines_own_network_is_never_touched(labs: Path) -> None:
    before = own_network()
    container_lab.up("gone", 2, quiet)
    assert own_network() == before
    recorded = state.load(state.lab_folder("gone"))
    assert recorded is not None
    assert traces(recorded.prefix)
    assert running.down("gone", quiet) is True
    wait_until(lambda: traces(recorded.prefix) == [], "nothing is left")
    assert own_network() == before
    assert not state.lab_folder("gone").exists()
    assert running.down("gone", quiet) is False


UP_AND_DIE = """
import os, signal, sys, threading
from harness.labs.lifecycle import container_lab
def progress(line):
    if sys.argv[1] in line:
        threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()
container_lab.up("cut", 3, progress)
signal.pause()
"""


@pytest.mark.parametrize(
    ("line", "delay_s"),
    [("network", 0), ("network", 0.01), ("booting", 0), ("booting", 0.03), ("booting", 0.2)],
)
def test_down_after_sigkill_of_up_leaves_nothing(labs: Path, line: str, delay_s: float) -> None:
    words = [sys.executable, "-c", UP_AND_DIE, line, str(delay_s)]
    # The image is made first, so that the kill always meets the lab and not the build.
    build.ensure(recipe.CONTAINER, quiet)
    died = subprocess.run(words, cwd=ROOT, env=os.environ, check=False, timeout=600)
    assert died.returncode == -signal.SIGKILL
    recorded = state.load(state.lab_folder("cut"))
    assert recorded is not None
    assert running.down("cut", quiet) is True
    wait_until(lambda: traces(recorded.prefix) == [], "nothing is left")


def test_up_removes_what_a_dead_up_left_and_refuses_a_living_lab(labs: Path) -> None:
    build.ensure(recipe.CONTAINER, quiet)
    words = [sys.executable, "-c", UP_AND_DIE, "booting", "0.1"]
    subprocess.run(words, cwd=ROOT, env=os.environ, check=False, timeout=600)
    left = state.load(state.lab_folder("cut"))
    assert left is not None
    container_lab.up("cut", 1, quiet)
    assert traces(left.prefix) == []
    with pytest.raises(LabInputError, match="already up: slotlab lab down --name cut"):
        container_lab.up("cut", 1, quiet)


def test_a_killed_host_comes_back_with_its_disk_and_another_boot_id(labs: Path) -> None:
    container_lab.up("power", 1, quiet)
    boot = on("power", "n1", "sudo touch /var/kept; cat /proc/sys/kernel/random/boot_id")
    power.run("power", "n1", "off")
    seen = running.status("power")
    assert seen is not None
    assert [(host.name, host.running) for host in seen.hosts] == [("n1", False), ("ntp", True)]
    plugs.start("power", "n1")
    assert on("power", "n1", "ls /var/kept; cat /proc/sys/kernel/random/boot_id") != boot
    assert "/var/kept" in on("power", "n1", "ls /var/kept")


def test_a_frozen_or_unplugged_host_is_silent_and_comes_back(labs: Path) -> None:
    container_lab.up("plugs", 2, quiet)

    def reached() -> bool:
        command = "sudo ping -c 1 -W 1 -q n1 >/dev/null && echo yes || echo no"
        return on("plugs", "n2", command) == "yes"

    def counted() -> str:
        return on("plugs", "n1", "cat /run/count 2>/dev/null || true")

    count = "i=0; while :; do i=$((i+1)); echo $i > /run/new; mv /run/new /run/count; done"
    on("plugs", "n1", f"sudo systemd-run -q -p CPUQuota=20% sh -c '{count}'")
    wait_until(counted, "it counts")
    power.run("plugs", "n1", "freeze")
    assert power.run("plugs", "n1", "state") == "frozen"
    power.run("plugs", "n1", "thaw")
    assert power.run("plugs", "n1", "state") == "on"
    before = counted()
    wait_until(lambda: counted() != before, "it counts on")
    power.run("plugs", "n1", "link-down")
    assert power.run("plugs", "n1", "state") == "link_down"
    assert not reached()
    power.run("plugs", "n1", "link-up")
    wait_until(reached, "it is reached")
    power.run("plugs", "n1", "off")
    assert power.run("plugs", "n1", "state") == "off"
    with pytest.raises(LabError, match="n1 is off: switch it on first"):
        power.run("plugs", "n1", "freeze")


ASK_TIME = """
import json, socket, struct, time
asked = time.time()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(60)
udp.sendto(bytes([0x23]) + bytes(47), ("ntp", 123))
data = udp.recv(64)
seconds, fraction = struct.unpack(">II", data[40:48])
sent = seconds - 2208988800 + fraction / 2**32
print(json.dumps({"stratum": data[1], "off_s": abs(sent - asked), "took_s": time.time() - asked}))
"""


def test_the_labs_time_server_answers_with_stratum_1(labs: Path) -> None:
    container_lab.up("time", 1, quiet)
    answer = json.loads(on("time", "n1", f"python3 -c '{ASK_TIME}'"))
    assert answer["stratum"] == 1
    assert answer["off_s"] < 1 + answer["took_s"]
    assert on("time", "n1", "systemctl is-active chrony || true") != "active"


def test_hosts_enforce_cpu_quotas_and_have_nft_and_timers(labs: Path) -> None:
    container_lab.up("kernel", 1, quiet)
    spin = "import time\nend = time.time() + 1\nwhile time.time() < end: pass"
    quota = f"sudo systemd-run -q --wait --pipe -p CPUQuota=20% python3 -c '{spin}\n{USED}'"
    assert float(on("kernel", "n1", quota)) < 0.5
    sets = "table inet t { set s { type ipv4_addr; flags timeout; }; }"
    on("kernel", "n1", f"echo '{sets}' | sudo nft -f - && {ADD_ELEMENT}")
    gone = "sudo nft -j list set inet t s | grep -c 10.9.9.9 || true"
    wait_until(lambda: on("kernel", "n1", gone) == "0", "the element expires")
    assert float(on("kernel", "n1", TIMER)) > 0.9


USED = "print(time.process_time())"
ADD_ELEMENT = "sudo nft add element inet t s '{ 10.9.9.9 timeout 1s }'"
TIMER = (
    "asked=$(date +%s.%N); sudo systemd-run -q --on-active=1 --timer-property=AccuracySec=50ms "
    "sh -c 'date +%s.%N > /run/fired.new; mv /run/fired.new /run/fired'; "
    "until [ -e /run/fired ]; do sleep 0.05; done; "
    'python3 -c "print($(cat /run/fired) - $asked)"'
)


def test_the_inventory_names_nodes_and_keeps_the_time_server_apart(labs: Path) -> None:
    lab = container_lab.up("book", 2, quiet)
    book = yaml.safe_load(lab.inventory.read_text())["all"]
    assert book["vars"] == {"slotlab_lab": "container", "slotlab_netns": str(lab.netns)}
    nodes = book["children"]["nodes"]["hosts"]
    assert list(nodes) == ["n1", "n2"]
    assert nodes["n1"]["slotlab_ntp"] == [book["children"]["ntp_servers"]["hosts"]["ntp"][HOST]]
    key = Path(nodes["n1"]["ansible_ssh_private_key_file"])
    assert key.stat().st_mode & 0o777 == 0o600
    assert lab.netns.exists()


HOST = "ansible_host"
