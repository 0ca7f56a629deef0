"""Whatever a host prints, check makes rows of it: an oddity is a finding, never an error."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.preflight.check import CheckOptions, findings
from harness.preflight.clock import Controller, chrony_bound_ns
from harness.preflight.host_report import Found
from harness.preflight.in_common import identity_rows
from harness.preflight.in_common import rows as lab_rows
from harness.preflight.rows import Row
from tests.unit.harness_inventory.hosts import plain

HOSTS = Path(__file__).parents[2] / "vectors" / "hosts"
LEAD = ["", "Supported link modes: ", "EEE status: enabled", "[{", "inf,nan,1e999", "7F7F0101,"]
WORDS = st.text(max_size=12) | st.builds(str.__add__, st.sampled_from(LEAD), st.text(max_size=12))


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of all that a declared type lets in."""
    if is_typeddict(kind):
        fields = {
            name: of(each) for name, each in get_type_hints(kind, include_extras=True).items()
        }
        if kind.__total__:
            return st.fixed_dictionaries(fields)
        return st.fixed_dictionaries({}, optional=fields)
    inner = [of(each) for each in get_args(kind) if not isinstance(each, msgspec.Meta)]
    origin = get_origin(kind)
    if origin is Annotated:
        return st.integers(-(2**63), 2**63 - 1)
    if origin in (Union, types.UnionType):
        return st.one_of(inner)
    if origin is list:
        return st.lists(inner[0], max_size=3)
    if origin is tuple:
        return st.tuples(*inner)
    if origin is dict:
        return st.dictionaries(st.text(max_size=8), inner[1], max_size=3)
    simple = {bool: st.booleans(), str: WORDS, int: st.integers(), types.NoneType: st.none()}
    return simple[kind]


HOST = plain(ntp=("192.0.2.9",), time="manage")


def judged(found: Any, lab: str) -> list[Row]:
    made = findings(HOST, found, lab, CheckOptions(), Controller(0, 1))
    return made + lab_rows({"a": found}, {}) + identity_rows([HOST], {"a": found}, lab)


@given(of(Found), st.sampled_from(["hardware", "container"]))
def test_any_facts_of_the_declared_shape_become_rows(found: Any, lab: str) -> None:
    assert all(isinstance(str(row), str) for row in judged(found, lab))


@given(st.data())
def test_one_odd_field_among_good_ones_becomes_rows(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(HOSTS.glob("*.json"))))
    found = json.loads(path.read_text())["found"]
    field, kind = data.draw(
        st.sampled_from(sorted(get_type_hints(Found, include_extras=True).items(), key=str))
    )
    assert judged(found | {field: data.draw(of(kind))}, "hardware")


@pytest.mark.parametrize("field", sorted(Found.__annotations__))
def test_facts_that_lack_a_field_are_no_answer(field: str) -> None:
    found = json.loads((HOSTS / "pi4.json").read_text())["found"]
    msgspec.convert(found, type=Found)
    del found[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(found, type=Found)


FIELD = st.sampled_from(["", "1", "-0.5", "inf", "nan", "1e308", "Normal", "7F7F0101"]) | st.text()


@given(
    st.lists(FIELD, max_size=15).map(",".join)
    | st.lists(FIELD, min_size=14, max_size=14).map(",".join)
)
def test_any_line_for_chronys_tracking_is_read_or_left(line: str) -> None:
    said = chrony_bound_ns(line)
    assert said is None or all(isinstance(value, int) for value in said)
