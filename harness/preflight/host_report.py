"""What host_script.py prints of a host, field by field: what is not so is no answer.

TypedDicts, as the facts of written examples are plain JSON, too.
"""

from typing import Annotated, TypedDict

from msgspec import Meta

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""No size, time or word of firmware is larger, and what is has no place in a float."""


class Machine(TypedDict):
    """What the host is; throttled and celsius are null where nobody says."""

    model: str
    virtual: str
    system: str
    kernel: str
    python: str
    throttled: Int | None
    celsius: Int | None
    governors: list[str]
    memory_bytes: Int | None
    swap_bytes: Int


class Features(TypedDict):
    """What the kernel can do, null where only root could tell; whether sudo works."""

    sudo: bool
    sudo_says: str
    nft: bool | None
    netem: bool | None
    nfqueue: bool | None


class Folder(TypedDict):
    """The file system of a folder; problem: why it could not be looked at."""

    problem: str
    free_bytes: Int
    free_files: Int | None
    read_only: bool
    no_exec: bool
    kind: str
    mounted: str


class Nic(TypedDict):
    """The card of the data path; kind: wired, wifi, virtual or missing."""

    name: str
    kind: str
    driver: str
    carrier: bool
    speed_mbit: Int
    duplex: str
    power_save: bool
    eee: str
    ethtool: str


class NtpAnswer(TypedDict, total=False):
    """The quickest answer of a server, or the problem alone."""

    problem: str
    offset_ns: Int
    delay_ns: Int
    root_ns: Int
    leap: Int
    stratum: Int


class Kernel(TypedDict):
    """What adjtimex says of the clock."""

    synchronised: bool
    error_max_ns: Int


class Clock(TypedDict):
    """What keeps the time; daemons and others are null where the search did not run."""

    source: str
    rtc: bool
    wall_ns: Int
    zone: str
    daemons: list[str] | None
    others: list[str] | None
    chrony: str
    kernel: Kernel | None


class Found(TypedDict):
    """All of it. Dictionaries are by name, path, port or server, as they were asked for."""

    python: tuple[Int, Int]
    arch: str
    bits: Int
    systemd: str
    identity: dict[str, str]
    machine: Machine
    features: Features
    modules: dict[str, str]
    programs: dict[str, bool]
    folders: dict[str, Folder]
    fsync_ns: list[Int]
    taken: dict[str, list[str]]
    any_port: list[str]
    owners: dict[str, dict[str, str]]
    ours: list[str]
    cards: str
    nic: Nic
    ntp: dict[str, NtpAnswer]
    clock: Clock
