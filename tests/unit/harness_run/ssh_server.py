"""An SSH server on loopback whose login shell may print, as on machines of other people."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import paramiko

from harness.ssh import SshOptions


class _Server(paramiko.ServerInterface):  # type: ignore[misc]
    def __init__(self, shell: str) -> None:
        self._shell = shell

    def check_auth_password(self, username: str, password: str) -> int:
        return int(paramiko.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._serve, args=(channel, command.decode()), daemon=True).start()
        return True

    def _serve(self, channel: paramiko.Channel, command: str) -> None:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"{self._shell}", "sh", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        ways = ((process.stderr, channel.sendall_stderr), (process.stdout, channel.sendall))
        threads = [threading.Thread(target=_copy, args=way, daemon=True) for way in ways]
        for thread in threads:
            thread.start()
        threading.Thread(target=_feed, args=(channel, process.stdin), daemon=True).start()
        for thread in threads:
            thread.join()
        channel.send_exit_status(process.wait())
        channel.close()


def _copy(pipe: IO[bytes], send: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError), pipe:  # the client may go before the end
        while chunk := os.read(pipe.fileno(), 1 << 16):
            send(chunk)


def _feed(channel: paramiko.Channel, pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError), pipe:
        while chunk := channel.recv(1 << 16):
            pipe.write(chunk)
            pipe.flush()


@contextmanager
def serving(shell: str) -> Iterator[SshOptions]:
    """Yield how to reach a server; shell is a line of sh that gets the command as $1."""
    key = paramiko.ECDSAKey.generate()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                transport = paramiko.Transport(link)
                transport.add_server_key(key)
                with contextlib.suppress(paramiko.SSHException):  # this client only
                    transport.start_server(event=threading.Event(), server=_Server(shell))

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield SshOptions(
                target="127.0.0.1", address="127.0.0.1", user="lab", port=port, password="x",
                host_key_policy="no", allow_agent=False,
            )  # fmt: skip
        finally:
            stop.set()
