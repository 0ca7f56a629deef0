"""A lab's host given power again, and waited for until it answers."""

from __future__ import annotations

from harness.labs import state
from harness.labs.lifecycle import power, running


def start(lab: str, host: str) -> None:
    """Start a killed host and wait until it answers on SSH; nothing happens if it runs."""
    power.run(lab, host, "on")
    made = state.existing(lab)
    running._wait_for_ssh(state.lab_folder(lab), made, (made.host(host),), lambda line: None)


def reboot(lab: str, host: str) -> None:
    """Kill the host, start it, and wait until it answers on SSH again."""
    power.run(lab, host, "off")
    start(lab, host)
