"""Tables of nft that are a fault: prepared with empty sets, in force while these are full.

Filling them is the fault, and the kernel's own timeouts end it. The rules stay until their table is
removed, so that they can be looked at behind the release.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from faults.host import flow_table
from faults.host.flow_table import Flows
from faults.host.nft_readback import counted, dropped, gone, listing, read_table, rules_gone
from faults.model.fault import Command, Evidence, HostContext, Recipe, verdict


@dataclass(frozen=True, slots=True)
class Rules:
    """What each of its tables picks, by the table's family and name."""

    tables: Mapping[str, Flows]
    context: HostContext

    def recipe(self, for_ns: int) -> Recipe:
        """Return: tables with empty sets; one transaction of elements; flush; delete the tables."""
        filled = [
            command.stdin
            for table, flows in self.tables.items()
            for command in flow_table.fill(table, flows.members, for_ns)
        ]
        return Recipe(
            how="nft",
            at_once=True,
            rules=True,
            prepare=tuple(
                flow_table.define(table, flows.port, flows.chains)
                for table, flows in self.tables.items()
            ),
            inject=(Command(("nft", "-f", "-"), stdin="".join(filled)),) if filled else (),
            release=tuple(
                flow_table.empty(table, flows.members) for table, flows in self.tables.items()
            ),
            remove=tuple(map(flow_table.drop, self.tables)),
        )

    def read_back(self) -> Evidence:
        """Return whether every address is in force until the deadline, and every rule in place."""
        data: dict[str, object] = {}
        for table, flows in self.tables.items():
            deadline_ns = self.context.deadline_ns
            found = read_table(table, flows.members, flows.rules, deadline_ns)
            data |= found.data
            if found.reason:
                return verdict(found.reason, data)
        return verdict("", data)

    def dropped(self) -> dict[str, int]:
        """Return the packets that met the verdict so far, by chain."""
        total: dict[str, int] = {}
        for table in self.tables:
            for chain, count in dropped(table).items():
                total[chain] = total.get(chain, 0) + count
        return total

    def counted(self, chain: str, verdict: str = "") -> tuple[int, int]:
        """Return the packets that a chain picked, and those of them that met the verdict.

        verdict: only of its rules that end in it.
        """
        found = [counted(table, verdict).get(chain, (0, 0)) for table in self.tables]
        return sum(seen for seen, _ in found), sum(met for _, met in found)

    def ended_early(self) -> str:
        """Return what of its rules and elements is missing, "" when nothing is."""
        deadline_ns = self.context.deadline_ns
        wrong = (
            gone(table, flows.members, flows.rules, deadline_ns)
            for table, flows in self.tables.items()
        )
        return next((each for each in wrong if each), "")

    def ended_before_release(self) -> str:
        """Return what of its rules was missing when it was released, "" when nothing was."""
        wrong = (rules_gone(table, flows.rules) for table, flows in self.tables.items())
        return next((each for each in wrong if each), "")

    def left_over(self) -> str:
        """Return its tables that are still there."""
        return " ".join(filter(None, map(table_left, self.tables)))


def table_left(table: str) -> str:
    """Return the table when it is still there, "" when it is gone."""
    return f"table {table.split()[-1]}" if listing("table", *table.split()) else ""
