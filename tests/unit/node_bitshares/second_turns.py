"""An independent scheduler of turns and tokens for tests: a record a witness, sorted when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

NEAR = int.from_bytes(bytes.fromhex("6a09e667f3bcc908"), "big")
FAR = int.from_bytes(bytes.fromhex("bb67ae8584caa73b"), "big")


def bits(seed: bytes, counter: int) -> Iterator[str]:
    """Yield the bits of one digest after the other, of each byte the lowest first."""
    while True:
        for byte in sha256(seed + (counter % 2**64).to_bytes(8, "little")).digest():
            yield from reversed(f"{byte:08b}")
        counter += 1


def drawn(stream: Iterator[str], bound: int) -> int:
    """Return a number below bound by as many bits as bound is written with, tried again."""
    if bound <= 1:
        return 0
    while True:
        word = "".join(next(stream) for _ in f"{bound:b}")
        if int(word[::-1], 2) < bound:
            return int(word[::-1], 2)


@dataclass
class Record:
    """What a witness holds, and since when it stands where it stands."""

    turn: bool = True
    token: bool = True
    since: int = 0


@dataclass
class SecondTurns:
    """The schedule after some blocks."""

    records: dict[int, Record] = field(default_factory=dict)
    near: list[int] = field(default_factory=list)
    seed: bytes = bytes(20)
    moves: int = 0

    def start(self, witnesses: list[int]) -> SecondTurns:
        """Let all hold both, and pick as many as there are."""
        self.elect(witnesses)
        stream = bits(self.seed, NEAR)
        for _ in witnesses:
            self.pick(stream)
        return self

    def elect(self, active: list[int]) -> None:
        """Keep the active only; who is new holds both."""
        self.records = {one: held for one, held in self.records.items() if one in active}
        for one in sorted(set(active) - set(self.records)):
            self.moves += 1
            self.records[one] = Record(since=self.moves)

    def standing(self, *, turn: bool | None, token: bool) -> list[int]:
        """Return who holds that, longest first."""
        found = [
            (held.since, one)
            for one, held in self.records.items()
            if held.token == token and turn in (None, held.turn)
        ]
        return [one for _, one in sorted(found)]

    def moved(self, witness: int, *, turn: bool, token: bool) -> None:
        """Let a witness hold that from now on, last of those that do."""
        self.moves += 1
        self.records[witness] = Record(turn, token, self.moves)

    def pick(self, stream: Iterator[str]) -> bool:
        """Schedule one more; return whether everybody got a turn before."""
        gave = not any(held.turn for held in self.records.values())
        if gave:
            for one in self.standing(turn=False, token=True):
                self.moved(one, turn=True, token=True)
            for held in self.records.values():
                held.turn = True
        wanted = max(len(self.records) // 2, 1)
        while self.standing(turn=None, token=False):
            holders = self.standing(turn=None, token=True)
            if len(holders) >= wanted and self.standing(turn=True, token=True):
                break
            one = self.standing(turn=None, token=False)[0]
            self.moved(one, turn=self.records[one].turn, token=True)
        able = self.standing(turn=True, token=True)
        one = able[drawn(stream, len(able))]
        self.moved(one, turn=False, token=False)
        self.near.append(one)
        return gave

    def whose(self, k: int) -> int:
        """Return whose the k-th slot from here is."""
        if k <= len(self.near):
            return self.near[k - 1]
        twin = SecondTurns(
            {one: Record(held.turn, held.token, held.since) for one, held in self.records.items()},
            list(self.near), self.seed, self.moves,
        )  # fmt: skip
        stream, gave = bits(self.seed, FAR), list[int]()
        while len(gave) < 2:
            if twin.pick(stream):
                gave.append(len(twin.near))
        begin, end = gave
        offset = k - 1
        return twin.near[offset if offset < end else begin + (offset - begin) % (end - begin)]

    def append(self, k: int, active: list[int], slots: int, random: bytes) -> None:
        """Add a block in the k-th slot, the slots-th of all."""
        if k <= len(self.near):
            self.near = self.near[k:]
        else:
            first = self.whose(k)
            rest = [*self.standing(turn=True, token=True), *self.standing(turn=False, token=True)]
            for one in [*rest, *self.standing(turn=None, token=False)]:
                self.moved(one, turn=True, token=True)
            self.moved(first, turn=False, token=False)
            self.near = [first]
        self.elect(active)
        stream, gave = bits(self.seed, slots), False
        while len(self.near) < len(active) + 1:
            gave |= self.pick(stream)
        self.seed = random if gave else self.seed
