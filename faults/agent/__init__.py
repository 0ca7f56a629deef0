"""The service that carries out an armed schedule and always heals, and what relays to it."""
