"""NTP faults: servers whose answers lie or do not arrive, and what the host shows of it."""
