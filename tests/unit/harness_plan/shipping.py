"""What is shipped to hosts, as their nodes read it."""

from __future__ import annotations

from pathlib import Path

from metrics.model.plan import Plan
from node import config
from node.chain import genesis
from tests.unit.harness_plan.builders import files_of

S = 1_000_000_000


def shipped(plan: Plan, folder: Path) -> tuple[genesis.Genesis, dict[str, config.NodeConfig]]:
    """Return the genesis and each host's configuration, as its node reads them."""
    found, texts = {}, files_of(plan, folder / "keys", t0_ns=1_795_000_000 * S).by_host
    for host, files in texts.items():
        path = folder / f"{host}.json"
        path.write_text(files["node.json"])
        found[host] = config.load(path)
    return genesis.decode(next(iter(texts.values()))["genesis.json"].encode()), found
