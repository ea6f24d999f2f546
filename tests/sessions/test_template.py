"""Templates take variables as they are, and leave everything else alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.sessions.replies import MISSING, look_up, parse_path
from liftlab.sessions.template import Unset, fault_of, fill, places

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, list):
        return [escaped(item) for item in value]
    if isinstance(value, dict):
        return {escaped(key): escaped(item) for key, item in value.items()}
    return value


@given(values)
def test_an_escaped_value_is_itself(value: Any) -> None:
    if fault_of(value) is None and "$" not in json.dumps(value):
        assert fill(escaped(value), {}) == value
        assert not list(places(escaped(value)))


@given(names, values)
def test_a_place_alone_is_the_variable(name: str, value: Any) -> None:
    assert fill({"a": [f"{{{name}}}"]}, {name: value}) == {"a": [value]}
    with pytest.raises(Unset):
        fill(f"x{{{name}}}", {})


@given(st.text(max_size=30))
def test_a_path_is_read_or_refused(text: str) -> None:
    try:
        parse_path(text)
    except ValueError:
        return
    look_up({"a": [1]}, "" if text.startswith("@") else text)


@given(values, st.text(max_size=5))
def test_what_is_not_there_is_missing(value: Any, key: str) -> None:
    found = look_up(value, "no_such_key")
    assert found is MISSING or (isinstance(value, dict) and "no_such_key" in value)


def test_large_values_are_made() -> None:
    assert fill({"$repeat": ["ab", 3]}, {}) == "ababab"
    assert fill({"$repeat": [{"a": 1}, 2]}, {}) == [{"a": 1}, {"a": 1}]
    assert fill({"a": {"$null": True}}, {}) == {"a": None}
