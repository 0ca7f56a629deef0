"""Tells systemd that this process is ready; does nothing when it was started by hand."""

import os
import socket


def notify(state: str) -> None:
    """Send one sd_notify state ("READY=1", "STOPPING=1"); silent without NOTIFY_SOCKET."""
    target = os.environ.get("NOTIFY_SOCKET", "")
    if not target:
        return
    address = "\0" + target[1:] if target.startswith("@") else target
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as unit:
        try:
            unit.sendto(state.encode(), address)
        except OSError:
            return
