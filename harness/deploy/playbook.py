"""Run one of our playbooks through ansible-runner and say, host by host, what came of it.

Ansible goes over the connections that are there already. Everything it leaves on the controller
(artifacts, its home) lives in a temporary folder that is gone afterwards; the user's own Ansible
files are not written to.
"""

import difflib
import os
import shlex
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import ansible_runner

from harness.controller.netns_exec import thread_start
from harness.controller.version import CLONE
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.remote import ssh_failure

PLAYBOOKS = CLONE / "playbooks"
SSH = PLAYBOOKS / "ssh_behind_greeting.sh"
Progress = Callable[[str], None]
Variables = Mapping[str, Mapping[str, Any]]
"""What a playbook is told of each host that it is played on."""
_SAID_IN_WORDS = (
    *("ansible_ssh_common_args", "ansible_ssh_extra_args"),
    *("ansible_ssh_private_key_file", "ansible_private_key_file"),
    *("ansible_password", "ansible_ssh_password", "ansible_ssh_pass"),
)
"""Variables of Ansible that its ssh would get words from besides."""


class PlaybookError(RunError):
    """Ansible itself failed, not a host: one line with its reason."""


@dataclass(slots=True)
class PlayedHost:
    """What a playbook did on one host so far: what changed or was removed, or why it failed."""

    host: str
    changed: bool = False
    failure: str = ""
    lines: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)

    @property
    def state(self) -> Literal["changed", "unchanged", "failed"]:
        """What came of the host, in a word."""
        return "failed" if self.failure else "changed" if self.changed else "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOptions:
    """How to play: the sudo password if one is needed; diff: only show what would change."""

    become_password: str | None = None
    diff: bool = False


