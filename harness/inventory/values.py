"""Reads and checks the slotlab_* variables of one inventory host; a mistake is one line."""

import ipaddress
import re
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from harness.errors import OperatorError, nearest
from node.timing.ntp_rules import split_server

DEFAULT_PYTHON = "/usr/bin/python3"
DEFAULT_STATE_DIR = "/var/lib/slotlab"
HOST_KEYS = (
    *("slotlab_address", "slotlab_interface", "slotlab_zone", "slotlab_node_port"),
    *("slotlab_probe_port", "slotlab_ntp", "slotlab_state_dir", "slotlab_observer"),
    *("slotlab_power", "slotlab_time", "slotlab_tune"),
)
LAB_KEYS = ("slotlab_lab", "slotlab_netns")
POWER_WORDS = ("off", "on", "state", "freeze", "thaw", "link_down", "link_up")
TimePolicy = Literal["observe", "manage"]
TIME_POLICIES: tuple[TimePolicy, ...] = get_args(TimePolicy)
WORD = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")
_SERVER = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,128}")
_STATE_DIR = re.compile(r"(/[A-Za-z0-9_.-]+){2,}")
_PYTHON = re.compile(r"(/[A-Za-z0-9_.+-]+)+|auto(_legacy)?(_silent)?")
_HIDDEN = ("/home/", "/root/", "/run/user/")
"""What ProtectHome hides from the units."""
_Choice = TypeVar("_Choice", bound=str)


class InventoryError(OperatorError):
    """The inventory is wrong: file, host, key and remedy in one line."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads checked slotlab_ values of one host; where begins each complaint."""

    where: str
    values: Mapping[str, Any]

    def check_keys(self) -> None:
        """Refuse a slotlab_ variable that is not known."""
        known = HOST_KEYS + LAB_KEYS
        for key in self.values:
            if key.startswith("slotlab_") and key not in known:
                problem = f"unknown variable {key}; {nearest(key, known)}"
                raise InventoryError(f"{self.where}: {problem}")

    def word(self, key: str) -> str:
        """Return one plain word, empty if left out."""
        value = self.values.get(key, "")
        if value == "" or (isinstance(value, str) and WORD.fullmatch(value)):
            return str(value)
        raise self._error(key, f"{value!r} is not a plain word; write one name")

    def time_servers(self) -> tuple[str, ...]:
        """Return slotlab_ntp, empty if left out: names or addresses, with or without a port."""
        key = "slotlab_ntp"
        value = self.values.get(key) or []
        if not isinstance(value, list) or not all(
            isinstance(v, str) and _SERVER.fullmatch(v) for v in value
        ):
            raise self._error(key, "write a list of server names: [192.0.2.1]")
        try:
            for server in value:
                split_server(server)
        except ValueError as error:
            raise self._error(key, str(error)) from error
        return tuple(value)

    def port(self, key: str, default: int) -> int:
        """Return a port that needs no privilege."""
        value = self.values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and 1024 <= value <= 65535:
            return value
        raise self._error(key, f"{value!r} is no port; write 1024 to 65535")

    def switch(self, key: str) -> bool:
        """Return whether the variable is on; left out is off."""
        value = self.values.get(key, False)
        if isinstance(value, bool):
            return value
        if value in ("on", "off"):
            return bool(value == "on")
        raise self._error(key, f"{value!r} is neither on nor off")

    def choice(self, key: str, known: Sequence[_Choice]) -> _Choice:
        """Return one of the known words; left out is the first."""
        value = self.values.get(key, known[0])
        for word in known:
            if word == value:
                return word
        raise self._error(key, f"{value!r} is none of {', '.join(known)}")

    def power(self) -> dict[str, str]:
        """Return the command templates by which the controller switches this host's power."""
        key, value = "slotlab_power", self.values.get("slotlab_power") or {}
        if not isinstance(value, dict):
            raise self._error(key, "write a command for each of off, on, state, ...")
        found: dict[str, str] = {}
        for raw, text in value.items():
            word = {True: "on", False: "off"}.get(raw, str(raw))  # YAML reads on as true
            word = {"True": "on", "true": "on", "False": "off", "false": "off"}.get(word, word)
            if word not in POWER_WORDS:
                raise self._error(key, f"unknown word {word}; {nearest(word, POWER_WORDS)}")
            try:
                words = shlex.split(text) if isinstance(text, str) else []
            except ValueError as error:
                raise self._error(key, f"{word}: {error}; quote it as in a shell") from error
            if not words:
                raise self._error(key, f"{word}: write a command line")
            found[word] = str(text)
        return found

    def state_dir(self) -> str:
        """Return the folder on the host that slotlab may fill."""
        value = self.values.get("slotlab_state_dir", DEFAULT_STATE_DIR)
        if isinstance(value, str) and _STATE_DIR.fullmatch(value) and "/.." not in value:
            return value
        remedy = f"write an absolute path below a folder, as {DEFAULT_STATE_DIR}"
        raise self._error("slotlab_state_dir", f"{value!r}: {remedy}")

    def python(self) -> str:
        """Return the interpreter of Ansible's modules, of the units and of all that we run there.

        What Ansible finds out by itself (`auto`) is the system's.
        """
        key = "ansible_python_interpreter"
        value = self.values.get(key) or DEFAULT_PYTHON
        if not isinstance(value, str) or not _PYTHON.fullmatch(value):
            raise self._error(key, f"{value!r}: write a path, as {DEFAULT_PYTHON}")
        if value.startswith("auto"):
            return DEFAULT_PYTHON
        if value.startswith(_HIDDEN):
            remedy = "services cannot look there; install it elsewhere, as below /opt"
            raise self._error(key, f"{value}: {remedy}")
        return value

    def address(self, management: str) -> str:
        """Return the data path's IP address: slotlab_address, else the management host's.

        Of the addresses of a name the first that others reach: one's own name is often 127.0.1.1.
        """
        given = self.values.get("slotlab_address")
        text = str(given if given is not None else management)
        try:
            found = ipaddress.ip_address(text)
        except ValueError:
            if given is not None:
                remedy = "write an IP address, as faults act on addresses"
                raise self._error("slotlab_address", f"{text!r}: {remedy}") from None
            found = self._looked_up(text)
        if found.version == 6 and found.is_link_local:
            remedy = "a link-local address is not enough; give the network a ULA (fd00::/8)"
            raise self._error("slotlab_address", f"{found}: {remedy}")
        return str(found)

    def _looked_up(self, name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError as error:
            problem = f"the name {name} has no address ({error.strerror})"
            raise InventoryError(f"{self.where}: {problem}; write slotlab_address: IP") from None
        addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        return next((each for each in addresses if reaches_others(each)), addresses[0])

    def _error(self, key: str, text: str) -> InventoryError:
        return InventoryError(f"{self.where}: {key}: {text}")


def reaches_others(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether other machines can send to an address that one has."""
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
    )
