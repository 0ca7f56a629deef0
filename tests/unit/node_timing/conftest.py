"""A small NTP server for tests: a thread on a free loopback port, with an offset of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import ntplib
import pytest


class SntpServer:
    """Answers with the machine's clock plus offset_ns; stratum 0 or silent make it useless."""

    def __init__(self) -> None:
        self.offset_ns = 0
        self.stratum = 1
        self.leap = 0
        self.root_dispersion_s = 0.0005
        self.silent = False
        self.forged = False
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _now(self) -> float:
        return ntplib.system_to_ntp_time(time.time() + self.offset_ns / 1e9)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                data, sender = self._socket.recvfrom(256)
            except TimeoutError:
                continue
            self.asked += 1
            received = self._now()
            if self.silent:
                continue
            question = ntplib.NTPPacket()
            question.from_data(data)
            answer = ntplib.NTPPacket(version=4, mode=4)
            answer.stratum = self.stratum
            answer.root_delay = 0.001
            answer.leap = self.leap
            answer.root_dispersion = self.root_dispersion_s
            answer.orig_timestamp = question.tx_timestamp - (100 if self.forged else 0)
            answer.recv_timestamp = received
            answer.tx_timestamp = self._now()
            self._socket.sendto(answer.to_data(), sender)


@pytest.fixture
def sntp() -> Iterator[SntpServer]:
    """Yield a running server."""
    yield from _running()


@pytest.fixture
def second_sntp() -> Iterator[SntpServer]:
    """Yield another one."""
    yield from _running()


def _running() -> Iterator[SntpServer]:
    server = SntpServer()
    try:
        yield server
    finally:
        server.close()
