"""Rows by which nobody can log in, and what each way must say of it."""

from __future__ import annotations

from tests.lab.ssh_options.row import failing

_HERE = ("HostName $n2", "User pi")
_OTHER_KEY = (*_HERE, "Port 2299")

ROWS = (
    failing("no-such-port", "unreachable", "Connection refused", *_HERE, "Port 2999"),
    failing("no-such-name", "unreachable", "Could not resolve", "HostName no.such.lab", "User pi"),
    failing("no-such-user", "auth_failed", "Permission denied", "HostName $n2", "User nobody-here"),
    failing("stranger", "auth_failed", "Permission denied", *_HERE, "IdentitiesOnly yes",
            "IdentityFile ~/.ssh/stranger"),
    failing("agent-unused", "auth_failed", "Permission denied", *_HERE, "IdentityFile none",
            "IdentityAgent none"),
    failing("locked-key", "auth_failed", "Permission denied", *_HERE,
            "IdentityFile ~/.ssh/locked"),
    failing("no-public-keys", "auth_failed", "Permission denied", *_HERE,
            "PubkeyAuthentication no"),
    failing("unknown-host-key", "host_key", "Host key verification failed", *_OTHER_KEY),
    failing("changed-host-key", "host_key", "Host key verification failed", *_OTHER_KEY,
            "HostKeyAlias the-alias", 'UserKnownHostsFile "~/.ssh/known of alias"'),
    failing("revoked-host-key", "host_key", "Host key verification failed", *_HERE,
            "UserKnownHostsFile ~/.ssh/revoked"),
    failing("nobody-at-the-gate", "unreachable", "closed|refused", *_HERE,
            "ProxyJump gate@$n1:2999"),
    failing("not-let-through", "unreachable", "closed|denied", *_HERE, "ProxyJump pi@$n1:2200"),
    failing("gate-shut", "unreachable", "closed|shut", *_HERE,
            "ProxyCommand sh -c 'echo the gate is shut >&2; exit 1'"),
    failing("no-cipher", "unreachable", "no matching cipher", *_HERE, "Port 2300",
            "MACs hmac-sha1", "KexAlgorithms +diffie-hellman-group14-sha1"),
    failing("no-login", "shell", "not available|No start of json", "HostName $n2", "User nologin"),
    failing("forced", "shell", "only backups here|No start of json", "HostName $n2", "User forced"),
)  # fmt: skip
