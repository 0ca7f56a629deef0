"""The operations of an EOSIO/FIO chain: the one place that knows which there are."""

from node.chain.eosio.contracts.fees.add_bundles import AddBundles
from node.chain.eosio.contracts.fees.bundle_vote import BundleVote
from node.chain.eosio.contracts.fees.compute_fees import ComputeFees
from node.chain.eosio.contracts.fees.set_fee_multiplier import SetFeeMultiplier
from node.chain.eosio.contracts.fees.set_fee_votes import SetFeeVotes
from node.chain.eosio.contracts.fees.transfer_tokens import TransferTokens
from node.chain.eosio.contracts.pay.claim import Claim
from node.chain.eosio.contracts.pay.technology_provider_claim import TechnologyProviderClaim
from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.contracts.voting.audit_votes import AuditVotes
from node.chain.eosio.contracts.voting.register_producer import RegisterProducer
from node.chain.eosio.contracts.voting.register_proxy import RegisterProxy
from node.chain.eosio.contracts.voting.unregister_producer import UnregisterProducer
from node.chain.eosio.contracts.voting.unregister_proxy import UnregisterProxy
from node.chain.eosio.contracts.voting.vote_producers import VoteProducers
from node.chain.eosio.contracts.voting.vote_proxy import VoteProxy

OPERATIONS = (
    SetProducers,
    Transfer,
    TransferTokens,
    VoteProducers,
    VoteProxy,
    RegisterProducer,
    UnregisterProducer,
    RegisterProxy,
    UnregisterProxy,
    AuditVotes,
    AddBundles,
    BundleVote,
    ComputeFees,
    SetFeeMultiplier,
    SetFeeVotes,
    Claim,
    TechnologyProviderClaim,
)
