"""What an addition costs: one of each is added to a copy, works there, and its files are counted.

CONTRIBUTING.md tells the same steps in words.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_shape import PRODUCT, ROOT, tracked

pytestmark = pytest.mark.slow


@dataclass
class Copy:
    """A copy of the product; changed: its files that an addition made or changed."""

    root: Path
    changed: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Write a new file."""
        assert not (self.root / name).exists(), name
        (self.root / name).write_text(text)
        self.changed.append(name)

    def insert(self, name: str, before: str, text: str) -> None:
        """Insert a text before the only place that reads so."""
        old = (self.root / name).read_text()
        assert old.count(before) == 1, before
        (self.root / name).write_text(old.replace(before, f"{text}\n{before}"))
        self.changed.append(name)

    def python(self, *words: str) -> str:
        """Return what a program printed that runs in the copy; it must end well."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": f"{self.root}:{ROOT}", "COLUMNS": "250"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def slotlab(self, *words: str) -> str:
        """Return what a command of the copy printed; it must end well."""
        return self.python("-m", "harness", *words)

    def run(self, campaign: str) -> dict[str, Any]:
        """Return the summary of a campaign that was planned, then run in the simulator."""
        (self.root / "added.yml").write_text(campaign)
        self.slotlab("plan", "added.yml", "--lab", "sim")
        self.slotlab("run", "added.yml", "--lab", "sim")
        found: dict[str, Any] = json.loads((self.report / "summary.json").read_text())
        return found

    @property
    def report(self) -> Path:
        """Return the folder of the newest run."""
        return self.root / "runs" / "added" / "latest"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Return a copy of the product's files."""
    for name in tracked():
        if name.split("/")[0] in PRODUCT:
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place)
    return Copy(tmp_path)


CAMPAIGN = """
schema: slotlab.campaign/v1
title: an addition
seed: 1
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
cooldown: 10s
"""

METRIC = '''\
"""How many blocks each producer has in the chain."""

from __future__ import annotations

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Columns, Expected, Figures, Metric, Pool
from metrics.model.method import Method
from metrics.model.shapes import part


def measure(data: TrialData, chain: ChainView) -> int:
    """Return how many blocks there are."""
    return len(data.events("produced", "num"))


def pool(over: Pool[int]) -> Figures:
    """Return the `harvest` part of M."""
    return {"harvest": {"blocks": sum(found for _, found in over.trials)}}


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"harvest": part("Harvest", blocks=int)},
    methods=(
        Method(
            name="Harvest", figures=("harvest.blocks",), formula="Blocks told as produced.",
            left_out="Nothing.", assumes="Each maker tells its blocks.",
        ),
    ),
    place=9,
    expected=(Expected("harvest.blocks"),),
    columns=Columns(heads="<th>harvested</th>", cells="<td>{{ m.harvest.blocks }}</td>"),
)
'''


def test_a_metric_is_one_module_and_its_name_in_the_registry(copy: Copy) -> None:
    copy.add("metrics/measure/harvest.py", METRIC)
    copy.insert("metrics/measure/registry.py", "    irreversible,\n", "    harvest,")
    copy.insert("metrics/measure/registry.py", "    irreversible.METRIC,\n", "    harvest.METRIC,")
    found = copy.run(CAMPAIGN + "expect: {baseline: {harvest.blocks: {min: 10}}}\n")
    assert set(copy.changed) == {"metrics/measure/harvest.py", "metrics/measure/registry.py"}
    assert found["metrics"]["harvest"]["blocks"] > 10
    (check,) = [check for check in found["checks"] if "harvest" in check["name"]]
    assert check["verdict"] == "holds"
    page = (copy.report / "report.html").read_text()
    assert "<th>harvested</th>" in page
    assert "Blocks told as produced." in page


ROW = """\
    Kind(
        word="doze", does="A node does nothing for a while; what arrives meanwhile waits.",
        said="doze by {signal}", by="host", asked=("signal",),
        keys=(Key("signal", ("SIGSTOP", "SIGTSTP"), "SIGTSTP", does="By which signal."),),
        ways=(_SIGNAL,), shares="unit", victim="still", leaves_rest_whole=True,
    ),"""
