"""The interpreter of consensus transcripts: commands in, what the chain told out, by labels.

    genesis producers=4 turn=2 [lock] [system]    a new world, in which all further commands play
    blocks after=a1 at=5 b1 b2 [by=ab]   make one block a slot from slot 5 on, by producers a and b
    node x [keys=ab] [marks=…]           a node that signs for producers a and b
    feed x a1 a2 …                       hand it blocks
    tick x at=5 [as=c1]                  let slot 5 come; its block, if any, gets the label
    run x from=5 to=9                    let many slots come; tells only schedule changes
    propose x abc                        hand it the system account's proposal of a, b and c
    state x                              head, irreversible and pre-committed block

Slots count from the first one anybody may use. `blocks` come from a maker that knows only the
branch it builds on, so that one key can sign two branches.
"""

from __future__ import annotations

from collections.abc import Callable

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key
from node.chain.eosio.header_state import HeaderState
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Effect, Emit, RequestSync
from node.events import (
    Abstained,
    Applied,
    Irreversible,
    Produced,
    Rejected,
    Schedule,
    Switched,
    Txs,
)
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    of_kind,
    producer_names,
    receive,
    secret,
    submit,
    tick,
)
from tests.unit.node_eosio.proposals import set_producers

LATE = START_SLOT + 100_000


