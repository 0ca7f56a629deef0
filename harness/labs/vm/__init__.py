"""The VM lab: QEMU machines with their own kernel, systemd, chrony and clock."""
