"""Rows about the user's own ssh_config, which ssh and the inventory only give a name."""

from __future__ import annotations

from tests.lab.ssh_options.row import Row, config

_HERE = ("HostName $n2", "User pi")
_PLAIN = "pi@n2:22 from controller by default"
_BEHIND = "pi@n2:22 from n1 by default"
_CERTIFIED = ("HostName $n2", "User pi", "Port 2299")

LOGINS = (
    config("alias", "pi@n2:2222 from controller by default", *_HERE, "Port 2222"),
    Row(
        "one.pattern", "one.pattern", _PLAIN,
        config="Host *.pattern !no.pattern\n  HostName $n2\n  User pi\n",
    ),
    config(
        "matched", "pi@n2:2222 from controller by default", "Include more.d/*.conf",
        match='Match originalhost matched exec "test %n = matched"',
    ),
    config("of-one-family", "pi@n2:22 from controller-6 by default",
           "HostName both.lab", "User pi", "AddressFamily inet6"),
    config("bound", "pi@n2:22 from second by default", *_HERE, "BindAddress $second"),
    config("settings", _PLAIN, *_HERE, "Compression yes", "ServerAliveInterval 5",
           "TCPKeepAlive no", "IPQoS af21 cs1", "CheckHostIP yes", "UpdateHostKeys yes"),
    config("ciphers", "pi@n2:2300 from controller by default", *_HERE, "Port 2300",
           "Ciphers +aes256-cbc", "MACs hmac-sha1", "KexAlgorithms +diffie-hellman-group14-sha1"),
)  # fmt: skip

KEYS = (
    config("tokens", "pi@n2:22 from controller by tokens", *_HERE,
           'IdentityFile "%d/.ssh/my keys/%r at %h"'),
    config("local-tokens", "pi@n2:22 from controller by local-tokens", *_HERE,
           "IdentityFile ~/.ssh/%u-%n-%p"),
    config("second-key", "pi@n2:22 from controller by rsa", *_HERE,
           "IdentityFile ~/.ssh/missing", "IdentityFile ~/.ssh/rsa"),
    config("agent", "pi@n2:22 from controller by agent", *_HERE, "IdentityFile none",
           "IdentityAgent ~/.ssh/agent.sock"),
    config("agent-in-a-variable", "pi@n2:22 from controller by agent", *_HERE,
           "IdentityFile none", "IdentityAgent $LAB_AGENT"),
    config("agent-of-the-session", "pi@n2:22 from controller by session", *_HERE,
           "IdentityFile none", "IdentityAgent SSH_AUTH_SOCK"),
    config("agent-before-files", "pi@n2:22 from controller by agent", *_HERE,
           "IdentityFile ~/.ssh/rsa", "IdentityAgent ~/.ssh/agent.sock"),
    config("identities-only", "pi@n2:22 from controller by rsa", *_HERE, "IdentitiesOnly yes",
           "IdentityFile ~/.ssh/rsa", "IdentityAgent ~/.ssh/agent.sock"),
    config("public-half", "pi@n2:22 from controller by agent", *_HERE, "IdentitiesOnly yes",
           "IdentityFile ~/.ssh/agent.pub", "IdentityAgent ~/.ssh/agent.sock"),
    config("locked-key-in-agent", "pi@n2:22 from controller by locked", *_HERE,
           "IdentitiesOnly yes", "IdentityFile ~/.ssh/locked", "IdentityAgent ~/.ssh/agent.sock"),
    config("certificate", "certy@n2:22 from controller by certificate", "HostName $n2",
           "User certy", "IdentityFile ~/.ssh/certified",
           'CertificateFile "~/.ssh/my keys/certificate.pub"'),
    config("algorithms", "pi@n2:22 from controller by rsa", *_HERE,
           "IdentityFile ~/.ssh/id_ed25519", "IdentityFile ~/.ssh/rsa",
           "PubkeyAcceptedAlgorithms rsa-sha2-512"),
)  # fmt: skip

