"""Layout: where a host keeps what the agent reads and writes; one place, so tests can move it."""

import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

from faults.model.fault import FaultError

BEHAVIOUR = "byzantine.json"
"""In the state folder: what has the node lie while it is there, if its trial allows that."""


class HostPeer(msgspec.Struct, frozen=True):
    """Another host of the lab, as far as a fault needs it (the file holds more)."""

    host: str
    address: str


class HostConfig(msgspec.Struct, frozen=True):
    """/etc/slotlab/host.json as the agent reads it; keys for others are ignored.

    interface or peers empty: the agent cannot check what a fault names against them.
    """

    host: str
    interface: str = ""
    node_port: int = 9000
    state_dir: str = "/var/lib/slotlab"
    peers: list[HostPeer] = []
    ntp: list[str] = []

    @property
    def ntp_addresses(self) -> tuple[str, ...]:
        """Return the plain addresses among its NTP servers; names and ports are for others."""
        found = []
        for entry in self.ntp:
            with contextlib.suppress(ValueError):
                found.append(str(ipaddress.ip_address(entry)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one host; owner is the user (and group) that gets a trial's files, "" for
    nobody.
    """

    state_dir: Path
    run_dir: Path
    host_file: Path
    owner: str

    @property
    def trial_dir(self) -> Path:
        """Return the folder of the trial's configuration and keys."""
        return self.state_dir / "trial"

    @property
    def chain_dir(self) -> Path:
        """Return the folder of the node's blocks."""
        return self.state_dir / "chain"

    @property
    def agent_dir(self) -> Path:
        """Return the agent's own folder."""
        return self.state_dir / "agent"

    @property
    def ledger_dir(self) -> Path:
        """Return the folder with one record and one undo script a fault."""
        return self.agent_dir / "ledger"

    @property
    def journal_file(self) -> Path:
        """Return agent.jsonl."""
        return self.agent_dir / "agent.jsonl"

    @property
    def uncollected_file(self) -> Path:
        """Return the file that names the trial whose record nobody has fetched yet."""
        return self.agent_dir / "uncollected"

    @property
    def socket(self) -> Path:
        """Return the agent's unix socket."""
        return self.run_dir / "agent.sock"

    @property
    def node_socket(self) -> Path:
        """Return the unix socket on which the node answers."""
        return self.run_dir / "node.sock"

    @property
    def skew_file(self) -> Path:
        """Return the 32-byte file through which a clock fault reaches the node."""
        return self.run_dir / "skew"

    @property
    def behaviour_file(self) -> Path:
        """Return the file that has the node lie, in a folder that only root writes to."""
        return self.state_dir / BEHAVIOUR


def read_host(path: Path) -> HostConfig:
    """Return the host's configuration; without the file, this machine's name and the defaults.

    Raises:
        FaultError: the file is there but is not a host configuration.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=HostConfig)
    except FileNotFoundError:
        return HostConfig(host=socket.gethostname())
    except OSError as error:
        raise FaultError("host_file", f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise FaultError("host_file", f"{path}: {error}; deploy again") from error


def layout(root: Path | None = None) -> Layout:
    """Return the deployed layout, or the same one below root (tests, a run by hand)."""
    if root is None:
        host_file = Path("/etc/slotlab/host.json")
        state_dir = Path(read_host(host_file).state_dir)
        return Layout(state_dir, Path("/run/slotlab"), host_file, "slotlab")
    return Layout(root / "state", root / "run", root / "host.json", "")
