"""What the consensus system under test says of finality, before there is a chain.

With genesis, the only module of the plan that knows `node.chain`: the profile answers, the plan
writes it down, and everybody else reads it there.
"""

import struct

from harness.campaign.act_spec import ActSpec
from harness.campaign.campaign_file import CampaignFile, Cell
from harness.campaign.chain_spec import ChainSpec
from harness.errors import PlanError
from harness.plan.genesis import first_round_ns, genesis_of
from metrics.model.plan import Asset, Bounds, Finality, Plan, Prediction
from node.chain import profile, profiles
from node.chain.genesis import MIN_BLOCK_BYTES, decode, encode
from node.chain.model.codec import MAX_BLOCK_BYTES, MAX_BODY_BYTES, PACKED_SIGNATURE_BYTES
from node.chain.model.errors import GenesisError
from node.chain.model.transaction import TransactionFormat, TransactionHeader
from node.chain.validation import BLOCK_OVERHEAD_BYTES

SOME_DAY_NS = 1_767_225_600_000_000_000
ANY_SECRET = f"{1:064x}"
"""Of everybody, in a chain that never begins."""


def finality(chain: ChainSpec, newcomers: int = 0) -> Finality:
    """Return how often, and how many of its producers must stand behind a block of the chain.

    newcomers: how many may become producers beside those of the genesis.
    """
    expected = _expected(chain, chain.scheduled)
    most = chain.producers + newcomers
    by_scheduled = [_expected(chain, n).quorum for n in range(1, most + 1)]
    return Finality(stages=expected.stages, quorum=expected.quorum, by_scheduled=by_scheduled)


def predicted_lag(chain: ChainSpec) -> Bounds:
    """Return how many blocks later a block becomes final, at least and at most, all producing."""
    return _lag(chain, chain.scheduled)


def predictions(chain: ChainSpec) -> Prediction:
    """Return what the rules predict of a full schedule, and of one with fewer producers."""
    by_scheduled = [_lag(chain, n) for n in range(1, chain.producers + 1)]
    return Prediction(finality_lag_blocks=predicted_lag(chain), by_scheduled=by_scheduled)


def asset(chain: ChainSpec) -> Asset:
    """Return in what the chain's votes, fees and pay are said."""
    said = profiles.SYSTEMS[chain.profile].asset
    return Asset(name=said.name, digits=said.digits)


def refuse(file: CampaignFile, plan: Plan) -> None:
    """Refuse a chain that cannot begin, or whose blocks have no room for the load or an act.

    Raises:
        PlanError: one line with file, key and remedy.
    """
    for cell, planned in zip(file.cells, plan.cells, strict=True):
        _refuse(file, cell, plan.in_cell(planned))


def _refuse(file: CampaignFile, cell: Cell, plan: Plan) -> None:
    most, key = plan.max_block_bytes, f"{file.path.name}: chain.max_block_size"
    if not MIN_BLOCK_BYTES <= most <= MAX_BLOCK_BYTES:
        problem = f"{most}B; write {MIN_BLOCK_BYTES}B to {MAX_BLOCK_BYTES}B"
        raise PlanError(f"{key}: {problem}")
    t0_ns = first_round_ns(plan, not_before_ns=SOME_DAY_NS)
    try:
        genesis = decode(encode(genesis_of(plan, t0_ns=t0_ns, keys=lambda _: ANY_SECRET)))
        form = profiles.build(genesis).transaction_rules.form
    except GenesisError as error:
        raise PlanError(f"{file.path.name}: chain.{error}") from error
    load, acts = cell.campaign.load, cell.campaign.acts
    if load and load.size > MAX_BODY_BYTES:
        problem = f"{load.size}B; write {MAX_BODY_BYTES}B or less, as nodes read no more"
        raise PlanError(f"{file.path.name}: load.size: {problem}")
    # A header may carry a schedule beside the transaction that proposes one.
    sizes = [2 * _size(form, plan.profile, i, act, file) for i, act in acts.items()]
    needed = BLOCK_OVERHEAD_BYTES + max(load.size if load else 0, *sizes, 0)
    if needed > most:
        raise PlanError(
            f"{key}: {most}B has no room for one transaction of this campaign; write {needed}B or"
            " more"
        )


def _size(
    form: TransactionFormat, system: str, place: int, act: ActSpec, file: CampaignFile
) -> int:
    """Return the bytes of an act's transaction."""
    try:
        body = form.pack(TransactionHeader(0, 0, 0), [act.operation(system)])
    except (ValueError, OverflowError, struct.error) as error:
        problem = f"cannot be written as bytes: {error}"
        raise PlanError(f"{file.path.name}: timeline[{place}]: {problem}") from error
    if len(body) > MAX_BODY_BYTES:
        problem = f"{len(body)} bytes; shorten it to {MAX_BODY_BYTES}, as nodes read no more"
        raise PlanError(f"{file.path.name}: timeline[{place}]: {problem}")
    return len(body) + 2 * PACKED_SIGNATURE_BYTES


def _lag(chain: ChainSpec, scheduled: int) -> Bounds:
    least, most = _expected(chain, scheduled).lag_blocks
    return Bounds(min=least, max=most)


def _expected(chain: ChainSpec, scheduled: int) -> profile.Finality:
    system = profiles.SYSTEMS[chain.profile]
    return system.finality(scheduled, chain.blocks_per_turn)
