"""Claims about the client's load: fixed pace, fixed content, nothing hidden from the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from coincurve import PrivateKey

from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.transactions import EosioTransactions
from node.chain.genesis import Genesis
from node.chain.model.codec import decode_transaction
from node.config import ActConfig, ClientConfig, ConfigError
from node.events import Dropped, Load, Txs
from node.events.load_shape import GATHER_NS, HOT_ACCOUNT, STEADY, Closed, LoadShape, Pace
from node.local.client import Client, Reference, reference_of
from node.local.load import Acts, Transfers
from node.local.local_api import SUBMITTED_MAX
from node.local.local_client import Answer, Unanswered

FORM = EosioTransactions()
SECOND_NS = 10**9
START_NS = 1_800_000_000 * SECOND_NS
CHAIN_ID, BLOCK_ID = bytes(range(32)), bytes(reversed(range(32)))


def transfers(seed: int = 1, size_bytes: int = 256) -> Transfers:
    return Transfers(
        seed=seed, account="usera", recipients=("userb", "userc"),
        key=PrivateKey(b"\x07" * 32), size_bytes=size_bytes, form=FORM,
    )  # fmt: skip


NO_ACTS = Acts(due=(), form=FORM, expires_after_s=60)
GENESIS = Genesis(initial_slot=1, producers=[])


def acts(*named: ActConfig) -> Acts:
    """Return the acts of a client's configuration, each signed with one key."""
    share = ClientConfig(
        rate_milli=0, size_bytes=0, seed=1, start_ns=START_NS, end_ns=START_NS, account="usera",
        key_file="", acts=list(named),
    )  # fmt: skip
    return Acts.of(share, GENESIS, key_of=lambda _: PrivateKey(b"\x07" * 32), form=FORM)


def act(after_s: int, **fields: Any) -> ActConfig:
    """Return a transfer of usera's, due so long after the start."""
    said = {"recipient": "userb", "amount": 5, **fields}
    at_ns = START_NS + after_s * SECOND_NS
    return ActConfig(at_ns=at_ns, act="transfer", by="usera", key_file="", fields=said)


def make(source: Transfers, n: int) -> bytes:
    made = source.make(n, chain_id=CHAIN_ID, block_id=BLOCK_ID, now_ns=START_NS)
    return made.raw


@pytest.mark.parametrize("size_bytes", [159, 168, 200, 256, 1024, 4096])
def test_a_transaction_has_the_size_asked_for(size_bytes: int) -> None:
    assert size_bytes - 1 <= len(make(transfers(size_bytes=size_bytes), 3)) <= size_bytes
    assert transfers(size_bytes=0).memo_bytes == 8


def test_the_same_seed_gives_the_same_transactions_and_each_is_its_own() -> None:
    made = [make(transfers(), n) for n in range(50)]
    assert made == [make(transfers(), n) for n in range(50)]
    assert len({decode_transaction(data, FORM).id for data in made}) == 50
    assert made[0] != make(transfers(seed=2), 0)
    first = decode_transaction(made[0], FORM)
    (operation,) = first.operations
    assert isinstance(operation, Transfer)
    assert (operation.sender, operation.amount) == ("usera", 1)
    assert operation.recipient in ("userb", "userc")
    assert first.expiration_s == START_NS // SECOND_NS + 120


def test_so_many_transfers_as_asked_go_to_the_hot_account_and_the_rest_are_as_without_it() -> None:
    def recipients(hot_ppm: int) -> list[str]:
        source = replace(transfers(), hot_ppm=hot_ppm)
        made = (decode_transaction(make(source, n), FORM).operations[0] for n in range(1_000))
        return [each.recipient for each in made if isinstance(each, Transfer)]

    cold, some, hot = recipients(0), recipients(800_000), recipients(1_000_000)
    assert set(cold) == {"userb", "userc"}
    assert hot == [HOT_ACCOUNT] * 1_000
    assert 770 <= some.count(HOT_ACCOUNT) <= 830
    rest = [i for i, each in enumerate(some) if each != HOT_ACCOUNT]
    assert [some[i] for i in rest] == [cold[i] for i in rest]


def test_transactions_refer_to_the_irreversible_block_or_else_to_the_head() -> None:
    status = {
        "chain_id": "01" * 32,
        "head_num": 5,
        "head_id": "02" * 32,
        "lib_num": 3,
        "lib_id": "03" * 32,
    }
    assert reference_of(status) == Reference(b"\x01" * 32, b"\x03" * 32)
    assert reference_of({**status, "lib_num": 0, "lib_id": ""}) == Reference(
        b"\x01" * 32, b"\x02" * 32
    )
    assert reference_of({"ok": False, "reason": "busy"}) is None


