from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import OrderedDict, namedtuple
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab import values
from liftlab.values import NotPlain, TooLarge, decode, encode, show

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**2000), max_value=2**2000)
    | st.floats()
    | TEXT
    | st.binary(max_size=20)
    | st.complex_numbers()
    | st.sampled_from(["$none", "$tuple", "$x", "nan"])
)
KEYS = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=3).map(tuple) | st.frozensets(part, max_size=3),
    max_leaves=5,
)
PLAIN = st.recursive(
    SCALARS,
    lambda part: (
        st.lists(part, max_size=4)
        | st.lists(part, max_size=4).map(tuple)
        | st.dictionaries(KEYS, part, max_size=4)
        | st.dictionaries(TEXT, part, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=20,
)


def identity(value: Any) -> Any:
    """Tell apart what == takes for the same: 1, 1.0 and True, 0.0 and -0.0, two NaNs."""
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return kind, [identity(part) for part in value]
    if isinstance(value, set | frozenset):
        return kind, sorted(repr(identity(part)) for part in value)
    if isinstance(value, dict):
        return kind, [(identity(key), identity(item)) for key, item in value.items()]
    return kind, repr(value)


def test_what_json_would_join_stays_apart() -> None:
    halves = "\ud83d\ude00"
    for value in (halves, [halves, "a\udcff"], {halves: 1, "\U0001f600": 2}, {halves}):
        assert decode(json.loads(json.dumps(encode(value)))) == value
    assert encode("\U0001f600") == "\U0001f600"
    nans = {float("nan"), float("nan")}
    assert len(decode(encode(nans))) == 2


@given(PLAIN)
def test_every_plain_value_comes_back_the_same_through_strict_json(value: Any) -> None:
    text = json.dumps(encode(value), allow_nan=False)
    assert identity(decode(json.loads(text))) == identity(value)


@given(PLAIN)
def test_what_fits_the_limits_on_the_way_out_fits_them_on_the_way_in(value: Any) -> None:
    limits = {"max_nodes": 12, "max_depth": 2, "max_bytes": 60, "max_int_bits": 90}
    try:
        data = encode(value, **limits)
    except TooLarge:
        return
    decode(data, **limits)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["0x1f", "f"]),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(TEXT | st.sampled_from(sorted(values._TAGS)), part, max_size=2)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_decodes_or_says_why_not(data: Any) -> None:
    try:
        value = decode(data)
    except ValueError:
        return
    assert identity(decode(encode(value))) == identity(value)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"$none": True}, None),
        ({"$tuple": [1, [2]]}, (1, [2])),
        ({"$set": [1, {"$tuple": []}]}, {1, ()}),
        ({"$frozenset": ["a"]}, frozenset("a")),
        ({"$dict": [[1, "a"], [{"$none": True}, "b"]]}, {1: "a", None: "b"}),
        ({"$float": "inf"}, math.inf),
        ({"$int": "12"}, 12),
        ({"$int": "-0xff"}, -255),
        ({"$bytes": "6869"}, b"hi"),
        ({"$complex": [1, {"$float": "-inf"}]}, complex(1, -math.inf)),
        ({"$a": 1, "$b": 2}, {"$a": 1, "$b": 2}),
        ({}, {}),
        (None, None),
    ],
)
def test_tags_stand_for_values(data: Any, value: Any) -> None:
    assert identity(decode(data)) == identity(value)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"$triple": []}, "unknown tag '\\$triple'; known: \\$none, \\$tuple"),
        ({"$none": False}, "\\$none holds true"),
        ({"$none": 1}, "\\$none holds true"),
        ({"$tuple": {}}, "hold an array"),
        ({"$set": [[1]]}, "unhashable type: 'list'"),
        ({"$dict": [[1]]}, "pairs"),
        ({"$dict": {"a": 1}}, "pairs"),
        ({"$dict": [[{}, 1]]}, "unhashable type: 'dict'"),
        ({"$float": "1.5"}, "one of nan, inf"),
        ({"$float": []}, "one of nan, inf"),
        ({"$int": 12}, "digits in quotes"),
        ({"$int": "1_0"}, "neither decimal nor 0x"),
        ({"$int": "१"}, "neither decimal nor 0x"),
        ({"$int": "1" * 5000}, "hexadecimal has no such limit"),
        ({"$bytes": "6"}, "pairs of hexadecimal digits"),
        ({"$bytes": 6}, "pairs of hexadecimal digits"),
        ({"$complex": [1]}, "real, imaginary"),
        ({"$complex": ["1", 2]}, "two numbers"),
        ({"$complex": [True, 2]}, "two numbers"),
        ({1: 2}, "text for keys"),
        ([date(2025, 10, 15)], "a date is not a JSON value"),
    ],
)
def test_a_wrong_tag_is_refused_in_words(data: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        decode(data)


class Loud(int):
    """A subclass that would pass for an int."""


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Loud(1), "Loud"),
        (OrderedDict(a=1), "OrderedDict"),
        (namedtuple("Point", "x")(1), "Point"),
        ((n for n in []), "generator"),
        (iter([]), "list_iterator"),
        (map(str, []), "map"),
        (range(3), "range"),
        (bytearray(b""), "bytearray"),
        (len, "builtin_function_or_method"),
        ([{"a": (Loud(1),)}], "Loud"),
    ],
)
def test_only_exact_plain_types_pass(value: Any, name: str) -> None:
    with pytest.raises(NotPlain, match="is not a plain value") as caught:
        encode(value)
    assert caught.value.type_name == name