ON_HOST = '''\
"""Doze: the node's processes stop by the signal asked, and go on."""

from __future__ import annotations

from faults.kinds.ended_unit import KILLABLE
from faults.kinds.pause import process_state
from faults.model.fault import Command, Evidence, Fault, HostContext, Recipe, verdict


class Doze(Fault, frozen=True, kw_only=True, tag="doze"):
    """Send signal to every process of unit; SIGCONT is the undo."""

    unit: KILLABLE
    signal: str

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: stop the unit's processes; let them go on."""
        kill = ("systemctl", "kill")
        return Recipe(
            how="signal",
            inject=(Command((*kill, f"--signal={self.signal}", self.unit)),),
            release=(Command((*kill, "--signal=SIGCONT", self.unit), may_fail=True),),
        )

    def read_back(self, _context: HostContext) -> Evidence:
        """Return whether the unit's main process is stopped."""
        letter = process_state(self.unit)["process"]
        return verdict("" if letter == "T" else "the process runs", {"process": letter})
'''
IN_SIMULATOR = '        case "doze":\n            return world.pause, world.resume'
CHECK = '''\
"""Nodes that doze make no blocks."""

from __future__ import annotations

from typing import Any

from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import Burst
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault


def doze(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how many blocks the targets made meanwhile, which is none."""
    own = [event.t_ns for event in data.events("produced", "num") if event.host in fault.targets]
    made = sum(fault.at_ns < t_ns < fault.end_ns for t_ns in own)
    return {"made": made} | ({} if made else {"judged": AS_ASKED}), "it was awake" if made else ""


def _words(found: dict[str, Any]) -> list[str]:
    return [f"{found['made']} blocks made in its sleep"]


CHECKS = (
    FaultCheck(
        kinds=("doze",),
        measure=doze,
        words=_words,
        name="Doze measured", formula="Blocks told as made.", left_out="Nothing.",
        assumes="Each maker tells its blocks.",
    ),
)
'''
DOZE = "{at: 20s, for: 5s, fault: doze, on: n2, signal: SIGSTOP}"
AGENT = f"""
import json
from pathlib import Path
from faults.kinds.registry import decode_fault
from faults.model.fault import HostContext
from harness.plan.fault_wire import localise
from tests.unit.harness_plan.builders import planned

plan = planned("[{DOZE}]")
(wire,) = localise(plan, plan.trials[0])["n2"]
fault = decode_fault(json.dumps(wire).encode())
run = Path("/run/slotlab")
host = HostContext(token="0" * 12, run_dir=run, skew_file=run / "skew", deadline_ns=1,
                   capabilities=frozenset({{"systemd"}}))
fault.check(host)
recipe = fault.recipe(host)
for step in (*recipe.inject, *recipe.undo):
    print(recipe.how + ":", *step.words)
"""


def test_a_fault_of_hosts_is_its_row_its_recipe_its_effect_in_the_simulator_and_its_check(
    copy: Copy,
) -> None:
    copy.insert("faults/model/kind.py", '    Kind(\n        word="duplicate"', ROW)
    copy.add("faults/kinds/doze.py", ON_HOST)
    copy.insert("harness/sim/faults.py", '        case "silent":', IN_SIMULATOR)
    copy.add("metrics/fault_checks/doze.py", CHECK)
    assert len(copy.changed) == 4

    assert copy.python("-c", AGENT).splitlines() == [
        "signal: systemctl kill --signal=SIGSTOP slotlab-node.service",
        "signal: systemctl kill --signal=SIGCONT slotlab-node.service",
    ]
    found = copy.run(CAMPAIGN + f"expect: {{always: [no_double_sign]}}\ntimeline: [{DOZE}]\n")
    (fault,) = found["faults"]
    assert (fault["fault"], fault["state"], found["verdict"]) == ("doze", "installed", "pass")
    assert fault["measured"]["judged"] == "as asked"
    assert found["cells"][0]["phases"]["doze-1"]["slots"]["by_producer"]["producerb"]["missed"] > 0
    page = (copy.report / "report.html").read_text()
    assert "0 blocks made in its sleep" in page
    assert "Blocks told as made." in page
    assert "doze by SIGSTOP" in copy.slotlab("plan", "added.yml", "--lab", "sim")


DEEP = """\
expect:
  always: [no_conflicting_finality, no_double_sign, same_state_digest, headers_valid]
  baseline: {finality_lag_blocks: {min: {min: 8}, max: {max: 8}}}
"""


_DEPTH = (
    "def _depth() -> System:\n    from node.chain.depth.profile import SYSTEM\n    return SYSTEM\n"
)


def test_a_consensus_system_is_its_folder_and_its_name_in_the_registry(copy: Copy) -> None:
    (copy.root / "node/chain/depth").mkdir()
    copy.add("node/chain/depth/__init__.py", '"""Final at a fixed depth."""\n')
    copy.add("node/chain/depth/profile.py", Path(ROOT / "tests/unit/depth_system.py").read_text())
    registry = "node/chain/profiles.py"
    copy.insert(registry, "_IMPORTED: Mapping", _DEPTH)
    copy.insert(registry, '"bitshares": _bitshares', '"depth": _depth, ')
    found = copy.run(CAMPAIGN.replace("eosio", "depth") + "load: {rate: 2/s}\n" + DEEP)
    assert {name for name in copy.changed if "/depth/" not in name} == {registry}
    assert found["verdict"] == "pass"
    assert {check["verdict"] for check in found["checks"]} == {"holds"}
    lag = found["metrics"]["finality_lag_blocks"]
    assert (lag["min"], lag["max"]) == (8, 8)
    words = "inspect finality --profile depth --producers 4 --blocks-per-turn 2 --json"
    assert json.loads(copy.slotlab(*words.split()))["simulated"]["mean"] == 8


