"""Who is wrong and why: the reason words and the errors of the consensus core."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a block or transaction was refused or a slot left empty; logs and tests compare these."""

    # blocks
    FUTURE_BLOCK = "future_block"
    BLOCK_TOO_LARGE = "block_too_large"
    BLOCK_TOO_LONG = "block_too_long"
    BEFORE_IRREVERSIBLE = "before_irreversible"
    UNLINKABLE = "unlinkable"
    SLOT_NOT_AFTER_PARENT = "slot_not_after_parent"
    WRONG_PRODUCER = "wrong_producer"
    BAD_SCHEDULE_VERSION = "bad_schedule_version"
    BAD_NEW_PRODUCERS = "bad_new_producers"
    BAD_ANNOUNCEMENT = "bad_announcement"
    BAD_REVEAL = "bad_reveal"
    CONFIRMED_TOO_LARGE = "confirmed_too_large"
    DOUBLE_CONFIRM = "double_confirm"
    MISALIGNED_TIME = "misaligned_time"
    EMPTY_SLOT = "empty_slot"
    UNKNOWN_EXTENSION = "unknown_extension"
    BAD_TRANSACTION_MROOT = "bad_transaction_mroot"
    INVALID_TRANSACTIONS = "invalid_transactions"
    CONTENT_MISMATCH = "content_mismatch"
    # blocks and slots left empty
    UNDO_HISTORY = "undo_history"
    # blocks and transactions
    BAD_SIGNATURE = "bad_signature"
    # transactions
    DUPLICATE_SIGNATURE = "duplicate_signature"
    IRRELEVANT_SIGNATURE = "irrelevant_signature"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
    EXPIRATION_TOO_FAR = "expiration_too_far"
    BAD_TAPOS = "bad_tapos"
    UNKNOWN_ACCOUNT = "unknown_account"
    ZERO_AMOUNT = "zero_amount"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    BAD_PRODUCERS = "bad_producers"
    BAD_PARAMETERS = "bad_parameters"
    BAD_RAFFLE = "bad_raffle"
    NO_RANDOM = "no_random"
    HARD_FORK_INACTIVE = "hard_fork_inactive"
    SAME_PRODUCERS = "same_producers"
    PROPOSAL_WAITS = "proposal_waits"
    NO_DELEGATION = "no_delegation"
    DOMAIN_EXPIRED = "domain_expired"
    BAD_KEY = "bad_key"
    BAD_URL = "bad_url"
    SAME_REGISTRATION = "same_registration"
    NOT_REGISTERED = "not_registered"
    TOO_MANY_VOTES = "too_many_votes"
    DUPLICATE_VOTE = "duplicate_vote"
    TOO_FEW_APPROVALS = "too_few_approvals"
    NOT_A_CANDIDATE = "not_a_candidate"
    INACTIVE_PRODUCER = "inactive_producer"
    NOT_A_PROXY = "not_a_proxy"
    ALREADY_A_PROXY = "already_a_proxy"
    PROXY_OF_PROXY = "proxy_of_proxy"
    IS_A_VOTER = "is_a_voter"
    MEMPOOL_FULL = "mempool_full"
    TOO_LARGE = "too_large"
    # proposals
    BAD_LIFETIME = "bad_lifetime"
    BAD_REVIEW_PERIOD = "bad_review_period"
    UNKNOWN_PROPOSAL = "unknown_proposal"
    IN_REVIEW = "in_review"
    SAME_APPROVAL = "same_approval"
    NOT_APPROVED = "not_approved"
    NOT_PROPOSER = "not_proposer"
    TOO_MANY_PROPOSALS = "too_many_proposals"
    # fees and pay
    INSUFFICIENT_FEE = "insufficient_fee"
    NOT_VESTED = "not_vested"
    BAD_WORKER = "bad_worker"
    TOO_MANY_WORKERS = "too_many_workers"
    MAX_FEE_EXCEEDED = "max_fee_exceeded"
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    UNKNOWN_ADDRESS = "unknown_address"
    BAD_FEE_VOTE = "bad_fee_vote"
    BAD_BUNDLES = "bad_bundles"
    NOT_OF_RANK = "not_of_rank"
    NOT_ACTIVATED = "not_activated"
    TOO_SOON = "too_soon"
    NO_WORK = "no_work"
    # slots left empty
    STALE = "stale"
    WRONG_KEY = "wrong_key"
    LOW_PARTICIPATION = "low_participation"
    LAG = "lag"
    IRREVERSIBLE_TOO_OLD = "irreversible_too_old"
    SLOT_PASSED = "slot_passed"
    WATERMARK_NUM = "watermark_num"
    WATERMARK_SLOT = "watermark_slot"
    NOT_PREFERRED = "not_preferred"


class GenesisError(Exception):
    """The genesis file cannot start a chain; the message names the key and the remedy."""


class BlockRejected(Exception):
    """A received block breaks a consensus rule; the peer, not this node, is wrong."""

    def __init__(self, reason: Reason, block_num: int) -> None:
        super().__init__(f"block {block_num}: {reason}")
        self.reason = reason
        self.block_num = block_num


class TransactionRejected(Exception):
    """A transaction breaks a rule at the state it was tried on."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason
