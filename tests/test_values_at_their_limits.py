"""Plain values as JSON, at both sides of each limit."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from liftlab import values
from liftlab.values import NotPlain, TooLarge, decode, encode, show
from tests.test_values import Loud, identity


@pytest.mark.parametrize(
    ("limits", "value", "fits"),
    [
        ({"max_nodes": 3}, [1, 2], True),
        ({"max_nodes": 3}, [1, 2, 3], False),
        ({"max_nodes": 3}, {"a": 1}, True),
        ({"max_nodes": 3}, (1, 2), True),
        ({"max_depth": 2}, [[[]]], True),
        ({"max_depth": 2}, [[[1]]], False),
        ({"max_depth": 1}, {"a": 1}, True),
        ({"max_depth": 1}, {"a": []}, True),
        ({"max_depth": 1}, {"a": [1]}, False),
        ({"max_depth": 1}, {1: 2}, True),
        ({"max_depth": 1}, {(1,): 2}, False),
        ({"max_depth": 1}, {1}, True),
        ({"max_depth": 0}, {1}, False),
        ({"max_bytes": 3}, "abc", True),
        ({"max_bytes": 3}, "abcd", False),
        ({"max_bytes": 3}, "\u00e9\u00e9", False),
        ({"max_bytes": 3}, b"abc", True),
        ({"max_bytes": 3}, b"abcd", False),
        ({"max_bytes": 2}, {"ab": 1}, True),
        ({"max_bytes": 1}, {"ab": 1}, False),
        ({"max_bytes": 2}, {"a": "b"}, True),
        ({"max_bytes": 1}, {"a": "b"}, False),
        ({"max_bytes": 0}, 127, True),
        ({"max_bytes": 0}, 256, False),
        ({"max_bytes": 8}, 1 << 70, True),
        ({"max_bytes": 7}, 1 << 70, False),
        ({"max_int_bits": 60}, (1 << 60) - 1, True),
        ({"max_int_bits": 60}, 1 << 60, False),
        ({"max_int_bits": 8}, 255, True),
        ({"max_int_bits": 8}, 256, False),
        ({"max_int_bits": 8}, -255, True),
    ],
)
def test_a_limit_is_the_most_that_fits_both_ways(
    limits: dict[str, int], value: Any, fits: bool
) -> None:
    data = encode(value)
    if fits:
        assert identity(decode(encode(value, **limits), **limits)) == identity(value)
    else:
        with pytest.raises(TooLarge):
            encode(value, **limits)
        with pytest.raises(TooLarge):
            decode(data, **limits)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ((1 << 53) - 1, (1 << 53) - 1),
        (1 << 53, {"$int": "0x20000000000000"}),
        (-(1 << 53), {"$int": "-0x20000000000000"}),
        ({"$a": 1}, {"$dict": [["$a", 1]]}),
        ({"$a": 1, "b": 2}, {"$a": 1, "b": 2}),
        ({"a": 1}, {"a": 1}),
        ({1: 2}, {"$dict": [[1, 2]]}),
        ({"a": 1, 2: 3}, {"$dict": [["a", 1], [2, 3]]}),
        ({"\ud800": 1}, {"$dict": [[{"$str": "eda080"}, 1]]}),
        ("\udfff", {"$str": "edbfbf"}),
        ("\ue000\ud7ff", "\ue000\ud7ff"),
        (0.0, 0.0),
        (-0.0, {"$float": "-0.0"}),
        (complex(1, -0.0), {"$complex": [1.0, {"$float": "-0.0"}]}),
        (True, True),
        (None, None),
    ],
)
def test_a_value_is_written_in_one_way(value: Any, data: Any) -> None:
    assert identity(encode(value)) == identity(data)


def test_a_long_type_s_name_is_cut() -> None:
    with pytest.raises(NotPlain) as caught:
        encode(type("N" * 100, (), {})())
    assert caught.value.type_name == "N" * 80


def test_an_integer_of_many_digits_is_refused_before_it_is_read() -> None:
    for digits, fits in ((24, True), (30, False)):
        body = {"$int": "0x" + "0" * digits}
        if fits:
            assert decode(body, max_int_bits=66) == 0
        else:
            with pytest.raises(TooLarge):
                decode(body, max_int_bits=66)


@pytest.mark.parametrize("part", [1 << 53, True, "1", None, {"$float": "1"}, {"$int": "1"}])
def test_a_part_of_a_complex_number_is_a_number(part: Any) -> None:
    for body in ([part, 1], [1, part], [1], [1, 2, 3], "12"):
        with pytest.raises(ValueError, match=r"\$complex|\$float"):
            decode({"$complex": body})
    assert decode({"$complex": [1, 2.5]}) == complex(1, 2.5)


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        ("ab", 4, "'ab'"),
        ("abc", 4, "'ab…"),
        (b"abc", 5, "b'ab…"),
        ([1, 2], 6, "[1, 2]"),
        ([1, 2], 5, "[1, …"),
        ({1: 2}, 6, "{1: 2}"),
        ((1 << 1024) - 1, 400, str((1 << 1024) - 1)),
        (1 << 1024, 400, f"{1 << 1024:#x}"),
        ([], 9, "[]"),
        ((1, 2), 9, "(1, 2)"),
        ({3, 1, 2}, 99, "{1, 2, 3}"),
        ("x" * 500, 200, "'" + "x" * 198 + "…"),
    ],
)
def test_what_is_shown_is_cut_where_it_has_to_be(value: Any, limit: int, text: str) -> None:
    assert show(value, limit) == text
    if limit == 200:
        assert show(value) == text


def test_other_classes_can_be_taken_as_what_they_are_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(values, "_WRITERS", [*values._WRITERS])
    values.accept([Loud, date], lambda value: [int(value)] if type(value) is Loud else str(value))
    assert encode([Loud(3), date(2025, 1, 2)]) == [[3], "2025-01-02"]
    with pytest.raises(TooLarge):
        encode(Loud(3), max_nodes=1, max_depth=0)
