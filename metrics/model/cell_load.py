"""What a cell asks of the clients of all hosts: when each sends how much, and that in words."""

from collections.abc import Iterator

from metrics.model.plan import PlannedCell
from node.events.load_shape import STEADY, LoadShape, Pace, share_of

DRAIN_NS = 5_000_000_000
"""Clients end this long before the trial does, so that their last transactions can be final."""


def sent_until_ns(end_ns: int) -> int:
    """Return the end of all clients, from T0, in a trial that lasts so long."""
    return max(end_ns - DRAIN_NS, end_ns // 2)


def paces(cell: PlannedCell, hosts: int, lasts_ns: int) -> list[Pace]:
    """Return the pace of each of so many hosts, whose clients send for so long from T0, 0, on."""
    shape = cell.shape or STEADY
    return [
        Pace(
            rate_milli=share_of(cell.rate_milli, i, hosts), start_ns=0, end_ns=lasts_ns,
            shape=shape.share(i, hosts),
        )
        for i in range(hosts)
    ]  # fmt: skip


def peak_milli(cell: PlannedCell) -> int:
    """Return the highest rate of all clients together."""
    return paces(cell, 1, 0)[0].peak_milli


def asked(cell: PlannedCell, lasts_ns: int) -> int:
    """Return how many transactions all clients together send in so long; of a closed loop at most.

    Each client may round it up.
    """
    if cell.shape and cell.shape.closed:
        return cell.shape.closed.in_flight * -(-lasts_ns // cell.shape.closed.turn_ns)
    return paces(cell, 1, lasts_ns)[0].asked(0, lasts_ns)


def load_text(cell: PlannedCell) -> str:
    """Return what is asked of clients: `10/s to 200/s within 30 s, bursts of …`; "" for nothing."""
    return ", ".join(_parts(cell, cell.shape or STEADY)) if peak_milli(cell) else ""


def rate_text(milli: int) -> str:
    """Return a rate as people write it."""
    return f"{milli / 1000:g}/s"


def _parts(cell: PlannedCell, shape: LoadShape) -> Iterator[str]:
    ramp, burst, closed = shape.ramp, shape.burst, shape.closed
    if closed:
        yield f"{closed.in_flight} in flight, each until {closed.until}"
    else:
        yield rate_text(cell.rate_milli) + (
            f" to {rate_text(ramp.to_milli)} within {_seconds(ramp.over_ns)}" if ramp else ""
        )
    if burst:
        lasts, every = _seconds(burst.lasts_ns), _seconds(burst.every_ns)
        yield f"bursts of {rate_text(burst.rate_milli)} for {lasts} every {every}"
    if shape.hot_ppm is not None:
        yield f"{shape.hot_ppm / 10_000:g} % of transfers to one account"
    for word, ppm in shape.mix.items():
        yield f"{ppm / 10_000:g} % {word}"


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:g} s"
