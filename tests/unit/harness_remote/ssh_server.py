"""An SSH server on loopback whose login shell may print, as on machines of other people."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

import paramiko

from harness.inventory.ssh_options import SshOptions

PLAIN = 'exec sh -c "$1"'
PASSWORD = "x"


@dataclass
class Box:
    """A machine of somebody: its login shell (a line of sh that gets the command as $1), whose key
    it believes (public, base64), and what became known of it: its port, its own key as in
    known_hosts, who logged in and where it was asked to lead on to.
    """

    shell: str = PLAIN
    believes: tuple[str, ...] = ()
    port: int = 0
    host_key: str = ""
    logins: list[str] = field(default_factory=list)
    led_to: list[tuple[str, int]] = field(default_factory=list)

    @property
    def known_hosts(self) -> str:
        """Return its line of known_hosts."""
        return f"[127.0.0.1]:{self.port} {self.host_key}\n"


class _Server(paramiko.ServerInterface):  # type: ignore[misc]
    def __init__(self, box: Box, transport: paramiko.Transport) -> None:
        self._box = box
        self._transport = transport
        self._counted = False

    def get_allowed_auths(self, username: str) -> str:
        return "publickey" if self._box.believes else "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return self._judged(username, password == PASSWORD and not self._box.believes)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._judged(username, key.get_base64() in self._box.believes)

    def _judged(self, username: str, well: bool) -> int:
        if well and not self._counted:  # a key is shown first, then proven
            self._counted = True
            self._box.logins.append(username)
        return int(paramiko.AUTH_SUCCESSFUL if well else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        self._box.led_to.append(destination)
        threading.Thread(target=self._lead, args=(destination,), daemon=True).start()
        return int(paramiko.OPEN_SUCCEEDED)

    def _lead(self, destination: tuple[str, int]) -> None:
        channel = self._transport.accept(10)
        with socket.create_connection(destination) as link:
            there = threading.Thread(target=_pass_on, args=(channel, link), daemon=True)
            there.start()
            _pass_on(link, channel)
        channel.close()

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._serve, args=(channel, command.decode()), daemon=True).start()
        return True

    def _serve(self, channel: paramiko.Channel, command: str) -> None:
        process = subprocess.Popen(
            ["/bin/sh", "-c", self._box.shell, "sh", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,  # as sshd does
        )  # fmt: skip
        ways = ((process.stderr, channel.sendall_stderr), (process.stdout, channel.sendall))
        threads = [threading.Thread(target=_copy, args=way, daemon=True) for way in ways]
        for thread in threads:
            thread.start()
        threading.Thread(target=_feed, args=(channel, process.stdin), daemon=True).start()
        for thread in threads:
            thread.join()
        code = process.wait()
        with contextlib.suppress(OSError):  # the client may go before the end
            channel.send_exit_status(code if code >= 0 else 128 - code)
        channel.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            sink.sendall(chunk)


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
def standing(box: Box) -> Iterator[Box]:
    """Yield the same box while it answers on loopback."""
    key = paramiko.ECDSAKey.generate()
    box.host_key = f"{key.get_name()} {key.get_base64()}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        box.port = listener.getsockname()[1]
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
                    transport.start_server(event=threading.Event(), server=_Server(box, transport))

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield box
        finally:
            stop.set()


@contextmanager
def serving(shell: str) -> Iterator[SshOptions]:
    """Yield how to reach a server with that login shell, by password; its key is believed."""
    with standing(Box(shell)) as box:
        yield SshOptions(
            target="127.0.0.1", address="127.0.0.1", user="lab", port=box.port, password=PASSWORD,
            host_key_policy="no",
            own_words=(
                *("-F", "none", "-o", "User=lab", "-o", f"Port={box.port}"),
                *("-o", "IdentityAgent=none", "-o", "PreferredAuthentications=password"),
                *("-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null"),
            ),
        )  # fmt: skip