RETIRE = '''\
"""Destroying tokens."""

from typing import ClassVar

from node.chain.encoding.fields import Account, Amount
from node.chain.ledger.accounts import BALANCES
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation


class Retire(Operation, frozen=True, kw_only=True):
    """Let an amount of the owner's be no more."""

    NAME: ClassVar = WIRE

    owner: Account
    amount: Amount

    @property
    def authority(self) -> str:
        """Return the owner."""
        return self.owner

    def apply(self, block: OpenBlock) -> None:
        """Destroy the amount.

        Raises:
            TransactionRejected: the owner has not so much.
        """
        owned = block.state.get(BALANCES, self.owner) or 0
        if owned < self.amount:
            raise TransactionRejected(Reason.INSUFFICIENT_BALANCE)
        block.state.put(BALANCES, self.owner, owned - self.amount)
'''
RETIRED = """
import tempfile
from pathlib import Path
from node.__main__ import main
from node.chain.SYSTEM.contracts.retire import Retire
from node.chain.model.codec import decode_transaction
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import (
    blocks_of, make_chain, make_genesis, producer_names, receive, signed, tick,
)
from tests.unit.node_local.test_chain_answers import Told
from tests.unit.node_local.test_local_api import served

genesis = bitshares_genesis() if "SYSTEM" == "bitshares" else make_genesis(blocks_per_turn=1)
with tempfile.TemporaryDirectory() as folder:
    node = Told(Path(folder) / "store", genesis, producer_names(4))
    node.run(6)
    chain, rival = node.chain, make_chain(genesis, producer_names(4), enable_stale_production=True)
    for block in node.blocks:
        receive(rival, block)
    sent = signed(chain, Retire(owner="usera", amount=30))
    assert decode_transaction(sent.raw, chain.codec.transactions) == sent
    node.run(1, signed(chain, Retire(owner="userb", amount=1000)), sent)
    assert sent in node.blocks[-1].transactions
    assert (chain.balance("usera"), chain.balance("userb")) == (970, 0)
    answer = node.block(chain.head.num)  # Here: a store is read by one thread.
    with served(folder + "/socket", lambda _: answer):
        assert main(["query", "--socket", folder + "/socket", "block", str(chain.head.num)]) == 0
    for slot in (chain.head.slot + 4, chain.head.slot + 5):
        (block,) = blocks_of(tick(rival, slot))
        receive(chain, block)
    assert chain.head.id == rival.head.id
    assert (chain.balance("usera"), chain.balance("userb")) == (1000, 1000)
    assert chain.state_digest == rival.state_digest
"""


@pytest.mark.parametrize(
    ("system", "wire"),
    [
        ("eosio", 'ACTION: ClassVar = ("eosio.token", "retire")'),
        ("bitshares", "NUMBER: ClassVar = 99"),
    ],
)
def test_an_operation_is_one_module_and_its_name_in_the_registry(
    copy: Copy, system: str, wire: str
) -> None:
    room = f"node/chain/{system}/contracts"
    copy.add(f"{room}/retire.py", RETIRE.replace("NAME: ClassVar = WIRE", wire))
    name = f"from node.chain.{system}.contracts.retire import Retire"
    copy.insert(f"{room}/operations.py", "\nOPERATIONS = (", name)
    listed = (copy.root / room / "operations.py").read_text()
    (copy.root / room / "operations.py").write_text(listed.replace("ONS = (", "ONS = (Retire, "))
    assert set(copy.changed) == {f"{room}/retire.py", f"{room}/operations.py"}

    block = json.loads(copy.python("-c", RETIRED.replace("SYSTEM", system)))
    told = [one for transaction in block["transactions"] for one in printed_operations(transaction)]
    if system == "eosio":
        assert (told[1]["account"], told[1]["name"]) == ("eosio.token", "retire")
        assert told[1]["authorization"] == [{"actor": "usera", "permission": "active"}]
        assert told[1]["data"] == {"owner": "usera", "amount": "0.0030 EOS"}
    else:
        assert told[1] == [99, {"owner": "usera", "amount": {"amount": 30, "asset_id": "1.3.0"}}]


def printed_operations(transaction: dict[str, Any]) -> list[Any]:
    """Return the operations of a printed transaction of either system."""
    if "operations" in transaction:
        return list(transaction["operations"])
    return list(transaction["trx"]["transaction"]["actions"])
