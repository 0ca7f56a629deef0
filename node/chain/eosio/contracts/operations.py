"""The operations of an EOSIO/FIO chain: the one place that knows which there are."""

from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.contracts.voting.register_producer import RegisterProducer
from node.chain.eosio.contracts.voting.register_proxy import RegisterProxy
from node.chain.eosio.contracts.voting.unregister_producer import UnregisterProducer
from node.chain.eosio.contracts.voting.unregister_proxy import UnregisterProxy
from node.chain.eosio.contracts.voting.vote_producers import VoteProducers
from node.chain.eosio.contracts.voting.vote_proxy import VoteProxy

OPERATIONS = (
    SetProducers,
    Transfer,
    VoteProducers,
    VoteProxy,
    RegisterProducer,
    UnregisterProducer,
    RegisterProxy,
    UnregisterProxy,
)
