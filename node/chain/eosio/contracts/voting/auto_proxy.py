"""Leaving one's vote to the technology provider that one uses, if a proxy (PROTOCOL B.3)."""

from msgspec.structs import replace

from node.chain.eosio.contracts.voting.rows import ADDRESSES, VOTERS, Voter
from node.chain.eosio.contracts.voting.weights import choose
from node.chain.model.fio_rules import FioRules
from node.chain.model.operation import OpenBlock, Operation
from node.events import Proxied


def follow_provider(operation: Operation, rules: FioRules, block: OpenBlock) -> None:
    """Give the payer's weight to the owner of the address in tpid, who is a proxy.

    Do so only if the payer never voted in any way, or got its proxy by an earlier operation like
    this one. A payer that chose anything, even to vote for nobody, is left alone. An operation
    without the field tpid does nothing, nor does an address that nobody has, or whose owner is no
    proxy.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, crautoproxy. Upstream writes the new
    proxy before it moves the weight: on a switch the old proxy keeps that weight for ever, and the
    new one gets only what the balance has changed since. With faithful_autoproxy_bug so does ours.
    """
    state, payer = block.state, operation.authority
    address = state.get(ADDRESSES, getattr(operation, "tpid", ""))
    owner = None if address is None else state.get(VOTERS, address.owner)
    if address is None or owner is None or not owner.is_proxy:
        return
    known = state.get(VOTERS, payer)
    if known is not None and (not known.is_auto_proxy or known.proxy == address.owner):
        return
    chosen = replace(known or Voter(), proxy=address.owner, is_auto_proxy=True)
    if known is not None and rules.faithful_autoproxy_bug:
        state.put(VOTERS, payer, chosen)
    voter = choose(block, payer, chosen)
    told = Proxied(
        num=block.num, account=payer, proxy=voter.proxy, weight=voter.weight, automatic=True
    )
    block.facts.append(told)
