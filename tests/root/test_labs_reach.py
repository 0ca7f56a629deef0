"""A lab host that takes long to greet is waited for, not asked again and again meanwhile."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controller.netns_exec import enter
from harness.labs.lifecycle import reach

pytestmark = pytest.mark.root


@pytest.fixture
def namespace() -> Iterator[Path]:
    """Yield a network namespace of this test's own, its loopback up."""
    name = f"slr-{uuid.uuid4().hex[:8]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield Path("/run/netns") / name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


class Slow:
    """Greets on port 22 of the namespace greet_s after it was connected to."""

    def __init__(self, namespace: Path, greet_s: float) -> None:
        self.connections = 0
        self._greet_s = greet_s
        made = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(namespace, made), daemon=True)
        self._thread.start()
        assert made.wait(20)

    def _serve(self, namespace: Path, made: threading.Event) -> None:
        enter(namespace)
        with socket.create_server(("127.0.0.1", 22)) as listener:
            made.set()
            while True:
                link, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._greet, args=(link,), daemon=True).start()

    def _greet(self, link: socket.socket) -> None:
        time.sleep(self._greet_s)
        with link:
            try:
                link.sendall(b"SSH-2.0-slow\r\n")
            except OSError:
                return


def test_a_slow_host_is_found_after_few_attempts(namespace: Path) -> None:
    slow = Slow(namespace, greet_s=5)
    silent = reach._silent_from(namespace, {"n1": "127.0.0.1"}, time.monotonic() + 60)
    assert silent == set()
    assert slow.connections <= 4, "attempts of 1, 2 and 4 seconds are too short, one of 8 is not"


def test_a_host_that_never_greets_is_silent_at_the_deadline(namespace: Path) -> None:
    slow = Slow(namespace, greet_s=60)
    addresses = {"n1": "127.0.0.1", "n2": "127.0.0.2"}
    assert reach._silent_from(namespace, addresses, time.monotonic() + 2) == {"n1", "n2"}
    assert slow.connections >= 2