class Link:
    """A node that is away, or answers at once."""

    def __init__(self) -> None:
        self.away = False
        self.refuse = ""
        self.answers: list[Answer | Unanswered] = []
        self.in_flight = 0
        self.waits = False
        self.sizes: list[int] = []
        self.got: list[str] = []
        self.ended: list[str] = []

    @property
    def connected(self) -> bool:
        return not self.away

    def ready(self) -> bool:
        return not self.away

    def send(self, request: Mapping[str, Any], *, ids: tuple[str, ...], now_ns: int) -> bool:
        if self.away:
            return False
        if request["op"] == "status":
            body: dict[str, Any] = {
                "ok": True, "chain_id": CHAIN_ID.hex(), "lib_num": 1, "lib_id": BLOCK_ID.hex(),
            }  # fmt: skip
        elif request["op"] == "ended":
            ended = self.ended[request["start"] :]
            body = {"ok": True, "ended": ended, "next": request["start"] + len(ended)}
        else:
            self.got += ids
            assert len(request["txs"]) == len(ids)
            self.sizes.append(len(ids))
            body = {"ok": True, "reasons": [self.refuse] * len(ids)}
        self.answers.append(Answer(ids, body))
        return True

    def receive(self, now_ns: int) -> list[Answer | Unanswered]:
        answers, self.answers = self.answers, []
        return answers


class Log(list[Any]):
    def write(self, record: Any) -> None:
        self.append(record)

    def loads(self) -> list[Load]:
        return [record for record in self if isinstance(record, Load)]


def run(client: Client, begin_ns: int, end_ns: int | None = None) -> int:
    """Drive the client in virtual time; return when it stopped."""
    now_ns = begin_ns
    while end_ns is None or now_ns < end_ns:
        again_ns = client.turn(now_ns)
        if again_ns is None:
            return now_ns
        now_ns = max(now_ns + 1000, again_ns)
    return now_ns


def client(
    link: Link,
    log: Log,
    seconds: int = 10,
    *,
    rate_milli: int = 40_000,
    acts: Acts = NO_ACTS,
    shape: LoadShape = STEADY,
) -> Client:
    end_ns = START_NS + seconds * SECOND_NS
    pace = Pace(rate_milli=rate_milli, start_ns=START_NS, end_ns=end_ns, shape=shape)
    return Client(pace, transfers(), acts, link, log)  # type: ignore[arg-type]


def test_the_load_is_sent_on_time_and_ends() -> None:
    link, log = Link(), Log()
    ended_ns = run(client(link, log), START_NS - SECOND_NS)
    assert START_NS + 10 * SECOND_NS <= ended_ns < START_NS + 11 * SECOND_NS
    loads = log.loads()
    assert sum(load.due for load in loads) == sum(load.sent for load in loads) == 400
    assert sum(load.accepted for load in loads) == 400
    assert max(load.late_max_ns for load in loads) < 1_000_000
    told = [record for record in log if isinstance(record, Txs)]
    assert len({id_ for record in told for id_ in record.ids}) == 400
    assert [len(record.ids) for record in told] == link.sizes


def test_what_is_due_within_twenty_milliseconds_goes_in_one_request_and_a_lone_one_at_once() -> (
    None
):
    link, log = Link(), Log()
    run(client(link, log, 1, rate_milli=1_000_000), START_NS - SECOND_NS)
    assert sum(link.sizes) == sum(load.sent for load in log.loads()) == 1_000
    assert 45 < len(link.sizes) < 55
    assert max(load.late_max_ns for load in log.loads()) <= GATHER_NS + 1_000_000
    crowded = Link()
    run(client(crowded, Log(), 1, rate_milli=10_000_000), START_NS - SECOND_NS)
    assert max(crowded.sizes) == SUBMITTED_MAX


@pytest.mark.parametrize("body", [{}, {"ok": False, "reason": "r"}, {"ok": True, "reasons": [""]}])
def test_an_answer_that_does_not_fit_what_was_sent_refuses_all_of_it(body: dict[str, Any]) -> None:
    link, log = Link(), Log()
    load = client(link, log, seconds=1)
    link.answers = [Answer(("ab", "cd"), body)]
    load.turn(START_NS)
    told = [record for record in log if isinstance(record, Txs)]
    assert (told[0].ids, told[0].state) == (["ab", "cd"], "rejected")


def test_an_absent_node_costs_lateness_and_the_oldest_but_shifts_nothing() -> None:
    link, log = Link(), Log()
    load = client(link, log, seconds=20)
    run(load, START_NS - SECOND_NS, START_NS + 2 * SECOND_NS)
    link.away = True
    run(load, START_NS + 2 * SECOND_NS, START_NS + 10 * SECOND_NS)
    assert log.loads()[-1].backlog == 200
    link.away = False
    run(load, START_NS + 10 * SECOND_NS)
    loads = log.loads()
    dropped = sum(record.n for record in log if isinstance(record, Dropped))
    assert dropped > 0
    assert sum(entry.due for entry in loads) == 800
    assert sum(entry.sent for entry in loads) == 800 - dropped
    assert sum(entry.refused for entry in loads) == dropped
    assert 4 * SECOND_NS < max(entry.late_max_ns for entry in loads) < 6 * SECOND_NS
    assert loads[-1].backlog == 0


