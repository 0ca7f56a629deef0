"""The operations of a BitShares chain: the one place that knows which there are."""

from node.chain.bitshares.contracts.committee.approve import Approve
from node.chain.bitshares.contracts.committee.delete_proposal import DeleteProposal
from node.chain.bitshares.contracts.committee.propose import Propose
from node.chain.bitshares.contracts.committee.withdraw_approval import WithdrawApproval
from node.chain.bitshares.contracts.hard_forks.note import Note
from node.chain.bitshares.contracts.money.claim import Claim
from node.chain.bitshares.contracts.money.create_worker import CreateWorker
from node.chain.bitshares.contracts.raffle.raffle import Raffle
from node.chain.bitshares.contracts.transfer import Transfer
from node.chain.bitshares.contracts.voting.create_committee_member import CreateCommitteeMember
from node.chain.bitshares.contracts.voting.create_witness import CreateWitness
from node.chain.bitshares.contracts.voting.update_witness import UpdateWitness
from node.chain.bitshares.contracts.voting.vote import Vote

OPERATIONS = (
    Transfer,
    Vote,
    CreateWitness,
    UpdateWitness,
    CreateCommitteeMember,
    Raffle,
    Note,
    Propose,
    Approve,
    WithdrawApproval,
    DeleteProposal,
    Claim,
    CreateWorker,
)
