"""What a published run does not tell: addresses, users, paths below a home, ports of the lab.

Each is replaced by a placeholder, the same one for the same thing in all files of a run, so that
every relation stays: `address-1`, `mac-1`, `user-1`, `path-1`; a port is a number and stays one,
the first that is met is 1. Names of hosts stay: tables, events and faults are keyed by them.
"""

import ipaddress
import os
import re
from collections import defaultdict
from pathlib import Path

SPOKEN = ("provenance.json", "log.txt")
"""Files in which the name of a user may stand alone, in a command line or a sentence."""
NOBODY = frozenset({b"", b"root"})
"""Accounts that tell nothing of anybody."""
LOGINS = ("LOGNAME", "USER", "SUDO_USER")
"""Variables that name whoever makes the bundle."""

_PATH_END = rb"[^\s\"'\\,;]*"
_HOME = re.compile(
    rb"/(?:home|Users)/([^/\s\"'\\,;:]+)" + _PATH_END + rb"|/root(?:/" + _PATH_END + rb")?\b"
)
_LOGIN = re.compile(rb"([A-Za-z_][\w.-]*)(?=@[\w\[])")
_BEGIN = rb"(?:(?<![\w:])|(?<=\\[nrt]))"
"""Where a word begins, in JSON also after what stands for the end of a line."""
_MAC = re.compile(_BEGIN + rb"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![\w:])")
_V4_TEXT = rb"(?:\d{1,3}\.){3}\d{1,3}"
_V6 = re.compile(
    _BEGIN + rb"(?:[0-9A-Fa-f]{0,4}:){2,8}(?:" + _V4_TEXT + rb"|[0-9A-Fa-f]{0,4})(?!\w)"
)
_COLONS = re.compile(rb"[0-9A-Fa-f]:[0-9A-Fa-f:]|::")
"""What each address with colons has, and events have not: to look for this alone takes less."""
_V4 = re.compile(rb"\d(?<![\d.]\d)\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?!\d|\.\d)")
_PORT_WORD = rb"port(?:(?<![A-Za-z]port)|(?<=\b[ds]port))\\?\"?"
_PORTS = (
    re.compile(rb"(address-\d+\]?:)(\d{1,5})\b"),
    re.compile(rb"(" + _PORT_WORD + rb"[\s:=]{1,3})(\d{1,5})\b"),
    re.compile(rb"(" + _PORT_WORD + rb"\}\},\s*\\?\"right\\?\":\s*)(\d{1,5})\b"),
)
"""After an address, after the word, and as nft writes it as JSON."""


class Redaction:
    """What was met so far in a run, each by its placeholder."""

    def __init__(self) -> None:
        self._met: dict[str, dict[bytes, bytes]] = defaultdict(dict)
        home = Path(os.path.expanduser("~"))
        own = {home.name, *(os.environ.get(name, "") for name in LOGINS)}
        self._known = {name.encode() for name in own} - NOBODY
        below = re.escape(os.fsencode(home)) + rb"\b" + _PATH_END
        self._own_home = re.compile(below if home.name else rb"(?!)")  # "/" is no home

    def of(self, name: str, text: bytes) -> bytes:
        """Return the text, whole lines of a file of that name, with all of it replaced."""
        text = _HOME.sub(self._path, text)
        text = self._own_home.sub(self._path, text)
        if b"@" in text:
            text = _LOGIN.sub(self._login, text)
        if name.rpartition("/")[2] in SPOKEN:
            for user in sorted(self._known):
                text = re.sub(rb"(?<![\w-])(" + re.escape(user) + rb")(?![\w-])", self._login, text)
        if _COLONS.search(text):
            text = _MAC.sub(lambda found: self._word("mac", found[0].lower()), text)
            text = _V6.sub(self._address, text)
        text = _V4.sub(self._address, text)
        for pattern in _PORTS:
            text = pattern.sub(self._port, text)
        return text

    def _word(self, kind: str, thing: bytes) -> bytes:
        met = self._met[kind]
        return met.setdefault(thing, b"%s-%d" % (kind.encode(), len(met) + 1))

    def _path(self, found: re.Match[bytes]) -> bytes:
        if found.re is _HOME:
            self._known |= {found[1] or b""} - NOBODY
        return self._word("path", found[0])

    def _login(self, found: re.Match[bytes]) -> bytes:
        if found[1] in NOBODY:
            return found[0]
        self._known.add(found[1])
        return self._word("user", found[1])

    def _address(self, found: re.Match[bytes]) -> bytes:
        """Return the placeholder of an address however it is written; other text as it is."""
        for end in (b"", b":"):  # a colon may follow it in a sentence
            text = found[0].removesuffix(end)
            try:
                address = ipaddress.ip_address(text.decode())
            except ValueError:
                continue
            return self._word("address", str(address).encode()) + found[0][len(text) :]
        return found[0]

    def _port(self, found: re.Match[bytes]) -> bytes:
        if int(found[2]) == 0:  # where there are no hosts
            return found[0]
        met = self._met["port"]
        return found[1] + met.setdefault(found[2], b"%d" % (len(met) + 1))
