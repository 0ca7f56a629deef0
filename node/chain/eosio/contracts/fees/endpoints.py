"""What costs a fee, by the words of operations, and where the fee goes (PROTOCOL B.8)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A fee, by the word of its operation, on which producers vote; upstream has other names.

    is_bundled: a unit of the payer's address pays instead while it has any. to_bucket: the
    producers' part waits in the bucket pool.
    """

    name: str
    is_bundled: bool = False
    to_bucket: bool = False


_KNOWN = (
    Endpoint("vote", is_bundled=True),
    Endpoint("proxy", is_bundled=True),
    Endpoint("become_proxy"),
    Endpoint("resign_proxy"),
    Endpoint("register"),
    Endpoint("unregister"),
    Endpoint("audit_votes", to_bucket=True),
    Endpoint("transfer"),
    Endpoint("add_bundles", to_bucket=True),
    Endpoint("set_fee_multiplier"),
    Endpoint("set_fee_vote"),
    Endpoint("bundle_vote"),
)
NAMES = tuple(sorted(endpoint.name for endpoint in _KNOWN))

ENDPOINTS: Mapping[str, Endpoint] = {
    **{endpoint.name: endpoint for endpoint in _KNOWN},
    "transfer_tokens": next(endpoint for endpoint in _KNOWN if endpoint.name == "transfer"),
}
"""By an operation's word. What is not here costs nothing: claims, counting votes on fees."""
