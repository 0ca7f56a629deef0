"""A shaper by rules of nft alone, which need no layer: kernels compose them by themselves."""

from faults.kinds.rules import Rules
from faults.kinds.shaping.shape import Shaped
from faults.model.fault import Evidence, HostContext, Recipe


def recipe(fault: Shaped, context: HostContext) -> Recipe:
    """Return the commands of its tables."""
    return rules(fault, context).recipe(fault.for_ns or 0)


def read_back(fault: Shaped, context: HostContext) -> Evidence:
    """Return whether all of it is in force until the deadline."""
    return rules(fault, context).read_back()


def counters(fault: Shaped, context: HostContext) -> dict[str, object]:
    """Return the packets that its verdict met so far, by chain."""
    return {"dropped": rules(fault, context).dropped()}


def ended_early(fault: Shaped, context: HostContext) -> str:
    """Return what of it is missing, "" when nothing is."""
    return rules(fault, context).ended_early()


def ended_before_release(fault: Shaped, context: HostContext) -> str:
    """Return what of it was missing when it was released, "" when nothing was."""
    return rules(fault, context).ended_before_release()


def left_over(fault: Shaped, context: HostContext) -> str:
    """Return what of it is still there."""
    return rules(fault, context).left_over()


def rules(fault: Shaped, context: HostContext) -> Rules:
    """Return its tables."""
    return Rules(fault.tables(context), context)
