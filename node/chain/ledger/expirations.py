"""Ids of transactions by the second until which each may be executed."""

import heapq

from node.chain.model.slot import NS_PER_S


class Expirations:
    """Mutable: the ids of each second, and a heap of these: thousands of ids share one."""

    __slots__ = ("_ids", "_seconds")

    def __init__(self) -> None:
        self._ids: dict[int, set[bytes]] = {}
        self._seconds: list[int] = []

    def add(self, expiration_s: int, transaction_id: bytes) -> None:
        """Note an id, if it is not there."""
        ids = self._ids.get(expiration_s)
        if ids is None:
            ids = self._ids[expiration_s] = set()
            heapq.heappush(self._seconds, expiration_s)
        ids.add(transaction_id)

    def discard(self, expiration_s: int, transaction_id: bytes) -> None:
        """Drop an id, if it is there."""
        if expiration_s in self._ids:
            self._ids[expiration_s].discard(transaction_id)

    def pop(self, time_ns: int) -> list[tuple[int, bytes]]:
        """Drop what expired strictly before time_ns; return it, by expiration and id."""
        gone: list[tuple[int, bytes]] = []
        while self._seconds and self._seconds[0] * NS_PER_S < time_ns:
            expiration_s = heapq.heappop(self._seconds)
            gone.extend([(expiration_s, one) for one in sorted(self._ids.pop(expiration_s))])
        return gone
