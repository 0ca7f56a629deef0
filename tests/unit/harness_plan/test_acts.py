"""Operations of a timeline, from the file to the hosts of those who ask for them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.campaign import campaign_file
from harness.campaign.campaign_file import CampaignFile
from harness.cli.tables.plan_tables import cells_of
from harness.errors import CampaignError, PlanError
from harness.plan import lab_view, planner
from harness.plan.genesis import kept_secret
from metrics.model.plan import Plan, PlannedAccount, PlannedAct, decode, encode
from node.chain.encoding.crypto import PrivateKey, public_key
from node.chain.model.fio_rules import FIO_SUF, FioRules, VoteLock
from node.config import ActConfig
from tests.unit.harness_plan.builders import HEAD, files_of, lab
from tests.unit.harness_plan.shipping import shipped

S = 1_000_000_000
T0_NS = 1_795_000_000 * S
PROPOSAL = "{at: 20s, act: set_producers, by: eosio, producers: [producerb, producera]}"
TRANSFER = "{at: 5s, act: transfer, by: userb, recipient: usera, amount: 7, memo: hello}"


def planned(*entries: str, chain: str = "timing: fio", more: str = "") -> Plan:
    """Return the plan of a timeline for 4 producers on 5 hosts."""
    text = f"{HEAD % 4}{more}cooldown: 30s\ntimeline: [{', '.join(entries)}]\n"
    text = text.replace("producers: 4,", f"producers: 4, {chain},")
    return planner.build(campaign_file.parse(text, Path("test.yml")), lab(5))


def test_an_act_is_planned_for_the_host_that_has_its_accounts_key() -> None:
    plan = planned(PROPOSAL, TRANSFER)
    assert plan.trials[0].acts == [
        PlannedAct(
            at_ns=5 * S, act="transfer", by="userb", host="n2",
            fields={"recipient": "usera", "amount": 7, "memo": "hello"},
        ),
        PlannedAct(
            at_ns=20 * S, act="set_producers", by="eosio", host="n1",
            fields={"producers": ["producerb", "producera"]},
        ),
    ]  # fmt: skip
    assert plan.system_account is True
    assert decode(encode(plan)) == plan


def test_an_act_is_handed_in_where_it_is_asked_for_with_the_key_of_its_account(
    tmp_path: Path,
) -> None:
    plan = planned(TRANSFER.replace("by: userb", "by: userb, on: n4"), more="load: {rate: 8/s}\n")
    assert [act.host for act in plan.trials[0].acts] == ["n4"]
    _, configs = shipped(plan, tmp_path)
    acts = {host: each.client.acts for host, each in configs.items() if each.client}
    assert {host: [act.by for act in own] for host, own in acts.items() if own} == {"n4": ["userb"]}
    (act,) = acts["n4"]
    assert Path(act.key_file).read_text().strip() == kept_secret(tmp_path / "keys", "userb")
    with pytest.raises(PlanError, match=r"test.yml: timeline\[0\].on: no host n9; "):
        planned(TRANSFER.replace("by: userb", "by: userb, on: n9"))


def test_whom_a_liar_censors_are_accounts_of_the_chain_and_only_a_censor_names_them() -> None:
    def lie(strategy: str, *accounts: str) -> CampaignFile:
        named = f"strategy: {strategy}, accounts: [{', '.join(accounts)}]"
        entry = f"{{at: 20s, for: 5s, fault: byzantine, on: [n2], {named}}}"
        text = f"{HEAD % 4}cooldown: 30s\ntimeline: [{entry}]\n"
        return campaign_file.parse(text, Path("test.yml"))

    def built(file: CampaignFile) -> Plan:
        return planner.build(file, lab_view.simulated(file))

    asked = {"strategy": "censor", "by_ns": S}
    (fault,) = built(lie("censor", "usera")).trials[0].faults
    assert fault.asked == {**asked, "accounts": ["usera"]}
    (fault,) = built(lie("censor")).trials[0].faults
    assert fault.asked == asked
    with pytest.raises(PlanError, match=r"timeline\[0\].accounts: no account userz; "):
        built(lie("censor", "userz"))
    with pytest.raises(CampaignError, match="accounts: late spares nobody; remove it"):
        lie("late", "usera")


def test_acts_differ_by_cell_and_the_trial_ends_after_the_last_of_all() -> None:
    act = "{at: '${when}', act: transfer, by: usera, recipient: userb, amount: 1}"
    plan = planned(act, more="matrix: {when: [5s, 50s]}\ntrials: {order: listed}\n")
    assert [[act.at_ns for act in trial.acts] for trial in plan.trials] == [[5 * S], [50 * S]]
    assert plan.end_ns == 80 * S


def test_a_host_is_shipped_the_acts_of_its_accounts_with_the_keys_they_need(tmp_path: Path) -> None:
    plan = planned(PROPOSAL, TRANSFER, more="load: {rate: 8/s}\n")
    genesis, configs = shipped(plan, tmp_path)
    secrets = tmp_path / "keys"
    keys = {
        name: public_key(PrivateKey.from_hex(kept_secret(secrets, name))).hex()
        for name in ("eosio", "producera", "producerb")
    }
    assert genesis.system_key == keys.pop("eosio")
    acts = {host: each.client.acts for host, each in configs.items() if each.client}
    assert acts == {
        **{host: [] for host in ("n3", "n4", "n5")},
        "n1": [
            ActConfig(
                at_ns=T0_NS + 20 * S, act="set_producers", by="eosio",
                key_file=str(tmp_path / "keys/eosio.key"),
                fields={"producers": ["producerb", "producera"]}, keys=keys,
            )
        ],
        "n2": [
            ActConfig(
                at_ns=T0_NS + 5 * S, act="transfer", by="userb",
                key_file=str(tmp_path / "keys/userb.key"),
                fields={"recipient": "usera", "amount": 7, "memo": "hello"},
            )
        ],
    }  # fmt: skip
    files = files_of(plan, secrets).by_host
    assert [host for host in files if "keys/eosio.key" in files[host]] == ["n1"]


def test_a_host_that_only_acts_runs_a_client_and_sends_no_load(tmp_path: Path) -> None:
    plan = planned(PROPOSAL)
    assert files_of(plan, tmp_path / "keys").units == {
        "n1": ["node", "probe", "client"],
        **{host: ["node", "probe"] for host in ("n2", "n3", "n4", "n5")},
    }
    client = shipped(plan, tmp_path)[1]["n1"].client
    assert client is not None
    assert client.rate_milli == 0


def test_accounts_are_a_hosts_own_and_what_the_chain_adds(tmp_path: Path) -> None:
    chain = "accounts: {alice: {balance: 9, on: n3}, bob: {balance: 0}, userb: {balance: 5},"
    chain += " producerc: {balance: 3}}"
    plan = planned(chain=chain)
    usual = 1_000_000_000_000
    assert plan.accounts == [
        PlannedAccount(name="usera", host="n1", balance=usual),
        PlannedAccount(name="userb", host="n2", balance=5),
        PlannedAccount(name="userc", host="n3", balance=usual),
        PlannedAccount(name="userd", host="n4", balance=usual),
        PlannedAccount(name="usere", host="n5", balance=usual),
        PlannedAccount(name="alice", host="n3", balance=9),
        PlannedAccount(name="bob", host="n1", balance=0),
        PlannedAccount(name="producerc", host="n3", balance=3),
    ]  # fmt: skip
    genesis, _ = shipped(plan, tmp_path)
    assert [(own.name, own.balance) for own in genesis.accounts] == [
        (own.name, own.balance) for own in plan.accounts
    ]
    files = files_of(plan, tmp_path / "keys").by_host
    assert [host for host in files if "keys/alice.key" in files[host]] == ["n3"]


FIO = "fio: {elected: 4, activation: 7, schedule_check_slots: 10, fees: {fee_vote_pause: 5s}}"


def test_fios_rules_stand_in_the_genesis_and_each_producer_has_an_account(tmp_path: Path) -> None:
    plan = planned(chain=f"{FIO}, accounts: {{producerb: {{balance: 3}}}}")
    genesis, _ = shipped(plan, tmp_path)
    usual = FioRules()
    fees = msgspec.structs.replace(usual.fees, fee_vote_pause_s=5)
    assert genesis.fio == msgspec.structs.replace(
        usual, elected=4, activation=7, schedule_check_slots=10, fees=fees
    )
    stake = 10_000_000 * FIO_SUF
    assert [(own.name, own.balance) for own in genesis.accounts] == [
        *((f"user{x}", stake) for x in "abcde"),
        *((f"producer{x}", 3 if x == "b" else stake) for x in "abcd"),
    ]
    homes = {own.name: own.host for own in plan.accounts if own.name.startswith("producer")}
    assert homes == {f"producer{x}": f"n{n}" for n, x in enumerate("abcd", start=1)}
    assert planned().fio is None


def test_all_of_fios_rules_can_be_written_and_are_fios_own_where_they_are_not(
    tmp_path: Path,
) -> None:
    genesis, _ = shipped(planned(chain="fio: {}"), tmp_path)
    assert genesis.fio == FioRules()
    locks = "locks: [{account: usera, amount: 5}], domain_expires: 9s, pay: {claim_pause: 1s}"
    fio = shipped(planned(chain=f"fio: {{{locks}}}"), tmp_path / "more")[0].fio
    assert fio is not None
    assert fio.locks == [VoteLock(account="usera", amount=5)]
    assert (fio.domain_expires_s, fio.pay.claim_pause_s) == (9, 1)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("{elects: 4}", ".elects: unknown key; did you mean elected?"),
        (
            "{domain: ''}",
            ": domain must be 1 to 62 of a to z, 0 to 9 and -, which is not at an end",
        ),
        ("{domain: a@b}", ": domain must be 1 to 62 of a to z"),
        ("{faithful_autoproxy_bug: 1}", ".faithful_autoproxy_bug: 1 is not true or false"),
        ("{fees: {fee: 4}}", ".fees.fee: unknown key; did you mean fees?"),
        ("{activation: 5%}", ".activation: '5%' is not a whole number"),
        ("{domain_grace: 1500ms}", ".domain_grace: must be in whole seconds"),
        ("{elected: 3}", ": elected is 3, less than the 4 producers of the start, and no schedule"),
        ("{fees: {fees: {vot: 5}}}", ": fees: vot is none; there are add_bundles, "),
        ("{locks: [{account: nobody, amount: 5}]}", ": locks: nobody must be an account, locked "),
    ],
)
def test_rules_under_which_no_chain_elects_are_refused(rules: str, message: str) -> None:
    with pytest.raises((PlanError, CampaignError)) as caught:
        planned(chain=f"fio: {rules}")
    assert str(caught.value).startswith(f"test.yml: chain.fio{message}")


def test_a_plan_shows_each_act_at_its_time() -> None:
    plan = planned(TRANSFER, "{at: 15s, for: 5s, fault: delay, delay: 80ms}", PROPOSAL)
    (shown,) = cells_of(plan)
    columns = [list(column.cells) for column in shown.columns]
    rows = list(zip(*columns, strict=True))
    assert [row[:4] for row in rows if row[1] in ("", "delay-1")] == [
        ("5s", "", "transfer recipient=usera amount=7 memo=hello", "userb"),
        ("15s", "delay-1", "delay 80ms one way", "10 pairs of n1, n2, n3, n4, n5"),
        ("20s", "", "set_producers producers=producerb,producera", "eosio"),
    ]
    assert [row[5] for row in rows if row[1] == ""] == ["client of n2", "client of n1"]


TIMELINE = "timeline[0]"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("act: transfr, by: usera", "act: unknown act transfr; known are add_bundles, "),
        (
            "act: transfer, by: usera, recipient: userb, amont: 1",
            "amont: unknown key of transfer; did you mean amount?",
        ),
        ("act: transfer, by: usera, recipient: userb", "amount: missing; add it"),
        (
            "act: transfer, by: usera, sender: usera, recipient: userb, amount: 1",
            "sender: unknown key of transfer; that is `by`",
        ),
        (
            "act: transfer, by: usera, recipient: userb, amount: 1s",
            "amount: '1s' is not a whole number from 0 to",
        ),
        (
            "act: transfer, by: usera, recipient: userb, amount: 0",
            "act: transfer is refused by every node: zero_amount; change it",
        ),
        (
            "act: transfer, by: usera, recipient: usrb, amount: 1",
            "recipient: no account usrb; did you mean user",
        ),
        (
            "act: vote, by: usera, producers: [usera, producerx]",
            "producers: no account producerx; known are usera, ",
        ),
        (
            "act: vote, by: usera, producers: [producera]",
            "producers: no account producera; write chain.fio, by which each producer has one",
        ),
        ("act: transfer, by: usrb, recipient: userb, amount: 1", "by: no account usrb; did you"),
        (
            "act: transfer, by: userb, fault: kill, recipient: usera, amount: 1",
            "fault: unknown key of transfer; did you mean amount?",
        ),
        (
            "act: transfer, by: usera, recipient: userb, amount: 1, memo: \"\\ud800\"",
            "memo: '\\ud800' is no character; remove it",
        ),
        (
            f"act: transfer, by: usera, recipient: userb, amount: 1, memo: {'m' * 65_537}",
            "memo: 65537 bytes; write at most 65536",
        ),
        (
            f"act: vote, by: usera, producers: [{', '.join(['a'] * 1025)}]",
            "producers: 1025 items; write at most 1024",
        ),
        ("act: proxy, by: usera, proxy: ''", "proxy: no account ''; known are usera, "),
        (
            "act: claim_for_providers, by: usera, x: 1",
            "x: unknown key of claim_for_providers; known are none",
        ),
        ("act: set_producers, by: eosio, producers: []", "producers: [] is not a list of produ"),
        (
            "act: set_producers, by: usera, producers: [producera]",
            "by: only eosio may, not usera; write eosio",
        ),
        (
            "act: set_producers, by: eosio, producers: [producera, producera]",
            "producers: producera is there twice; name each once",
        ),
        (
            "act: set_producers, by: eosio, producers: [{producera: ../x}]",
            "producers[0]: '../x' is no name and no public key in hex",
        ),
        (
            "act: set_producers, by: eosio, producers: [PRODUCER]",
            "producers[0]: 'PRODUCER' is no name and no public key in hex",
        ),
        ("act: transfer, recipient: userb, amount: 1", "by: missing; add it"),
        ("recipient: userb", "fault: missing; write act, or one of "),
    ],
)  # fmt: skip
def test_what_no_account_can_do_is_refused_in_a_line_that_names_entry_and_key(
    entry: str, message: str
) -> None:
    with pytest.raises((PlanError, CampaignError)) as caught:
        planned(f"{{at: 5s, {entry}}}")
    assert str(caught.value).startswith(f"test.yml: {TIMELINE}.{message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("999ms", "999ms is before there is a block; write 1s or more"),
        ("-1s", "-1s must not be negative"),
    ],
)
def test_an_act_has_a_time_at_which_it_can_be_sent(at: str, message: str) -> None:
    with pytest.raises((PlanError, CampaignError)) as caught:
        planned(TRANSFER.replace("5s", at))
    assert str(caught.value) == f"test.yml: {TIMELINE}.at: {message}"


def test_an_act_too_near_the_end_is_refused() -> None:
    text = f"{HEAD % 4}cooldown: 2s\ntimeline: [{PROPOSAL}]\n"
    file = campaign_file.parse(text, Path("test.yml"))
    with pytest.raises(PlanError) as caught:
        planner.build(file, lab(5))
    assert str(caught.value) == (f"test.yml: {TIMELINE}.at: 20s is too late; write less than 17s")


def test_an_act_of_another_system_is_refused_with_the_profile_that_knows_it() -> None:
    head = "schema: slotlab.campaign/v1\ntitle: t\nchain: {profile: bitshares}\n"
    text = f"{head}timeline: [{PROPOSAL}]\n"
    with pytest.raises(CampaignError) as caught:
        campaign_file.parse(text, Path("test.yml"))
    assert str(caught.value) == (
        f"test.yml: {TIMELINE}.act: set_producers is for profile eosio; remove it or set that"
    )


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ("{alice: {balance: 1, on: n9}}", ".alice.on: no host n9 in the lab; did you mean n5?"),
        ("{usera: {balance: 1, on: n2}}", ".usera.on: is n1's own; remove it, or name another "),
        ("{eosio: {balance: 1}}", ".eosio: is the system account; write system_account: true"),
        ("{alice: {}}", ".alice.balance: missing; add it"),
        ("{alice: {balance: -1}}", ".alice.balance: -1 is out of range; write 0 or more"),
        (
            "{user5: {balance: 4611686018427387904}}",
            ".user5.balance: 4611686018427387904 is out of ",
        ),
        ("{'': {balance: 1}}", ": '' is no name on a chain; write 1 to 12 of a to z"),
        ("{a.: {balance: 1}}", ": a. is no name on a chain; write 1 to 12 of a to z"),
        ("{Alice: {balance: 1}}", ": Alice is no name on a chain; write 1 to 12 of a to z"),
    ],
)
def test_an_account_that_cannot_be_is_refused(accounts: str, message: str) -> None:
    with pytest.raises((PlanError, CampaignError)) as caught:
        planned(chain=f"accounts: {accounts}")
    assert str(caught.value).startswith(f"test.yml: chain.accounts{message}")


def test_a_block_must_have_room_for_an_act_and_the_schedule_that_follows() -> None:
    names = [f"producer{x}" for x in "abcdefghijklmnop"]
    chain = f"accounts: {{{', '.join(f'{name}: {{balance: 0}}' for name in names)}}}"
    proposal = PROPOSAL.replace("producerb, producera", ", ".join(names))
    with pytest.raises(PlanError) as caught:
        planned(proposal, chain=f"max_block_size: 1024B, {chain}")
    assert str(caught.value).startswith("test.yml: chain.max_block_size: 1024B has no room for one")


def test_a_producers_account_stays_with_its_producer() -> None:
    with pytest.raises(PlanError) as caught:
        planned(chain=f"{FIO}, accounts: {{producera: {{balance: 1, on: n3}}}}")
    problem = "is n1's own; remove it, or name another account"
    assert str(caught.value) == f"test.yml: chain.accounts.producera.on: {problem}"
