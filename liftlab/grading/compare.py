"""When two plain values count as the same answer. The rules are told in docs/grading.md."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Hashable, Sequence, Set
from typing import Any

RTOL = 1e-7
ATOL = 1e-6


def is_same(expected: Any, actual: Any) -> bool:
    """Say whether `actual` is the expected answer.

    Types must match exactly (a bool is no int, a tuple no list), but where a float is expected
    an int will do, and a float within `ATOL + RTOL * |expected|`. NaN is the same as NaN.
    Keys of dictionaries and members of sets must match exactly, in any order. Both are plain
    values, as `liftlab.values` defines them.

    Examples
    --------
    >>> is_same(0.3, 0.1 + 0.2), is_same(2.0, 2), is_same(2, 2.0), is_same(1, True)
    (True, True, False, False)
    """
    if type(expected) is float and type(actual) is int:
        return _is_near(expected, actual)
    if type(expected) is not type(actual):
        return False
    rule: Callable[[Any, Any], bool] = _RULES.get(type(expected), operator.eq)
    return rule(expected, actual)


def _is_near(expected: float, actual: float) -> bool:
    if math.isnan(expected):
        return math.isnan(actual)
    try:
        actual = float(actual)
    except OverflowError:
        return False
    if math.isinf(expected) or math.isinf(actual):
        return expected == actual
    return abs(expected - actual) <= ATOL + RTOL * abs(expected)


def _is_same_sequence(expected: Sequence[Any], actual: Sequence[Any]) -> bool:
    return len(expected) == len(actual) and all(map(is_same, expected, actual))


def _is_same_dict(expected: dict[Any, Any], actual: dict[Any, Any]) -> bool:
    left = {_identity(key): value for key, value in expected.items()}
    right = {_identity(key): value for key, value in actual.items()}
    if len(expected) != len(actual) or left.keys() != right.keys():
        return False
    return all(is_same(value, right[key]) for key, value in left.items())


def _identity(value: Any) -> Hashable:
    """Return something that is equal for equal values of equal types and for nothing else."""
    kind = type(value).__name__
    if isinstance(value, tuple):
        return kind, tuple(map(_identity, value))
    if isinstance(value, set | frozenset):
        return kind, _identities(value)
    if isinstance(value, float) and math.isnan(value):
        return kind, "nan"
    return kind, value


def _identities(values: Set[Any]) -> Hashable:
    # Counted, as a set may hold more than one NaN.
    return frozenset(Counter(map(_identity, values)).items())


_RULES: dict[type, Callable[[Any, Any], bool]] = {
    float: _is_near,
    complex: lambda one, other: _is_near(one.real, other.real) and _is_near(one.imag, other.imag),
    list: _is_same_sequence,
    tuple: _is_same_sequence,
    dict: _is_same_dict,
    set: lambda one, other: _identities(one) == _identities(other),
    frozenset: lambda one, other: _identities(one) == _identities(other),
}
