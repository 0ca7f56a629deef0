"""Rows about what ansible.cfg says for all hosts, and what a host's own variables make of it."""

from __future__ import annotations

from tests.lab.ssh_options.row import inventory

ANSIBLE_CFG = """\
[defaults]
remote_user = pi
remote_port = 2299
private_key_file = ../work/keys/relative
host_key_checking = False
[ssh_connection]
ssh_args = -o UserKnownHostsFile=/dev/null
ssh_common_args = -o ProxyJump=gate@$n1:2200
ssh_extra_args = -o Compression=yes
"""
_KEY = "-i keys/relative"
_NEW = "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no"

ROWS = (
    inventory(
        "all-of-ansible-cfg", f"{_KEY} {_NEW} -J gate@$n1:2200 -p 2299 pi@$n2",
        "pi@n2:2299 from n1 by relative", host="$n2",
    ),
    inventory(
        "own-user-and-port", f"{_KEY} {_NEW} -J gate@$n1:2200 -p 22 dash@$n2",
        "dash@n2:22 from n1 by relative", host="$n2", user="dash", port=22,
    ),
    inventory(
        "own-key-and-no-jump", f"-i '~/.ssh/my keys/spaced' {_NEW} -p 2299 pi@$n2",
        "pi@n2:2299 from controller by spaced", host="$n2",
        ssh_private_key_file="~/.ssh/my keys/spaced", ssh_common_args="-o ProxyJump=none",
    ),
    inventory(
        "own-args", f"{_KEY} -J gate@$n1:2200 -p 22 pi@$n2", "pi@n2:22 from n1 by relative",
        host="$n2", port=22, ssh_args="-C", host_key_checking=True,
    ),
)  # fmt: skip
