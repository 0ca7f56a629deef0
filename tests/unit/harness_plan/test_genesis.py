"""A trial's files: T0 at the start of a full round, keys kept 0600, configs the node accepts."""

from __future__ import annotations

import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.campaign import campaign_file
from harness.plan import genesis, planner
from harness.plan.genesis import kept_secret
from node import config
from node.chain import genesis as chain_genesis
from node.chain.model.slot import EPOCH_NS, SlotClock, producer_index
from node.chain.model.windows import Windows
from tests.unit.harness_plan.builders import HEAD, files_of, lab, planned


def files(folder: Path, load: str = "load: {rate: 41/s, size: 256B}") -> genesis.TrialFiles:
    return files_of(planned(more=load), folder / "keys", ntp=("192.0.2.9",))


@given(now_ns=st.integers(EPOCH_NS, EPOCH_NS * 4))
def test_t0_is_the_next_start_of_a_full_round(now_ns: int) -> None:
    made = planned()
    t0_ns = genesis.first_round_ns(made, not_before_ns=now_ns)
    slot = SlotClock(made.slot_ns).slot_at(t0_ns)
    assert SlotClock(made.slot_ns).time_ns(slot) == t0_ns
    assert slot % 8 == 0
    assert producer_index(slot, 4, 2) == 0
    assert 0 <= t0_ns - now_ns < 8 * made.slot_ns


def test_the_genesis_file_is_one_the_chain_accepts_and_the_same_on_all_hosts(
    tmp_path: Path,
) -> None:
    made = files(tmp_path)
    texts = {host["genesis.json"] for host in made.by_host.values()}
    assert len(texts) == 1
    read = chain_genesis.decode(texts.pop().encode())
    assert read.initial_slot == made.genesis_slot
    assert chain_genesis.chain_id(read).hex() == made.chain_id
    assert SlotClock(read.slot_ns).time_ns(read.initial_slot + 1) == made.t0_ns


def test_the_production_windows_of_a_campaign_are_those_of_the_chain(tmp_path: Path) -> None:
    said = "timing: eosio2, processing: 150ms, propagation: 250ms, last_block: 220ms"
    text = (HEAD % 4).replace("slot: 500ms", f"slot: 500ms, {said}")
    made = planner.build(campaign_file.parse(text, Path("test.yml")), lab())
    shipped = files_of(made, tmp_path).by_host["n1"]["genesis.json"]
    assert chain_genesis.windows(chain_genesis.decode(shipped.encode())) == Windows(
        processing_ns=150_000_000, propagation_ns=250_000_000, last_block_ns=220_000_000
    )


def test_a_host_gets_its_own_keys_only_and_a_config_the_node_accepts(tmp_path: Path) -> None:
    made = files(tmp_path)
    names = sorted(name for name in made.by_host["n2"] if name.startswith("keys/"))
    assert names == ["keys/producerb.key", "keys/userb.key"]
    path = tmp_path / "node.json"
    path.write_text(made.by_host["n2"]["node.json"])
    read = config.load(path)
    assert [peer.host for peer in read.peers] == ["n1", "n3", "n4"]
    assert [producer.name for producer in read.producers] == ["producerb"]
    assert read.clock.limit_ns == 125_000_000


def test_the_load_is_shared_by_all_hosts_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    made = files(tmp_path)
    rates = []
    for host in made.by_host:
        path = tmp_path / f"{host}.json"
        path.write_text(made.by_host[host]["node.json"])
        client = config.load(path).client
        assert client is not None
        rates.append(client.rate_milli)
    assert sum(rates) == 41_000


def test_a_ramp_that_begins_with_nothing_is_shared_by_clients_that_all_run(tmp_path: Path) -> None:
    made = files(tmp_path, load="load: {ramp: {from: 0/s, to: 41/s, over: 10s}}")
    ramps = []
    for host in made.by_host:
        path = tmp_path / f"{host}.json"
        path.write_text(made.by_host[host]["node.json"])
        client = config.load(path).client
        assert client is not None
        assert (client.rate_milli, client.shape.burst) == (0, None)
        assert client.shape.ramp is not None
        ramps.append((client.shape.ramp.to_milli, client.shape.ramp.over_ns))
    assert ramps == [(10_250, 10**10)] * 4


def test_a_hot_account_is_one_more_of_the_genesis_with_its_key_at_the_first_host(
    tmp_path: Path,
) -> None:
    made = files(tmp_path, load="load: {rate: 41/s, hot: 80%}")
    read = chain_genesis.decode(made.by_host["n1"]["genesis.json"].encode())
    assert [account.name for account in read.accounts] == [
        "usera",
        "userb",
        "userc",
        "userd",
        "hot",
    ]
    assert [host for host, own in made.by_host.items() if "keys/hot.key" in own] == ["n1"]
    given = (
        "load: {rate: 41/s, hot: 0%}\nchain: {producers: 4, accounts: {hot: {balance: 5, on: n3}}}"
    )
    text = (HEAD % 4).replace("chain: {producers: 4, slot: 500ms, blocks_per_turn: 2}", given)
    plan = planner.build(campaign_file.parse(text, Path("test.yml")), lab())
    assert [(a.host, a.balance) for a in plan.accounts if a.name == "hot"] == [("n3", 5)]


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = kept_secret(tmp_path / "keys", "producera")
    assert kept_secret(tmp_path / "keys", "producera") == first
    mode = stat.S_IMODE((tmp_path / "keys" / "producera.key").stat().st_mode)
    assert mode == 0o600
    assert first != kept_secret(tmp_path / "keys", "producerb")


def test_accounts_are_named_in_letters_the_chain_allows() -> None:
    names = [genesis.account_name(i) for i in range(60)]
    assert names[:2] == ["usera", "userb"]
    assert len(set(names)) == 60


def test_a_client_runs_only_where_there_is_a_load_to_send(tmp_path: Path) -> None:
    assert files(tmp_path).units == {
        host: ["node", "probe", "client"] for host in ("n1", "n2", "n3", "n4")
    }
    quiet, few = files(tmp_path, load=""), files(tmp_path, load="load: {rate: 8/h}")
    assert quiet.units == {host: ["node", "probe"] for host in ("n1", "n2", "n3", "n4")}
    assert [len(units) for units in few.units.values()] == [3, 3, 2, 2]
