"""What `make` does to a fresh machine first, on machines made of a few programs of our own.

Python, pip, apt-get and sudo are scripts that note down what they were asked; the rest is real.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REAL = "sh env cat cp dirname flock grep id mkdir readlink rm sha256sum sleep touch tr".split()
LAB = "systemd-nspawn mmdebstrap ip nft iptables ssh".split()

PYTHON = """\
#!/bin/sh
case "$*" in
    --version) echo "Python $FAKE_PYTHON" ;;
    *sys.exit*) case $FAKE_PYTHON in 3.1[123].*) ;; *) exit 1 ;; esac ;;
    *ensurepip*) [ ! -e "$FAKE/no-venv" ] ;;
    *version_info*) echo "$FAKE_PYTHON" ;;
    "-m venv .venv")
        mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$FAKE/pip" .venv/bin/pip ;;
esac
"""
PIP = """\
#!/bin/sh
echo "pip $*" >>"$FAKE/asked"
case "$*" in *requirements.lock*) ;; *) exit 0 ;; esac
echo "Collecting one==1 (from -r requirements.lock (line 1))"
if [ -e "$FAKE/pip-waits" ]; then touch "$FAKE/pip-is-waiting"; sleep 600; fi
if [ -e "$FAKE/pip-fails" ]; then echo "ERROR: No space left on device" >&2; exit 1; fi
echo "Installing collected packages: one"
"""
APT_GET = """\
#!/bin/sh
echo "apt-get $*" >>"$FAKE/asked"
case "$*" in *" install "*) rm -f "$FAKE/no-venv"; cp "$FAKE/python" "$FAKE/bin/python3" ;; esac
"""
INSTALLS = "pip install --disable-pip-version-check --only-binary :all: --require-hashes"
ENVIRONMENT_LINES = [
    f"{INSTALLS} -r requirements.lock",
    "pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .",
]
BUILT = (
    "setup: building .venv (Python 3.12.3, versions and hashes from requirements.lock)\n"
    "setup:   unpacking them\n"
    "setup: .venv is ready\n"
)


@dataclass(frozen=True, slots=True)
class Machine:
    """A clone and the programs of the machine it is on."""

    clone: Path
    fake: Path
    version: str = "3.12.3"

    def start(self) -> subprocess.Popen[str]:
        """Return a running set-up, the leader of a process group of its own."""
        return subprocess.Popen(
            [str(self.clone / "harness/setup.sh")],
            env={"PATH": str(self.fake / "bin"), "FAKE": str(self.fake)}
            | {"FAKE_PYTHON": self.version},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def set_up(self) -> tuple[int, str, str]:
        """Return exit status, output and errors of one set-up."""
        process = self.start()
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def asked(self) -> list[str]:
        """Return what pip and apt-get were asked since last time."""
        path = self.fake / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    clone, fake = tmp_path / "my clone", tmp_path / "fake"
    (clone / "harness").mkdir(parents=True)
    for name in ("setup.sh", "as_root.sh"):
        shutil.copy(ROOT / "harness" / name, clone / "harness" / name)
    (clone / "requirements.lock").write_text("one==1 \\\n    --hash=sha256:00\n")
    (fake / "bin").mkdir(parents=True)
    for name in REAL:
        (fake / "bin" / name).symlink_to(str(shutil.which(name)))
    scripts = {"python": PYTHON, "pip": PIP, "bin/python3": PYTHON, "bin/apt-get": APT_GET}
    for name, text in scripts.items() | {f"bin/{name}": "" for name in LAB}.items():
        (fake / name).write_text(text)
        (fake / name).chmod(0o755)
    return Machine(clone, fake)


def be_root(machine: Machine) -> None:
    (machine.fake / "bin/id").unlink()
    (machine.fake / "bin/id").write_text("#!/bin/sh\necho 0\n")
    (machine.fake / "bin/id").chmod(0o755)


def be_nobody(machine: Machine) -> None:
    be_root(machine)
    (machine.fake / "bin/id").write_text("#!/bin/sh\necho 1000\n")


def test_a_second_set_up_asks_nothing_of_any_registry(machine: Machine) -> None:
    assert machine.set_up() == (0, BUILT, "")
    assert machine.asked() == ENVIRONMENT_LINES
    assert machine.set_up() == (0, "", "")
    assert machine.asked() == []


def test_missing_packages_are_named_with_their_reason_and_installed(machine: Machine) -> None:
    be_root(machine)
    (machine.fake / "bin/mmdebstrap").unlink()
    (machine.fake / "no-venv").touch()
    assert machine.set_up() == (
        0,
        "setup: needs python3-venv: the virtual environment\n"
        "setup: needs mmdebstrap: builds the hosts' root file system once\n"
        f"setup: installing them with apt-get\n{BUILT}",
        "",
    )
    assert machine.asked() == [
        "apt-get -qq -o DPkg::Lock::Timeout=300 update",
        "apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends"
        " python3-venv mmdebstrap",
        *ENVIRONMENT_LINES,
    ]


def test_a_machine_without_any_python_gets_one(machine: Machine) -> None:
    be_root(machine)
    (machine.fake / "bin/python3").unlink()
    assert machine.set_up() == (
        0,
        "setup: needs python3-venv: the virtual environment\n"
        f"setup: installing them with apt-get\n{BUILT}",
        "",
    )


def test_without_root_it_goes_on_without_the_labs_packages(machine: Machine) -> None:
    be_nobody(machine)
    (machine.fake / "bin/mmdebstrap").unlink()
    assert machine.set_up() == (
        0,
        "setup: needs mmdebstrap: builds the hosts' root file system once\n"
        "setup: not root and no sudo: going on without mmdebstrap\n"
        "setup: (plans, simulations, reports and unit tests work; the container lab does not)\n"
        f"{BUILT}",
        "",
    )
    assert machine.asked() == ENVIRONMENT_LINES


@pytest.mark.parametrize("version", ["3.10.12", "3.14.0"])
def test_a_python_of_another_version_is_one_line(machine: Machine, version: str) -> None:
    other = Machine(machine.clone, machine.fake, version)
    assert other.set_up() == (
        3,
        "",
        f"setup: needs Python 3.11, 3.12 or 3.13 and found only Python {version}:"
        " Debian 12/13 and Ubuntu 24.04 have one\n",
    )
    assert machine.asked() == []


def test_no_python_and_no_root_is_one_line_more(machine: Machine) -> None:
    be_nobody(machine)
    (machine.fake / "bin/python3").unlink()
    status, _, errors = machine.set_up()
    assert (status, errors) == (
        3,
        "setup: needs Python 3.11, 3.12 or 3.13, and there is none: install python3-venv\n",
    )


def test_a_set_up_killed_in_the_middle_is_done_again_from_the_start(machine: Machine) -> None:
    (machine.fake / "pip-waits").touch()
    killed = machine.start()
    while not (machine.fake / "pip-is-waiting").exists():
        assert killed.poll() is None
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    assert (machine.clone / ".venv/bin/python").exists()
    (machine.fake / "pip-waits").unlink()
    machine.asked()
    assert machine.set_up() == (0, BUILT, "")
    assert machine.asked() == ENVIRONMENT_LINES


def test_a_failed_install_says_so_once_and_leaves_no_half_made_environment(
    machine: Machine,
) -> None:
    (machine.fake / "pip-fails").touch()
    assert machine.set_up() == (
        3,
        "setup: building .venv (Python 3.12.3, versions and hashes from requirements.lock)\n",
        "ERROR: No space left on device\n"
        "setup: cannot build .venv: it says why above"
        " (no package index in reach, or a full disk?)\n",
    )
    assert not (machine.clone / ".venv").exists()
    (machine.fake / "pip-fails").unlink()
    assert machine.set_up() == (0, BUILT, "")


def test_of_two_at_once_one_builds_and_the_other_waits_for_it(machine: Machine) -> None:
    (machine.fake / "pip-waits").touch()
    first = machine.start()
    while not (machine.fake / "pip-is-waiting").exists():
        assert first.poll() is None
    second = machine.start()
    assert second.stdout is not None
    assert second.stdout.readline() == "setup: another make is at it: waiting\n"
    machine.asked()
    (machine.fake / "pip-waits").unlink()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)
    output, errors = second.communicate(timeout=60)
    assert (second.returncode, output, errors) == (0, BUILT, "")
    assert machine.asked() == ENVIRONMENT_LINES


@pytest.mark.parametrize("change", ["copied", "new lock", "new minor", "python gone"])
def test_an_environment_that_no_longer_fits_is_built_again(machine: Machine, change: str) -> None:
    assert machine.set_up()[0] == 0
    machine.asked()
    if change == "copied":
        shutil.copytree(machine.clone, machine.clone.parent / "copy")
        machine = Machine(machine.clone.parent / "copy", machine.fake)
    elif change == "new lock":
        (machine.clone / "requirements.lock").write_text("two==2 \\\n    --hash=sha256:00\n")
    elif change == "new minor":
        machine = Machine(machine.clone, machine.fake, "3.13.5")
    else:
        (machine.clone / ".venv/bin/python").unlink()
        (machine.clone / ".venv/bin/python").symlink_to("/nowhere/python3")
    status, output, errors = machine.set_up()
    assert (status, output, errors) == (0, BUILT.replace("3.12.3", machine.version), "")
    assert machine.asked() == ENVIRONMENT_LINES
