"""Whether lab hosts answer on their SSH port, asked from inside the lab's network."""

import selectors
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.controller.netns_exec import enter
from harness.labs.lifecycle import access
from harness.labs.state import HostState, LabState

ATTEMPT_S = (1.0, 16.0)
"""How long the first attempt waits for a banner, and the longest: an emulated host beside others
takes seconds to send one, and each attempt that is given up leaves it another sshd to start."""
LOGIN_S = (15.0, 240.0)
"""The same of a login: four at once through one emulated jump host have taken more than half a
minute, and none is ever done where each is given up and begun anew before that."""


def silent_hosts(
    folder: Path,
    state: LabState,
    hosts: Sequence[HostState],
    *,
    within_s: float,
    login_s: float = LOGIN_S[0],
) -> set[str]:
    """Return the names of hosts that have not shown an SSH banner when within_s is over.

    Hosts behind a jump host are asked by a real login through it, which has login_s at least.
    """
    deadline = time.monotonic() + within_s
    near = {host.name: host.address for host in hosts if not access.jump_of(state, host)}
    silent = _silent_from(Path(state.controller_namespace_path), near, deadline) if near else set()
    far = [host for host in hosts if host.name not in near]
    return silent | _silent_by_login(folder, state, far, max(deadline, time.monotonic() + login_s))


def _silent_by_login(
    folder: Path, state: LabState, hosts: Sequence[HostState], deadline: float
) -> set[str]:
    logins = {host.name: [*access.ssh_words(folder, state, host), "true"] for host in hosts}
    while logins:
        started = {name: _login(words) for name, words in logins.items()}
        for name, login in started.items():
            try:
                if login.wait(max(deadline - time.monotonic(), 0.1)) == 0:
                    del logins[name]
            except subprocess.TimeoutExpired:
                login.kill()
                login.wait()
        if time.monotonic() >= deadline:
            break
    return set(logins)


def _login(words: Sequence[str]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=nothing)


def _silent_from(namespace: Path, addresses: Mapping[str, str], deadline: float) -> set[str]:
    """The asking thread alone enters the namespace; the caller stays where it is."""
    silent = set(addresses)

    def ask() -> None:
        enter(namespace)
        _ask_until(silent, addresses, deadline)

    # Not in a `with`: it would make Ctrl-C wait for the thread.
    ThreadPoolExecutor(1, thread_name_prefix="lab-reach").submit(ask).result()
    return silent


def _ask_until(silent: set[str], addresses: Mapping[str, str], deadline: float) -> None:
    attempt_s, longest_s = ATTEMPT_S
    while True:
        asked = {name: addresses[name] for name in silent}
        silent -= _answering(asked, min(deadline, time.monotonic() + attempt_s))
        if not silent or time.monotonic() >= deadline:
            return
        attempt_s = min(2 * attempt_s, longest_s)
        time.sleep(0.05)


def _answering(addresses: Mapping[str, str], deadline: float) -> set[str]:
    """Return the names whose port 22 sends a banner by the deadline, all asked at once."""
    answering: set[str] = set()
    with selectors.DefaultSelector() as selector:
        for name, address in addresses.items():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family)
            sock.setblocking(False)
            sock.connect_ex((address, 22))
            selector.register(sock, selectors.EVENT_READ, name)
        stop = max(deadline, time.monotonic() + 0.2)
        while selector.get_map() and time.monotonic() < stop:
            for key, _ in selector.select(timeout=max(stop - time.monotonic(), 0)):
                sock = key.fileobj  # type: ignore[assignment]
                try:
                    if sock.recv(64).startswith(b"SSH-"):
                        answering.add(key.data)
                except OSError:
                    pass
                selector.unregister(sock)
                sock.close()
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return answering
