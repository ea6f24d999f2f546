from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab import values
from liftlab.grading.compare import is_same

NAN = math.nan
SAME: list[tuple[Any, Any]] = [
    (1, 1),
    (2**200, 2**200),
    (None, None),
    ("é", "é"),
    (b"a", b"a"),
    (0.3, 0.1 + 0.2),
    (2.0, 2),  # where a float is expected an int will do
    (1e9, 1e9 + 1),  # the tolerance grows with the number
    (NAN, NAN),
    (math.inf, math.inf),
    (0.0, -0.0),
    (-0.0, 0),
    (1 + 2j, 1 + (2 + 1e-9) * 1j),
    ([1, [2.0]], [1, [2.0000001]]),
    ((1, 2), (1, 2)),
    ({1, 2}, {2, 1}),
    (frozenset({1}), frozenset({1})),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({(1, "x"): [0.5]}, {(1, "x"): [0.5 + 1e-9]}),
    ({NAN: 1}, {float("nan"): 1}),
    ({frozenset({(1, 2)})}, {frozenset({(1, 2)})}),
    ({NAN}, {float("nan")}),
]
DIFFERENT: list[tuple[Any, Any]] = [
    (1, True),
    (0, False),
    (True, 1),
    (1, 1.0),  # a tolerance only where a float is expected
    (1.0, True),
    (1, "1"),
    ("a", b"a"),
    (None, 0),
    (None, False),
    ("", None),
    ([1, 2], (1, 2)),
    ((1, 2), [1, 2]),
    ([1, 2], [2, 1]),
    ([1, 2], [1, 2, 3]),
    ([], ()),
    ({1}, frozenset({1})),
    ({1}, {True}),
    ({1}, {1.0}),
    ({(1,)}, {(True,)}),
    ({1: "a"}, {True: "a"}),
    ({1: "a"}, {1.0: "a"}),
    ({1: "a"}, {"1": "a"}),
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": 1}, {"a": True}),
    (0.5, 0.50001),
    ({NAN}, {float("nan"), float("nan")}),
    ({(NAN,)}, {(float("nan"),), (float("nan"),)}),
    ({frozenset({NAN})}, {frozenset({float("nan"), float("nan")})}),
    ({NAN: 1}, {float("nan"): 1, float("nan"): 1}),
    (NAN, 0.0),
    (0.0, NAN),
    (math.inf, -math.inf),
    (math.inf, 1e308),
    (1.0, 10**400),
    (1.0, "1.0"),
    (1 + 0j, 1.0),
    ([1, [2, (3,)]], [1, [2, [3]]]),
]


@pytest.mark.parametrize(("expected", "actual"), SAME)
def test_is_the_same_answer(expected: Any, actual: Any) -> None:
    assert is_same(expected, actual)


@pytest.mark.parametrize(("expected", "actual"), DIFFERENT)
def test_is_another_answer(expected: Any, actual: Any) -> None:
    assert not is_same(expected, actual)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20)
)
hashables = st.recursive(scalars, lambda part: st.tuples(part, part), max_leaves=4)
plain = st.recursive(
    scalars,
    lambda part: (
        st.lists(part, max_size=4)
        | st.tuples(part, part)
        | st.dictionaries(hashables, part, max_size=3)
        | st.sets(hashables, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(plain)
def test_a_value_that_went_to_the_child_and_back_is_the_same(value: Any) -> None:
    assert is_same(value, values.decode(values.encode(value)))


@settings(deadline=None)
@given(plain, plain)
def test_values_of_different_types_are_never_the_same(left: Any, right: Any) -> None:
    if type(left) is not type(right) and {type(left), type(right)} != {int, float}:
        assert not is_same(left, right)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("expected", "off", "same"),
    [
        (0.0, 0.99e-6, True),
        (0.0, 1.01e-6, False),
        (1000.0, 1.009e-4, True),
        (1000.0, 1.011e-4, False),
        (-1000.0, 1.009e-4, True),
        (-1000.0, 1.011e-4, False),
        (1e12, 0.99e5, True),
        (1e12, 1.01e5, False),
    ],
)
def test_a_float_may_be_off_by_so_much(expected: float, off: float, same: bool, sign: int) -> None:
    assert is_same(expected, expected + sign * off) is same
    assert is_same(complex(expected, 1), complex(expected + sign * off, 1)) is same
    assert is_same(complex(1, expected), complex(1, expected + sign * off)) is same


@pytest.mark.parametrize(
    ("expected", "actual"), [(math.inf, 5.0), (5.0, math.inf), (5.0, -math.inf), (-math.inf, 0)]
)
def test_no_number_is_near_infinity(expected: float, actual: float) -> None:
    assert not is_same(expected, actual)