class World:
    """Labelled blocks and named nodes."""

    def __init__(self) -> None:
        self.blocks: dict[str, SignedBlock] = {}
        self.parents: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.nodes: dict[str, Chain] = {}
        self.names: list[str] = []
        self.genesis = make_genesis()

    def run(self, command: str) -> str:
        """Return the answer to one command, one fact a line."""
        verb, *rest = command.split()
        options = dict(word.split("=", 1) for word in rest if "=" in word)
        words = [word for word in rest if "=" not in word]
        verbs: dict[str, Callable[[list[str], dict[str, str]], list[str]]] = {
            "genesis": self._genesis,
            "blocks": self._blocks,
            "node": self._node,
            "feed": self._feed,
            "tick": self._tick,
            "state": self._state,
            "run": self._run,
            "propose": self._propose,
        }
        return "\n".join(verbs[verb](words, options)) + "\n"

    def _genesis(self, words: list[str], options: dict[str, str]) -> list[str]:
        producers, turn = int(options["producers"]), int(options["turn"])
        system_key = public_key(secret("eosio")).hex() if "system" in words else ""
        self.genesis = make_genesis(
            producers, turn, lock_on_proposed="lock" in words, system_key=system_key
        )
        self.names = producer_names(producers)
        self.labels = {make_chain(self.genesis).head.id.hex(): "genesis"}
        return [f"{producers} producers, {turn} blocks a turn"]

    def _blocks(self, words: list[str], options: dict[str, str]) -> list[str]:
        maker = make_chain(
            self.genesis, self._keys(options.get("by")), enable_stale_production=True
        )
        label = options["after"]
        for block in self._branch(label):
            receive(maker, block, now_slot=LATE)
        slot, told = int(options["at"]), []
        for name in words:
            made: list[SignedBlock] = []
            while not made:
                made = blocks_of(tick(maker, START_SLOT + slot))
                slot += 1
            self._call(name, made[0])
            self.parents[name] = label
            told.append(self._describe(name, made[0], slot - 1))
            label = name
        return told

    def _node(self, words: list[str], options: dict[str, str]) -> list[str]:
        keys = self._keys(options.get("keys", ""))
        self.nodes[words[0]] = make_chain(self.genesis, keys, enable_stale_production=True)
        return [f"{words[0]} signs for {', '.join(keys) or 'nobody'}"]

    def _feed(self, words: list[str], options: dict[str, str]) -> list[str]:
        told: list[str] = []
        for label in words[1:]:
            told += self._tell(receive(self.nodes[words[0]], self.blocks[label], now_slot=LATE))
        return told or ["nothing"]

    def _tick(self, words: list[str], options: dict[str, str]) -> list[str]:
        effects = tick(self.nodes[words[0]], START_SLOT + int(options["at"]))
        for block in blocks_of(effects):
            self._call(options["as"], block)
        return self._tell(effects) or ["nothing"]

    def _run(self, words: list[str], options: dict[str, str]) -> list[str]:
        chain, told = self.nodes[words[0]], []
        for slot in range(int(options["from"]), int(options["to"]) + 1):
            signer = chain.producer_for(START_SLOT + slot)
            effects = tick(chain, START_SLOT + slot)
            for block in blocks_of(effects):
                self._call(f"s{slot}", block)
            lines = [line for line in self._tell(effects) if line.startswith("schedule")]
            told += [f"slot {slot}, block {chain.head.num} of {signer}: {x}" for x in lines]
        return told or ["nothing"]

    def _propose(self, words: list[str], options: dict[str, str]) -> list[str]:
        chain = self.nodes[words[0]]
        names = [f"producer{letter}" for letter in words[1]]
        transaction = set_producers(chain, *names)
        told = of_kind(submit(chain, transaction, slot=chain.head.slot), Txs)
        return [
            f"{record.state} {record.reason}".strip() for record in told if isinstance(record, Txs)
        ]

    def _state(self, words: list[str], options: dict[str, str]) -> list[str]:
        chain = self.nodes[words[0]]
        state = chain._fork_db.head.state
        assert isinstance(state, HeaderState)
        ids = chain.branch_ids(1)
        proposed = state.tally.proposed_irb
        return [
            f"head {self._label(chain.head.id.hex())} ({chain.head.num})",
            f"irreversible {self._label(chain.lib.id.hex())} ({chain.lib.num})",
            f"pre-committed {self._label(ids[proposed - 1].hex()) if proposed else 'nothing'}",
        ]

    def _tell(self, effects: list[Effect]) -> list[str]:
        told: list[str] = []
        for effect in effects:
            match effect:
                case RequestSync():
                    told.append("unlinkable, asks for a sync")
                case Emit(record=Produced(id=i, num=num, confirmed=confirmed, producer=name)):
                    told.append(f"produced {self._label(i)} ({num}) {name} confirms {confirmed}")
                case Emit(record=Applied(id=i, num=num)):
                    told.append(f"applied {self._label(i)} ({num})")
                case Emit(record=Switched(old=old, new=new, ancestor=over, depth=depth)):
                    told.append(
                        f"switched {self._label(old)} -> {self._label(new)} "
                        f"over {self._label(over)}, {depth} undone"
                    )
                case Emit(record=Irreversible(id=i, num=num)):
                    told.append(f"irreversible {self._label(i)} ({num})")
                case Emit(record=Rejected(id=i, reason=reason)):
                    told.append(f"rejected {self._label(i)}: {reason}")
                case Emit(record=Abstained(producer=name, reason=reason)):
                    told.append(f"{name} abstains: {reason}")
                case Emit(record=Schedule(state=state, version=version, producers=names)):
                    told.append(f"schedule {version} {state}: {' '.join(names)}")
                case _:
                    pass
        return told

    def _describe(self, label: str, block: SignedBlock, slot: int) -> str:
        confirmed = block.header.confirmed
        return f"{label} ({block.num}) slot {slot} {block.producer} confirms {confirmed}"

    def _call(self, label: str, block: SignedBlock) -> None:
        assert label not in self.blocks, f"{label} is taken"
        self.blocks[label] = block
        self.labels[block.id.hex()] = label
        self.parents[label] = self.labels[block.previous.hex()]

    def _branch(self, label: str) -> list[SignedBlock]:
        blocks: list[SignedBlock] = []
        while label != "genesis":
            blocks.append(self.blocks[label])
            label = self.parents[label]
        return blocks[::-1]

    def _keys(self, letters: str | None) -> list[str]:
        return [name for name in self.names if letters is None or name[-1] in letters]

    def _label(self, block_id: str) -> str:
        return self.labels.get(block_id, "?")
