"""What transactions say as public APIs print it: numbers and names in words, bytes in hex."""

from node.chain.encoding.text import key_text
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction_body import SYMBOL, Content, SetProducers, Transfer

_DECIMALS = SYMBOL[0]
_UNIT = SYMBOL[1:].rstrip(b"\x00").decode()


def content_text(content: Content) -> tuple[str, dict[str, object]]:
    """Return the action's name and its fields; a memo, which upstream has as text, in hex."""
    match content:
        case Transfer(sender=sender, recipient=recipient, amount=amount, memo=memo):
            whole, part = divmod(amount, 10**_DECIMALS)
            quantity = f"{whole}.{part:0{_DECIMALS}} {_UNIT}"
            return "transfer", {
                "from": sender, "to": recipient, "quantity": quantity, "memo": memo.hex(),
            }  # fmt: skip
        case SetProducers(producers=producers):
            return "setprods", {"schedule": producers_text(producers)}


def producers_text(producers: tuple[ProducerKey, ...]) -> list[dict[str, str]]:
    """Return producers with their keys, in order of turns."""
    return [
        {"producer_name": name, "block_signing_key": key_text(key, _UNIT)}
        for name, key in ((producer.name, producer.key) for producer in producers)
    ]
