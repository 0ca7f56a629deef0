"""Who has an account, where its key is, and which operations a timeline asks for there. Pure."""

from collections.abc import Mapping, Sequence

from harness.campaign.campaign_file import CampaignFile, Cell
from harness.campaign.chain_spec import ChainSpec
from harness.campaign.model import Campaign
from harness.errors import PlanError, nearest
from harness.notation.units import text_of_ns
from harness.plan.node_options import letters, producer_names
from metrics.model.cell_load import sent_until_ns
from metrics.model.plan import PlannedAccount, PlannedAct, PlannedHost
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.model.fio_rules import FIO_SUF
from node.events.load_shape import HOT_ACCOUNT

START_BALANCE = 1_000_000_000_000
FIO_START_BALANCE = 10_000_000 * FIO_SUF
"""Under FIO's delegation a balance is a weight: eight such accounts elect under its own rules."""


def accounts(campaign: Campaign, hosts: Sequence[PlannedHost], file: str) -> list[PlannedAccount]:
    """Return the accounts of the genesis: one a host, then those that the campaign adds.

    Where accounts elect, each producer has one of its own.

    Raises:
        PlanError: one is on a host that is not there.
    """
    given = campaign.chain.accounts
    own = {account_name(i): host.host for i, host in enumerate(hosts)}
    homes = {name: host.host for host in hosts for name in host.producers}
    if campaign.chain.elects:
        own |= dict(sorted(homes.items()))
    names = [host.host for host in hosts]
    for name, spec in given.items():
        where = f"{file}: chain.accounts.{name}"
        if name == SYSTEM_ACCOUNT:
            raise PlanError(f"{where}: is the system account; write system_account: true")
        if spec.on is not None and name in own and spec.on != own[name]:
            raise PlanError(f"{where}.on: is {own[name]}'s own; remove it, or name another account")
        if spec.on is not None and spec.on not in names:
            raise PlanError(f"{where}.on: no host {spec.on} in the lab; {nearest(spec.on, names)}")
    added = {
        name: spec.on or homes.get(name, names[0])
        for name, spec in given.items()
        if name not in own
    }
    if campaign.load and campaign.load.hot is not None and HOT_ACCOUNT not in own:
        added.setdefault(HOT_ACCOUNT, names[0])
    usual = START_BALANCE if campaign.chain.fio is None else FIO_START_BALANCE
    return [
        PlannedAccount(
            name=name, host=host, balance=given[name].balance if name in given else usual
        )
        for name, host in {**own, **added}.items()
    ]


def keepers(
    chain: ChainSpec, planned: Sequence[PlannedAccount], hosts: Sequence[PlannedHost]
) -> dict[str, str]:
    """Return the host that has the key of each account, the system account's included."""
    found = {account.name: account.host for account in planned}
    if chain.can_have_system_account:
        found[SYSTEM_ACCOUNT] = next(host.host for host in hosts if host.producers)
    return found


def needs_system_account(campaigns: Sequence[Campaign]) -> bool:
    """Return whether a timeline acts as the system account, or chain says that there is one."""
    acting = any(act.by == SYSTEM_ACCOUNT for each in campaigns for act in each.acts.values())
    return acting or campaigns[0].chain.system_account


def planned_acts(
    file: CampaignFile, keepers: Mapping[int, Mapping[str, str]], hosts: Sequence[str], end_ns: int
) -> dict[int, list[PlannedAct]]:
    """Return the operations of the timeline of each cell, in order of time.

    keepers: by cell, the host of each account; hosts: those of the lab.

    Raises:
        PlanError: no such account or host, or too early or late to be sent.
    """
    return {cell.n: _planned(file, cell, keepers[cell.n], hosts, end_ns) for cell in file.cells}


def _planned(
    file: CampaignFile, cell: Cell, keeper: Mapping[str, str], hosts: Sequence[str], end_ns: int
) -> list[PlannedAct]:
    """Return the operations of a cell's timeline, in order of time."""
    chain = cell.campaign.chain
    planned = []
    for i, spec in cell.campaign.acts.items():
        where = f"{file.path.name}: timeline[{i}]"
        if spec.by not in keeper:
            raise PlanError(f"{where}.by: no account {spec.by}; {nearest(spec.by, [*keeper])}")
        if spec.on is not None and spec.on not in hosts:
            raise PlanError(f"{where}.on: no host {spec.on}; {nearest(spec.on, hosts)}")
        for key, account in spec.accounts(chain.profile):
            if account not in keeper:
                hint = nearest(account, [*keeper])
                if account in producer_names(chain.producers):
                    hint = "write chain.fio, by which each producer has one"
                raise PlanError(f"{where}.{key}: no account {account or repr(account)}; {hint}")
        if spec.at < 2 * chain.slot:
            first = text_of_ns(2 * chain.slot)
            problem = f"{text_of_ns(spec.at)} is before there is a block; write {first} or more"
            raise PlanError(f"{where}.at: {problem}")
        if spec.at >= sent_until_ns(end_ns):
            last = text_of_ns(sent_until_ns(end_ns))
            problem = f"{text_of_ns(spec.at)} is too late; write less than {last}"
            raise PlanError(f"{where}.at: {problem}")
        host = spec.on or keeper[spec.by]
        planned.append(
            PlannedAct(at_ns=spec.at, act=spec.act, by=spec.by, host=host, fields=spec.fields)
        )
    return sorted(planned, key=lambda each: each.at_ns)


def refuse_strangers(file: CampaignFile, keepers: Mapping[int, Mapping[str, str]]) -> None:
    """Refuse a fault that names an account that the chain of its cell does not have.

    keepers: by cell the host of each account.

    Raises:
        PlanError: with the entry, and the nearest account.
    """
    for cell in file.cells:
        known = [*keepers[cell.n]]
        for i, spec in cell.campaign.faults.items():
            for name in spec.asked().get("accounts", ()):
                if name not in known:
                    where = f"{file.path.name}: timeline[{i}].accounts"
                    raise PlanError(f"{where}: no account {name}; {nearest(name, known)}")


def newcomers(
    file: CampaignFile,
    keepers: Mapping[int, Mapping[str, str]],
    hosts: Sequence[PlannedHost],
    light: Sequence[str],
) -> dict[str, list[str]]:
    """Return, by host, whose keys it has that are no producers yet, but may be by some act.

    keepers: by cell, the host of each account; light: hosts whose nodes validate lightly.

    Raises:
        PlanError: no host could sign for one of them.
    """
    dealt = {name for host in hosts for name in host.producers}
    able = [each.host for each in hosts if not each.observer and each.host not in light]
    found: dict[str, list[str]] = {}
    for cell in file.cells:
        for i, act in cell.campaign.acts.items():
            for key, name in act.producers(cell.campaign.chain.profile):
                where = f"{file.path.name}: timeline[{i}].{key}"
                host = keepers[cell.n].get(name)
                if name in dealt:
                    continue
                if host is None:
                    remedy = f"write chain.accounts.{name}: {{balance: 0, on: {able[0]}}}"
                    raise PlanError(f"{where}: no host signs for {name}; {remedy}, or name another")
                if host not in able:
                    remedy = f"write chain.accounts.{name}.on: {able[0]}"
                    raise PlanError(f"{where}: {name} is {host}'s, which may not produce; {remedy}")
                found.setdefault(host, []).append(name)
    return {host: sorted(set(names)) for host, names in found.items()}


def account_name(index: int) -> str:
    """Return the account of the host at index: usera, userb, ... userz, userba, ..."""
    return f"user{letters(index)}"