def test_a_class_that_disguises_itself_is_refused_without_running_its_code() -> None:
    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise AssertionError("foreign code ran")

        def __eq__(cls, other: object) -> bool:
            raise AssertionError("foreign code ran")

        def __hash__(cls) -> int:
            raise AssertionError("foreign code ran")

    class Disguised(metaclass=Meta):
        pass

    with pytest.raises(NotPlain, match="Disguised is not a plain value"):
        encode(Disguised())


def itself() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def wide_sharing() -> list[Any]:
    shared: list[Any] = [1]
    for _ in range(40):
        shared = [shared, shared]
    return shared


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (itself(), "deeper than 50"),
        (wide_sharing(), "more than 50000 values"),
        ([None] * 60_000, "more than 50000 values"),
        ("é" * 40_000, "more than 65536 bytes"),
        (["a" * 40_000, b"b" * 40_000], "more than 65536 bytes"),
        ({"a" * 70_000: 1}, "more than 65536 bytes"),
        (1 << 70_000, "an integer of more than 65536 bits"),
    ],
    ids=["itself", "shared", "nodes", "text", "together", "key", "bits"],
)
def test_what_passes_a_limit_is_too_large(value: Any, fault: str) -> None:
    with pytest.raises(TooLarge, match=fault):
        encode(value)


@pytest.mark.parametrize(
    "data",
    [{"$int": "0x" + "f" * 40_000}, {"$bytes": "00" * 70_000}, {"$tuple": [[]] * 60_000}],
    ids=["bits", "bytes", "nodes"],
)
def test_limits_hold_on_the_way_in(data: Any) -> None:
    with pytest.raises(TooLarge):
        decode(data)


def test_every_decoding_is_a_new_value() -> None:
    data = [[1], {"a": [2]}]
    first = decode(data)
    first[0].append(3)
    first[1]["a"].clear()
    assert decode(data) == [[1], {"a": [2]}]


@given(PLAIN, st.integers(1, 60))
def test_shown_text_is_one_bounded_printable_line(value: Any, limit: int) -> None:
    text = show(value, limit)
    assert len(text) <= limit
    assert text.isprintable()
    assert show(decode(encode(value)), limit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1,), "(1,)"),
        ((), "()"),
        (set(), "set()"),
        (frozenset(), "frozenset()"),
        (frozenset({2, 1}), "frozenset({1, 2})"),
        ({1: [None, True], "a": b"x"}, "{1: [None, True], 'a': b'x'}"),
        ("a\n\x1b[31m\u202e", r"'a\n\x1b[31m\u202e'"),
        (math.nan, "nan"),
    ],
)
def test_show_writes_python_that_cannot_misbehave(value: Any, text: str) -> None:
    assert show(value) == text


def test_show_writes_integers_too_long_for_decimal() -> None:
    assert show(1 << 20_000) == "0x1" + "0" * 196 + "…"


def test_the_file_loads_by_path_alone_and_needs_the_standard_library_only() -> None:
    probe = (
        "import importlib.util, sys;"
        "spec = importlib.util.spec_from_file_location('v', sys.argv[1]);"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module);"
        "assert module.decode(module.encode((1, None))) == (1, None);"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'liftlab']"
    )
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", probe, str(values.__file__)], check=True, timeout=60
    )
