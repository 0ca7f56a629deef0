"""PowerCut, FreezeHost, LinkDown: faults that their victim cannot take back.

Done by the provider's agent, on the machine that owns the hosts or switches their power, by the
commands of its provider file. Every command is tried again for a while: the host's owner may be
busy with another host. `state` prints one word: on, off, frozen or link_down.
"""

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from faults.host.runner import output
from faults.model.fault import (
    Command,
    Evidence,
    Fault,
    FaultError,
    HostContext,
    Recipe,
    needs,
    verdict,
)

CAPABILITY = "provider"
WORDS_TIMEOUT_S = 180.0
"""Switching power on may wait for the host to boot."""

STATE_TIMEOUT_S = 20.0
AGAIN = 'n=0; until "$@"; do n=$((n+1)); [ $n -lt 40 ] || exit 1; sleep 0.25; done'
ON = "on"

Provider = Mapping[str, Mapping[str, tuple[str, ...]]]


class _ProviderFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hosts: dict[str, dict[str, tuple[str, ...]]]


class Power(Fault, frozen=True, kw_only=True):
    """Base of the three: what happens to which host."""

    host: str

    def check(self, context: HostContext) -> None:
        """Refuse an agent that does not have the commands for the host."""
        needs(context, CAPABILITY)
        known = context.provider.get(self.host, {})
        begin, end, _ = self.row.power
        for word in (begin, end, "state"):
            if not known.get(word):
                raise FaultError("no_power", f"{self.host}: slotlab_power has no {word}")

    def recipe(self, context: HostContext) -> Recipe:
        """Return: the command that begins it; the command that ends it."""
        begin, end, _ = self.row.power
        known = context.provider.get(self.host, {})
        return Recipe(
            how="provider",
            at_once=True,
            inject=(_persistent(known.get(begin, ())),),
            release=(_persistent(known.get(end, ()), until=known.get("state", ())),),
        )

    def state(self, context: HostContext) -> str:
        """Return the host's state by its provider, "" when the command says nothing."""
        words = context.provider.get(self.host, {}).get("state", ())
        code, text, _ = output(words, timeout_s=STATE_TIMEOUT_S) if words else (1, "", "")
        return text.strip() if code == 0 else ""

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the provider shows the host as the fault leaves it."""
        state, wanted = self.state(context), self.row.power[2]
        wrong = "" if state == wanted else f"{self.host} is {state or 'in no known state'}"
        return verdict(wrong, {"state": state})

    def left_over(self, context: HostContext) -> str:
        """Return what is left when the fault has been taken back, "" when the host is on."""
        state = self.state(context)
        return "" if state == ON else f"{self.host} is {state or 'in no known state'}"


class PowerCut(Power, frozen=True, kw_only=True, tag="power_cut"):
    """The host loses its power; its disk keeps what was synced."""


class FreezeHost(Power, frozen=True, kw_only=True, tag="freeze_host"):
    """The whole host stands still, its kernel too where it has one of its own."""


class LinkDown(Power, frozen=True, kw_only=True, tag="link_down"):
    """The host's cable is pulled: no traffic at all, management included."""


def read_provider(path: Path) -> Provider:
    """Return the commands in a provider file.

    Raises:
        FaultError: bad_provider; not a provider file, or others than its owner may read it.
    """
    try:
        about = path.stat()
        data = path.read_bytes()
    except OSError as error:
        raise FaultError("bad_provider", f"{path}: {error.strerror}") from error
    if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise FaultError("bad_provider", f"{path}: must belong to you with mode 0600")
    try:
        return msgspec.json.decode(data, type=_ProviderFile).hosts
    except msgspec.DecodeError as error:
        raise FaultError("bad_provider", f"{path}: {error}") from error


def _persistent(words: tuple[str, ...], *, until: tuple[str, ...] = ()) -> Command:
    """Return words as a command that is tried again until it succeeds; with until, the words for a
    host's state, also until that is on: a host may die while it boots.
    """
    there = f' && [ "$({shlex.join(until)})" = {ON} ]' if until else ""
    script = AGAIN.replace('"$@"', f'"$@"{there}')
    return Command(("/bin/sh", "-c", script, "again", *words), timeout_s=WORDS_TIMEOUT_S)
