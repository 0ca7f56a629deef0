"""Labs on one machine: whoever makes the hosts, the harness sees only an inventory."""
