"""The file that has a running node lie: whatever is in it, and only where the node may."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.byzantine.behaviour import Behaviour, BehaviourFile
from node.byzantine.lying import Lying
from node.byzantine.strategies import STRATEGIES
from node.chain.model.messages import Broadcast
from node.config import NodeConfig
from node.events import Lies
from tests.unit.node_chain.builders import START_SLOT, make_chain, make_genesis, secret, tick

GENESIS = make_genesis(producers=4, blocks_per_turn=2)
KEYS = {"producera": secret("producera")}


def lying(file: Path | None) -> Lying:
    config = NodeConfig(
        host="n1", genesis="", state_dir="", events_dir="", listen="", socket="",
        curve_secret_file="", byzantine_file=None if file is None else str(file),
    )  # fmt: skip
    return Lying(config, GENESIS, KEYS, wall_ns=lambda: 0)


def write(path: Path, data: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


@given(
    st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from(Behaviour.__struct_fields__) | st.text(max_size=3),
        st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3)),
    ).map(msgspec.json.encode)
)
def test_whatever_is_in_the_file_is_a_behaviour_or_none(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "behaviour.json"
        path.write_bytes(data)
        found = BehaviourFile(path).read()
        assert found is None or msgspec.json.decode(data, type=Behaviour) == found
        told = lying(path).look()
        assert told is None or told.strategy in STRATEGIES


def test_a_node_lies_from_the_file_on_in_the_way_of_the_last_one_and_no_longer_than_it_is_there(
    tmp_path: Path,
) -> None:
    path, told = tmp_path / "behaviour.json", list[Lies | None]()
    node = lying(path)
    for data in (None, b'{"strategy":"late"}', b'{"strategy":"censor"}', b"{", None):
        path.unlink(missing_ok=True)
        if data is not None:
            write(path, data)
        told += [node.look(), node.look()]
    late, censor, honest = (Lies(strategy=word) for word in ("late", "censor", ""))
    assert told == [None, None, late, None, censor, None, honest, None, None, None]
    assert node.strategy == ""


@pytest.mark.parametrize("named", [True, False])
def test_only_a_node_whose_configuration_names_the_file_lies(tmp_path: Path, named: bool) -> None:
    path = tmp_path / "behaviour.json"
    path.write_bytes(b'{"strategy":"withhold"}')
    node, effects = lying(path if named else None), tick(make_chain(GENESIS, KEYS), START_SLOT)
    (block,) = [effect.block for effect in effects if isinstance(effect, Broadcast)]
    node.look()
    acts: Any = node.acts(effects)
    assert node.hides(block.id) == named
    assert any(isinstance(act, Broadcast) for act in acts) != named