def play(
    inventory: Inventory,
    name: str,
    variables: Variables,
    *,
    options: PlayOptions,
    progress: Progress,
    ways: Mapping[str, Sequence[str]],
) -> dict[str, PlayedHost]:
    """Return the outcome of playbooks/<name>.yml for each host that variables has an entry for.

    ways has the words by which ssh uses the connection to a host that is there already; a host
    without is logged in to by its own words.

    Raises:
        PlaybookError: Ansible did not even reach a task.
    """
    played = {host: PlayedHost(host) for host in variables}
    folder = Path(tempfile.mkdtemp(prefix="slotlab-"))
    stop = threading.Event()
    try:
        arguments = _arguments(inventory, name, variables, options, folder)
        arguments["extravars"] |= _login(inventory, ways)
        arguments["event_handler"] = _listener(played, progress)
        arguments["cancel_callback"] = stop.is_set
        with ThreadPoolExecutor(1, initializer=thread_start(inventory.netns)) as pool:
            try:
                runner = pool.submit(ansible_runner.run, **arguments).result()
            except BaseException:
                stop.set()
                raise
        if runner.rc != 0 and not any(host.failure for host in played.values()):
            raise PlaybookError(f"ansible-playbook {name}.yml: {_last_error(runner)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return played


def _arguments(
    inventory: Inventory, name: str, variables: Variables, options: PlayOptions, folder: Path
) -> dict[str, Any]:
    extra = {"slotlab_hosts": list(variables), "slotlab_deploy": dict(variables)}
    become: dict[str, str] = {}
    if options.become_password is not None:
        # A file, not a variable: a password that the inventory has for a host goes before it.
        file = folder / "become"
        file.touch(mode=0o600)
        file.write_text(options.become_password + "\n")
        become["ANSIBLE_BECOME_PASSWORD_FILE"] = str(file)
    return {
        "private_data_dir": str(folder),
        "playbook": str(PLAYBOOKS / f"{name}.yml"),
        "inventory": str(inventory.path),
        "extravars": extra,
        "cmdline": "--diff --check" if options.diff else None,
        "quiet": True,
        "settings": {"suppress_env_files": False},
        "envvars": {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            "ANSIBLE_REMOTE_TMP": "/tmp",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_HOST_KEY_CHECKING": "true",
            "ANSIBLE_FORKS": str(min(32, max(5, len(variables)))),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "ANSIBLE_TIMEOUT": str(max(host.ssh.connect_timeout_s for host in inventory.hosts)),
            **become,
        },
    }


def _login(inventory: Inventory, ways: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the variables that give OpenSSH our words, and the host's interpreter."""
    words, login = {}, {}
    for host in inventory.hosts:
        way = ways.get(host.name, host.ssh.words)
        words[host.name] = shlex.join(["-o", "ControlMaster=no", *way])
        login[host.name] = {"user": host.ssh.user, "port": host.ssh.port, "python": host.python}
    return {
        **dict.fromkeys(_SAID_IN_WORDS, ""),
        "slotlab_ssh": words,
        "slotlab_login": login,
        "ansible_ssh_executable": str(SSH),
        "ansible_ssh_args": "{{ slotlab_ssh[inventory_hostname] }}",
        "ansible_user": "{{ slotlab_login[inventory_hostname].user }}",
        "ansible_port": "{{ slotlab_login[inventory_hostname].port }}",
        "ansible_python_interpreter": "{{ slotlab_login[inventory_hostname].python }}",
    }


def _listener(
    played: Mapping[str, PlayedHost], progress: Progress
) -> Callable[[Mapping[str, Any]], bool]:
    """Return what ansible-runner calls with each event; it fills played as hosts come along.

    Why a host failed is for who started the play to say, once.
    """

    def heard(event: Mapping[str, Any]) -> bool:
        data = event.get("event_data", {})
        host = played.get(str(data.get("host", "")))
        if host is None:
            return False
        result, task = data.get("res") or {}, str(data.get("task", ""))
        match event.get("event"):
            case "runner_on_ok":
                _took(host, task, result, progress)
            case "runner_on_failed" if not data.get("ignore_errors"):
                host.failure = explain(task, result)
            case "runner_on_unreachable":
                host.failure = f"unreachable: {ssh_failure.reason(str(result.get('msg', '')))}"
        return False

    return heard


def _took(host: PlayedHost, task: str, result: Mapping[str, Any], progress: Progress) -> None:
    if not result.get("changed"):
        return
    host.changed = True
    host.lines += [str(line) for line in result.get("stdout_lines") or []]
    host.lines += [f"wrote {path}" for path in result.get("paths") or []]
    for entry in result.get("diff") or []:
        if isinstance(entry, dict) and entry.get("before") != entry.get("after"):
            host.diff += _unified(entry)
    progress(f"{host.host}: {task}")


def _unified(entry: Mapping[str, Any]) -> Sequence[str]:
    before, after = (str(entry.get(side) or "").splitlines() for side in ("before", "after"))
    name = str(entry.get("after_header") or "")
    return list(difflib.unified_diff(before, after, name, name, lineterm="", n=1))


_NO_SUDO = (
    *("missing sudo password", "incorrect sudo password", "incorrect password attempt"),
    *("password is required", "a terminal is required", "waiting for privilege escalation"),
    *("not in the sudoers", "may not run sudo", "not allowed to execute", "sudo: not found"),
    *("sudo: command not found", "no valid sudoers"),
)
"""How sudo and Ansible say that a login may not become root; of much else sudo only warns."""


def explain(task: str, result: Mapping[str, Any]) -> str:
    """Return one line that says why a task failed on a host, with the remedy where it is known."""
    keys = ("msg", "module_stderr", "stderr", "stdout")
    texts = [str(result.get(key) or "") for key in keys]
    everything = " ".join(texts).lower()
    if "no space left" in everything or "disk quota" in everything:
        return f"disk full: while it should {task}; free space in /opt, /etc and the state folder"
    if "read-only file system" in everything:
        return f"read-only file system: while it should {task}; remount it writable"
    if any(words in everything for words in _NO_SUDO):
        remedy = "allow it without a password (visudo), or give --ask-become-pass"
        return f"no sudo: the login may not become root; {remedy}"
    if "deserialization failed" in everything and (said := result.get("module_stdout")):
        return f"{task}: the host printed no result but: {_last_line(str(said))}"
    line = next((_last_line(text) for text in texts[2:] + texts[:2] if text.strip()), "no reason")
    return f"{task}: {line}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _last_error(runner: Any) -> str:
    text = runner.stdout.read()
    errors = [line for line in text.splitlines() if "ERROR" in line]
    return _last_line("\n".join(errors[:1]) or text) or str(runner.status)