def test_a_refusal_is_an_event_with_the_nodes_reason() -> None:
    link, log = Link(), Log()
    link.refuse = "mempool_full"
    run(client(link, log, seconds=1), START_NS - SECOND_NS)
    rejected = [r for r in log if isinstance(r, Txs) and r.state == "rejected"]
    assert {r.reason for r in rejected} == {"mempool_full"}
    count = sum(len(record.ids) for record in rejected)
    assert sum(load.refused for load in log.loads()) == count == 40


def test_unanswered_counts_as_refused_and_the_chain_is_asked_for_again() -> None:
    link, log = Link(), Log()
    load = client(link, log, seconds=3)
    run(load, START_NS - SECOND_NS, START_NS + SECOND_NS // 2)
    link.away = True
    link.answers = [Unanswered(("ab", "cd")), Unanswered(())]
    run(load, START_NS + SECOND_NS // 2, START_NS + SECOND_NS)
    sent = sum(len(record.ids) for record in log if isinstance(record, Txs))
    link.away = False
    run(load, START_NS + SECOND_NS)
    assert sent <= 21
    assert sum(entry.refused for entry in log.loads()) == 2
    assert sum(entry.sent for entry in log.loads()) == 120


def test_a_client_that_starts_late_begins_with_what_is_due_then() -> None:
    link, log = Link(), Log()
    run(client(link, log, seconds=10), START_NS + 5 * SECOND_NS)
    assert sum(load.due for load in log.loads()) == 200


def test_a_closed_loop_begins_one_for_each_that_the_node_answered() -> None:
    link, log = Link(), Log()
    loop = LoadShape(closed=Closed(in_flight=3, until="accepted", turn_ns=1))
    run(client(link, log, 1, rate_milli=0, shape=loop), START_NS - SECOND_NS)
    assert set(link.sizes) == {3}
    assert 45 < len(link.sizes) <= 51
    link.refuse = "busy"
    run(client(link, log, 1, rate_milli=0, shape=loop), START_NS - SECOND_NS)
    assert 90 < len(link.sizes) <= 102


def test_a_closed_loop_waits_until_its_transactions_are_irreversible_or_their_node_is_gone() -> (
    None
):
    link, log = Link(), Log()
    loop = LoadShape(closed=Closed(in_flight=3, until="irreversible", turn_ns=1))
    load = client(link, log, 10, rate_milli=0, shape=loop)

    def second(n: int) -> int:
        run(load, START_NS + (n - 1) * SECOND_NS, START_NS + n * SECOND_NS)
        return len(link.got)

    assert (second(0), second(1), second(2)) == (0, 3, 3)
    link.ended += link.got[:2]
    assert (second(3), second(4)) == (5, 5)
    link.ended += [*link.got[:5], "of somebody else"]
    assert second(5) == 8
    link.away, link.ended = True, []
    assert second(6) == 8
    link.away = False
    assert (second(7), second(8)) == (11, 11)
    link.ended = list(link.got[8:])
    assert second(9) == 14
    told = [record for record in log if isinstance(record, Txs)]
    assert (len({id_ for record in told for id_ in record.ids}), len(link.got)) == (14, 14)
    link.ended += link.got[11:]
    assert second(11) == 14  # The load is over.


def test_acts_are_sent_under_their_words_when_they_are_due_beside_the_load_or_alone() -> None:
    link, log = Link(), Log()
    named = acts(act(2), act(2, amount=6), act(4))
    load = client(link, log, rate_milli=0, acts=named)
    for second, sent in ((1, 0), (3, 2), (5, 3)):
        run(load, START_NS + (second - 1) * SECOND_NS, START_NS + second * SECOND_NS)
        assert [r.act for r in log if isinstance(r, Txs)] == ["transfer"] * sent
    assert sum(entry.sent for entry in log.loads()) == 3
    beside = Log()
    run(client(Link(), beside, acts=named), START_NS - SECOND_NS)
    words = [r.act for r in beside if isinstance(r, Txs) for _ in r.ids]
    assert (words.count("transfer"), words.count("")) == (3, 400)


def test_an_act_waits_for_a_node_that_is_away_and_says_how_late_it_came() -> None:
    link, log = Link(), Log()
    load = client(link, log, rate_milli=0, acts=acts(act(2)))
    link.away = True
    run(load, START_NS - SECOND_NS, START_NS + 5 * SECOND_NS)
    assert [r for r in log if isinstance(r, Txs)] == []
    link.away = False
    run(load, START_NS + 5 * SECOND_NS)
    assert len([r for r in log if isinstance(r, Txs)]) == 1
    assert 3 * SECOND_NS <= max(entry.late_max_ns for entry in log.loads()) < 4 * SECOND_NS


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"act": "transfr"}, "client.acts[0].act: transfr is none of "),
        ({"fields": {"amount": 1}}, "client.acts[0].recipient: missing; add it"),
        (
            {"act": "set_producers", "by": "eosio", "fields": {"producers": ["a"]}},
            "client.acts[0].keys: 'a' is missing",
        ),
    ],
)
def test_an_act_that_the_system_does_not_know_stops_the_client(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        acts(msgspec.structs.replace(act(1), **wrong))
    assert str(caught.value).startswith(message)
