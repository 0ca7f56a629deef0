"""The operations of an EOSIO/FIO chain: the one place that knows which there are."""

from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.eosio.contracts.transfer import Transfer

OPERATIONS = (SetProducers, Transfer)