HOST_KEYS = (
    config("host-key-alias", _PLAIN, *_HERE, "HostKeyAlias the-alias",
           'UserKnownHostsFile /dev/null "~/.ssh/known of alias"'),
    config("known-by-token", _PLAIN, *_HERE, "UserKnownHostsFile ~/.ssh/known.d/%n"),
    config("known-by-command", _PLAIN, *_HERE, "UserKnownHostsFile none",
           "HostKeyAlias the-alias", 'KnownHostsCommand /bin/cat "%d/.ssh/known of alias"'),
    config("known-by-hash", _PLAIN, "HostName hashed.lab", "User pi", "HashKnownHosts yes"),
    config("certified-host", "pi@n2:2299 from controller by default", *_CERTIFIED,
           "HostKeyAlias certified"),
    config("accepted-new", "pi@n2:2299 from controller by default", *_CERTIFIED,
           "StrictHostKeyChecking accept-new", "UserKnownHostsFile ~/.ssh/new"),
)  # fmt: skip

WAYS = (
    config("behind", _BEHIND, *_HERE, "ProxyJump gate@$n1:2200"),
    config("gate", "gate@n1:2200 from controller by rsa", "HostName $n1", "User gate",
           "Port 2200", "IdentityFile ~/.ssh/rsa", "IdentitiesOnly yes"),
    config("behind-an-alias", _BEHIND, *_HERE, "ProxyJump gate"),
    config("far", "pi@n2:22 from n3 by default", *_HERE, "ProxyJump gate,pi@$n3:2222"),
    config("chain", "pi@n2:22 from n3 by default", *_HERE, "ProxyJump chain-hop"),
    config("chain-hop", "pi@n3:22 from n1 by default", "HostName $n3", "User pi",
           "ProxyJump gate"),
    config("behind-in-brackets", "pi@n2:22 from n1-6 by default", "HostName $six2", "User pi",
           "ProxyJump gate@[$six1]:2200"),
    config("by-command", "pi@n2:2222 from n1 by default", *_HERE, "Port 2222",
           "ProxyCommand $home/proxy %h %p %r"),
    config("by-command-with-quotes", _BEHIND, *_HERE,
           """ProxyCommand sh -c 'exec ssh -W "[$$1]:$$2" gate' sh %h %p"""),
    Row("direct.inner", "direct.inner", _PLAIN,
        config="Host direct.inner\n  ProxyJump none\n"
               "Host *.inner\n  HostName $n2\n  User pi\n  ProxyJump gate\n"),
)  # fmt: skip

NOISE = (
    config("environment", f"{_PLAIN} with set", *_HERE, "SetEnv LAB_WORD=set"),
    config("environment-sent", f"{_PLAIN} with sent", *_HERE, "SendEnv LAB_*"),
    config("log-level", _PLAIN, *_HERE, "LogLevel DEBUG3"),
    config("banner", "banner@n2:22 from controller by default", "HostName $n2", "User banner"),
    config("art", _PLAIN, *_HERE, "VisualHostKey yes"),
    config("own-master", _PLAIN, *_HERE, "ControlMaster auto",
           "ControlPath ~/.ssh/master-%C", "ControlPersist 60"),
    config("forwards", _PLAIN, *_HERE, "LocalForward 127.0.0.1:5099 127.0.0.1:22",
           "DynamicForward 127.0.0.1:5098", "ForwardAgent yes", "ForwardX11 yes"),
    config("local-command", _PLAIN, *_HERE, "PermitLocalCommand yes",
           "LocalCommand echo hello from here"),
    config("with-a-terminal", _PLAIN, *_HERE, "RequestTTY force"),
    config("shell-that-prints", "chatty@n2:22 from controller by default", "HostName $n2",
           "User chatty"),
    config("rc-that-prints", "rc@n2:22 from controller by default", "HostName $n2", "User rc"),
    config("shell-of-its-own", "dash@n2:22 from controller by default", "HostName $n2",
           "User dash"),
)  # fmt: skip

ROWS = (*LOGINS, *KEYS, *HOST_KEYS, *WAYS, *NOISE)
