"""Whether lab hosts answer on their SSH port, asked from inside the lab's network."""

import selectors
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from harness.labs import netns

ATTEMPT_S = 1.0


def silent_hosts(namespace: Path, addresses: Mapping[str, str], *, within_s: float) -> set[str]:
    """Return the names of hosts that have not shown an SSH banner when within_s is over.

    The asking thread alone enters the namespace; the caller stays where it is.
    """
    silent = set(addresses)
    failure: list[BaseException] = []

    def ask() -> None:
        try:
            netns.enter(namespace)
            _ask_until(silent, addresses, time.monotonic() + within_s)
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=ask, name="lab-reach")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return silent


def _ask_until(silent: set[str], addresses: Mapping[str, str], deadline: float) -> None:
    while True:
        silent -= _answering({name: addresses[name] for name in silent}, deadline)
        if not silent or time.monotonic() >= deadline:
            return
        time.sleep(0.05)


def _answering(addresses: Mapping[str, str], deadline: float) -> set[str]:
    """Return the names whose port 22 sends a banner within one attempt, all asked at once."""
    answering: set[str] = set()
    with selectors.DefaultSelector() as selector:
        for name, address in addresses.items():
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex((address, 22))
            selector.register(sock, selectors.EVENT_READ, name)
        stop = min(time.monotonic() + ATTEMPT_S, max(deadline, time.monotonic() + 0.2))
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
