"""What OpenSSH says when it cannot log in: a word for programs, and one line with a remedy."""

import re

from harness.inventory.ssh_options import SshOptions

_UNKNOWN_KEY = re.compile(r"No \S+ host key is known for|Host key verification failed")
_OTHER_KEY = re.compile(r"Offending (?:\S+ )?key in (.+):\d+")
_REVOKED = re.compile(r"REVOKED HOST KEY|is revoked by file")
_REFUSED = re.compile(r"Permission denied \(|Too many authentication failures")
_SILENT = re.compile(r"timed out|Timeout, server|not responding")
_NO_COMMON = re.compile(r"Unable to negotiate with")
_AWAY = re.compile(
    r"connect to host|connect to address|Could not resolve|Name or service not known|[Nn]o route"
    r"|Network is unreachable"
)
_KNOWN = (_REFUSED, _SILENT, _NO_COMMON, _AWAY)
_NO_GREETING = re.compile(
    r"(?:kex|ssh)_exchange_identification: |banner exchange: |.*during banner exchange"
    r"|Connection closed by UNKNOWN port"
)
"""How OpenSSH ends when no host greeted it; a program in between has then said why.

From 9.6 on it says no more of that than that the connection is closed, whoever was asked.
"""
_BESIDES = re.compile(
    r"Warning: |Connection (?:closed|reset) by |Disconnected from |Connection to .* timed out"
    r"|stdio forwarding failed"
)
"""What OpenSSH says beside the reason."""


class RemoteFailure(Exception):
    """A host could not be reached or did not answer: a reason word and one line of detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def refusal(said: str, ssh: SshOptions) -> RemoteFailure:
    """Return why there is no connection, from what OpenSSH said; nothing said: no answer in time.

    The word is unreachable, auth_failed, host_key, timeout or closed.
    """
    every = _every(said)
    lines = _telling(every)
    where = f"{ssh.user}@{ssh.address} port {ssh.port}"
    if ssh.proxied and any(map(_NO_GREETING.match, every)):
        before = [line for line in lines if not _NO_GREETING.match(line)]
        if before or not _SILENT.search(_last(lines)):
            through = f"jump host {ssh.jump.target}" if ssh.jump else "ProxyCommand"
            if ssh.jump and (key := _host_key(before, ssh.jump, through)) is not None:
                return key
            return RemoteFailure("unreachable", f"{through}: {_last(before or lines)}")
    if (key := _host_key(lines, ssh, where)) is not None:
        return key
    known = [line for line in lines if any(each.search(line) for each in _KNOWN)]
    last = _last(known or lines)
    if not lines or _SILENT.search(last):
        return RemoteFailure("timeout", f"{where} did not answer in time; is it on?")
    if _REFUSED.search(last):
        fix = "set ansible_user and ansible_ssh_private_key_file, or run ssh-copy-id"
        return RemoteFailure("auth_failed", f"{where} refuses the login: {last}; {fix}")
    if _NO_COMMON.search(last):
        return RemoteFailure("unreachable", last)
    if _AWAY.search(last):
        return RemoteFailure("unreachable", f"{last}; is it on, is the address right?")
    return RemoteFailure("closed", f"{where}: {last}")


def reason(said: str) -> str:
    """Return the line that says why, of what OpenSSH or a program in between said on its way."""
    lines = _telling(_every(said.removeprefix("Failed to connect to the host via ssh: ")))
    return _last([line for line in lines if not _NO_GREETING.match(line)] or lines)


def _every(said: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if line.strip()]


def _telling(every: list[str]) -> list[str]:
    """Return the lines without what OpenSSH says beside the reason."""
    return [line for line in every if not _BESIDES.match(line)] or every


def _host_key(lines: list[str], ssh: SshOptions, where: str) -> RemoteFailure | None:
    """Return what is wrong with the host's key, None if it is something else."""
    everything = "\n".join(lines)
    if _REVOKED.search(everything):
        return RemoteFailure("host_key", f"{where} shows a host key that is revoked")
    if (other := _OTHER_KEY.search(everything)) is not None:
        fix = f"if it was re-installed: ssh-keygen -f {other[1]} -R {ssh.known_as}"
        return RemoteFailure("host_key", f"{where} shows another host key than before; {fix}")
    if _UNKNOWN_KEY.search(everything):
        fix = "pin it: slotlab check, or ssh to it once"
        return RemoteFailure("host_key", f"the host key of {where} is not known; {fix}")
    return None


def _last(lines: list[str]) -> str:
    return lines[-1][:300] if lines else ""
