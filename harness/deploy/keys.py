"""The lab's CURVE keys: one pair a host, made once for a lab, kept on the controller, mode 0600.

Only a host's own secret travels to it; the others learn the public half and accept nobody else.
"""

import base64
import contextlib
import shutil
from pathlib import Path

import msgspec
from nacl.public import PrivateKey

from harness.controller.state_dir import remedy, state_home, write_private
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from metrics.model.run_folder import BROKEN

_Z85 = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
)
"""The digits of Python's base 85 (RFC 1924), and those that ZeroMQ has for the same values."""


class KeyStoreError(RunError):
    """The folder with the lab's keys cannot be read or written."""


class CurvePair(msgspec.Struct, frozen=True, kw_only=True):
    """A host's CURVE keys, each 40 characters of Z85 (ZeroMQ RFC 32)."""

    public: str
    secret: str


def folder(inventory: Inventory) -> Path:
    """Return where the lab's keys are: beside a made lab's inventory, else in the state folder."""
    if inventory.lab != "hardware":
        return inventory.path.parent / "keys"
    return state_home() / "keys" / inventory.lab_id


def curve_keys(inventory: Inventory) -> dict[str, CurvePair]:
    """Return each host's pair, made now for hosts that have none yet.

    Raises:
        KeyStoreError: the folder or a key file in it cannot be used.
    """
    place = folder(inventory)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {host.name: _pair(place / f"{host.name}.curve.json") for host in inventory.lab_hosts}
    except OSError as error:
        raise KeyStoreError(
            f"{error.filename or place}: {error.strerror}{remedy(error)}"
        ) from error
    except BROKEN as error:
        raise KeyStoreError(f"{place}: a key file is broken ({error}); remove it") from error


def new_pair() -> CurvePair:
    """Return a pair that nobody has had before."""
    key = PrivateKey.generate()
    return CurvePair(public=z85(bytes(key.public_key)), secret=z85(bytes(key)))


def forget(inventory: Inventory) -> bool:
    """Return whether there were keys of this lab; they are removed."""
    place = folder(inventory)
    if not place.is_dir():
        return False
    shutil.rmtree(place)
    return True


def _pair(path: Path) -> CurvePair:
    with contextlib.suppress(FileNotFoundError):
        return msgspec.json.decode(path.read_bytes(), type=CurvePair)
    pair = new_pair()
    write_private(path, msgspec.json.encode(pair))
    return pair


def z85(data: bytes) -> str:
    """Return data as Z85 text, five characters for each four bytes.

    Raises:
        ValueError: the length is no multiple of four.
    Source:
        ZeroMQ RFC 32.
    """
    if len(data) % 4:
        raise ValueError("Z85 needs a multiple of four bytes")
    return base64.b85encode(data).translate(_Z85).decode()
