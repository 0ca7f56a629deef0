"""Rows about what an inventory may say of SSH, and what a person would type for it."""

from __future__ import annotations

from tests.lab.ssh_options.row import PASSWORD, Row, Sealed, inventory

_BEHIND = "pi@n2:22 from n1 by default"
_SPACED = "pi@n2:22 from controller by spaced"
_JUMP = "-J gate@$n1:2200"
_NEW = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
_GATE = "ssh -p 2200 -W [%h]:%p gate@$n1"

LOGINS = (
    inventory("user", "pi@$n2", "pi@n2:22 from controller by default", host="$n2", user="pi"),
    inventory(
        "port", "-p 2222 pi@$n2", "pi@n2:2222 from controller by default",
        host="$n2", user="pi", port=2222,
    ),
    inventory(
        "old-names", "-p 2222 pi@$n2", "pi@n2:2222 from controller by default",
        ssh_host="$n2", ssh_user="pi", ssh_port="2222",
    ),
    Row(
        "of-its-group", "pi@$n2", "pi@n2:22 from controller by default",
        {"ansible_host": "$n2"}, group="ansible_user: pi",
    ),
    inventory(
        "sealed-user", "pi@$n2", "pi@n2:22 from controller by default",
        host="$n2", user=Sealed("pi"),
    ),
    Row(
        "template", "-p 2222 pi@$n2", "pi@n2:2222 from controller by default",
        {"who": "pi", "ports": {"ssh": 2222}, "ansible_host": "$n2",
         "ansible_user": "{{ who }}", "ansible_port": "{{ ports.ssh }}"},
    ),
    Row(
        "password", "word@$n2", "word@n2:22 from controller by password",
        {"ansible_host": "$n2", "ansible_user": "word", "ansible_password": PASSWORD},
        password=PASSWORD,
    ),
    Row(
        "sealed-password", "word@$n2", "word@n2:22 from controller by password",
        {"ansible_host": "$n2", "ansible_user": "word", "ansible_ssh_pass": Sealed(PASSWORD)},
        password=PASSWORD,
    ),
    inventory(
        "ipv6-address", "pi@$six2", "pi@n2:22 from controller-6 by default",
        host="$six2", user="pi",
    ),
    inventory(
        "name", "pi@n2.lab", "pi@n2:22 from controller by default", host="n2.lab", user="pi"
    ),
)  # fmt: skip

KEYS = (
    inventory(
        "key-with-a-space", "-i '$home/.ssh/my keys/spaced' pi@$n2", _SPACED,
        host="$n2", user="pi", ssh_private_key_file="$home/.ssh/my keys/spaced",
    ),
    inventory(
        "key-from-home", "-i '~/.ssh/my keys/spaced' pi@$n2", _SPACED,
        host="$n2", user="pi", ssh_private_key_file="~/.ssh/my keys/spaced",
    ),
    inventory(
        "key-relative", "-i keys/relative pi@$n2", "pi@n2:22 from controller by relative",
        host="$n2", user="pi", ssh_private_key_file="keys/relative",
    ),
    inventory(
        "key-by-its-old-name", "-i keys/relative pi@$n2", "pi@n2:22 from controller by relative",
        host="$n2", user="pi", private_key_file="keys/relative",
    ),
    inventory(
        "key-as-an-option", """-o 'IdentityFile="%d/.ssh/my keys/spaced"' pi@$n2""", _SPACED,
        host="$n2", user="pi", ssh_common_args="""-o 'IdentityFile="%d/.ssh/my keys/spaced"'""",
    ),
)  # fmt: skip

ARGUMENTS = (
    inventory(
        "jump", f"{_JUMP} pi@$n2", _BEHIND, host="$n2", user="pi", ssh_common_args=_JUMP
    ),
    inventory(
        "jump-by-its-option", f"{_JUMP} pi@$n2", _BEHIND,
        host="$n2", user="pi", ssh_common_args="-o ProxyJump=gate@$n1:2200",
    ),
    inventory(
        "jump-over-ipv6", "-J gate@[$six1]:2200 pi@$n2", _BEHIND,
        host="$n2", user="pi", ssh_common_args="-J gate@[$six1]:2200",
    ),
    inventory(
        "jump-twice", "-J gate@$n1:2200,pi@$n3:2222 -p 2222 pi@$n2",
        "pi@n2:2222 from n3 by default",
        host="$n2", user="pi", port=2222, ssh_common_args="-J gate@$n1:2200,pi@$n3:2222",
    ),
    inventory(
        "jump-as-extra", f"{_JUMP} pi@$n2", _BEHIND, host="$n2", user="pi", ssh_extra_args=_JUMP
    ),
    inventory(
        "proxy-command", f"-o 'ProxyCommand={_GATE}' -p 2222 pi@$n2",
        "pi@n2:2222 from n1 by default",
        host="$n2", user="pi", port=2222, ssh_common_args=f'-o ProxyCommand="{_GATE}"',
    ),
    inventory(
        "proxy-command-tokens", "-o 'ProxyCommand=$home/proxy %h %p %r' -p 2222 pi@$n2",
        "pi@n2:2222 from n1 by default",
        host="$n2", user="pi", port=2222,
        ssh_common_args='-o ProxyCommand="$home/proxy %h %p %r"',
    ),
    inventory(
        "extra-args", "-b $second pi@$n2", "pi@n2:22 from second by default",
        host="$n2", user="pi", ssh_extra_args="-b $second",
    ),
    inventory(
        "ssh-args", "-C -p 2222 pi@$n2", "pi@n2:2222 from controller by default",
        host="$n2", user="pi", ssh_args="-C -o Port=2222",
    ),
    inventory(
        "args-go-before-variables", "pi@$n2", "pi@n2:22 from controller by default",
        host="$n2", user="lab", ssh_args="-o User=pi",
    ),
    inventory(
        "variables-go-before-common-args", "-p 2222 pi@$n2",
        "pi@n2:2222 from controller by default",
        host="$n2", user="pi", port=2222, ssh_common_args="-o User=lab -o Port=22",
    ),
    inventory(
        "family", "-6 pi@both.lab", "pi@n2:22 from controller-6 by default",
        host="both.lab", user="pi", ssh_common_args="-o AddressFamily=inet6",
    ),
    inventory(
        "family-by-its-flag", "-6 pi@both.lab", "pi@n2:22 from controller-6 by default",
        host="both.lab", user="pi", ssh_common_args="-6",
    ),
    inventory(
        "file-of-its-own", "-F 'other files/ssh.cfg' somewhere",
        "pi@n2:2222 from controller by relative",
        host="somewhere", ssh_common_args="-F 'other files/ssh.cfg'",
    ),
    inventory(
        "known-hosts-with-a-space", """-o 'UserKnownHostsFile="~/.ssh/known hosts"' pi@new.lab""",
        "pi@n2:22 from controller by default",
        host="new.lab", user="pi",
        ssh_common_args="""-o 'UserKnownHostsFile="~/.ssh/known hosts"'""",
    ),
    inventory(
        "host-keys-not-checked", f"{_NEW} -p 2299 pi@$n2",
        "pi@n2:2299 from controller by default",
        host="$n2", user="pi", port=2299, ssh_common_args=_NEW,
    ),
    inventory(
        "host-key-checking-off", f"{_NEW} -p 2299 pi@$n2",
        "pi@n2:2299 from controller by default",
        host="$n2", user="pi", port=2299, host_key_checking=False,
        ssh_common_args="-o UserKnownHostsFile=/dev/null",
    ),
)  # fmt: skip

ROWS = (*LOGINS, *KEYS, *ARGUMENTS)
