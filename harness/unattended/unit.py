"""The unit of systemd that works a queue through, also after a reboot, until nothing is left.

As root a unit of the machine, else one of the user, which lasts beyond the login where the user
lingers. The file is ours, is there while the queue has entries, and holds no secret.
"""

import getpass
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from harness.controller.version import CLONE
from harness.errors import RunError, UsageError
from harness.unattended.queue import Queue

BOOTED = Path("/run/systemd/system")
"""There while systemd is the machine's init (sd_booted(3))."""
LINGERS = Path("/var/lib/systemd/linger")
START_S = 20.0
POLL_S = 0.2
COMMAND_S = 60.0
KEPT = ("PATH", "LANG", "XDG_STATE_HOME", "XDG_CACHE_HOME")
"""Of the operator's environment, what decides which programs and folders ours are."""
_TEXT = """\
# slotlab made it, and removes it when the queue is empty: `slotlab queue list`.
[Unit]
Description=slotlab: runs of the queue {name}
Wants=network-online.target
After=network-online.target time-sync.target
RequiresMountsFor={clone} {folder}
StartLimitIntervalSec=1h
StartLimitBurst=30

[Service]
Type=exec
ExecStart={words}
Environment={environment}
KillMode=mixed
TimeoutStopSec=4min
Restart=on-failure
RestartSec=5s

[Install]
WantedBy={target}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """The systemd that keeps our units: how it is asked, where it finds them, what starts them."""

    systemctl: tuple[str, ...]
    folder: Path
    target: str

    def ask(self, *words: str, may_fail: bool = False) -> None:
        """Have it do something.

        Raises:
            RunError: it does not, and has to; one line with what it says.
        """
        environment = {"XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}", **os.environ}
        done = subprocess.run(
            [*self.systemctl, *words], capture_output=True, text=True, check=False,
            timeout=COMMAND_S, env=environment,
        )  # fmt: skip
        if done.returncode != 0 and not may_fail:
            said = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise RunError(f"{' '.join([*self.systemctl, *words])}: {said}")


def manager() -> Manager:
    """Return the systemd that keeps what this user hands over.

    Raises:
        UsageError: nothing here would keep it; one line with the remedy.
    """
    if not BOOTED.is_dir():
        raise UsageError(
            "this machine does not run systemd, which would keep an unattended run going: run it"
            " here without that (in tmux or screen), or hand it over on a machine that does"
        )
    if os.geteuid() == 0:
        folder = Path("/etc/systemd/system")
        return Manager(systemctl=("systemctl",), folder=folder, target="multi-user.target")
    user = getpass.getuser()
    if not (LINGERS / user).exists():
        raise UsageError(
            f"user {user} does not linger, so that an unattended run would end with the login:"
            f" sudo loginctl enable-linger {user}"
        )
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").absolute()
    folder = home / "systemd" / "user"
    return Manager(systemctl=("systemctl", "--user"), folder=folder, target="default.target")


def name_of(queue: Queue) -> str:
    """Return the name of the unit that works a queue through."""
    return f"slotlab-queue-{queue.name}.service"


def text_of(queue: Queue, target: str) -> str:
    """Return the unit's file."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment = kept | {"HOME": str(Path.home()), "PYTHONPATH": str(CLONE)}
    words = (sys.executable, "-P", "-m", "harness.unattended", "work", str(queue.path))
    return _TEXT.format(
        name=queue.name,
        clone=_quoted(str(CLONE)),
        folder=_quoted(str(queue.path)),
        # Only in commands `$` stands for a variable.
        words=" ".join(_quoted(word).replace("$", "$$") for word in words),
        environment=" ".join(_quoted(f"{name}={value}") for name, value in environment.items()),
        target=target,
    )


def ensure(queue: Queue, kept_by: Manager) -> None:
    """Have the unit there and at work, now and after each boot.

    Raises:
        RunError: it does not come to work; one line with where to look.
    """
    name = name_of(queue)
    kept_by.folder.mkdir(parents=True, exist_ok=True)
    draft = kept_by.folder / f".{name}.{os.getpid()}"
    draft.write_text(text_of(queue, kept_by.target))
    draft.replace(kept_by.folder / name)
    kept_by.ask("daemon-reload")
    kept_by.ask("enable", "--quiet", name)
    until = time.monotonic() + START_S
    while not queue.is_worked and queue.next() is not None:
        if time.monotonic() > until:
            raise RunError(f"{name} does not come to work: see journalctl -u {name}")
        kept_by.ask("reset-failed", name, may_fail=True)  # of a unit that it never had
        kept_by.ask("start", name)
        time.sleep(POLL_S)


def remove(queue: Queue, kept_by: Manager) -> None:
    """Have the unit not come back: what of it runs ends by itself.

    Raises:
        RunError: systemd does not take it.
    """
    name = name_of(queue)
    kept_by.ask("disable", "--quiet", name)
    (kept_by.folder / name).unlink(missing_ok=True)
    kept_by.ask("daemon-reload")


def _quoted(value: str) -> str:
    """Return a value as a word of a unit's file, whatever is in it."""
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'.replace("%", "%%")
