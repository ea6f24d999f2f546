"""Asserts that others wrote, read as calls and values."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.grading.literals import read_tests


def _calls(source: str) -> Any:
    return read_tests(source)["calls"]


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("assert f() == 1", ([], {}, 1)),
        (
            "assert f(-1, 2 * 3) == [(1,), {2}, {'a': None}]",
            ([-1, 6], {}, [(1,), {2}, {"a": None}]),
        ),
        ("assert f(1, b=2) == 3", ([1], {"b": 2}, 3)),
        ("assert f(1)", ([1], {}, True)),
        ("assert not f(1)", ([1], {}, False)),
        ("assert f(1) is None", ([1], {}, None)),
        ("assert f(1) is True", ([1], {}, True)),
    ],
)
def test_an_assert_that_is_a_call_and_its_value(source: str, call: Any) -> None:
    assert read_tests(source) == {"function": "f", "calls": [call]}


@pytest.mark.parametrize(
    "source",
    [
        "assert f(x) == 1",
        "assert f(1) == x",
        "assert f(g(1)) == 1",
        "assert f(1) != 1",
        "assert f(1) < 1",
        "assert f(1) is [1]",
        "assert 1 == f(1) == 1",
        "assert f(*[1]) == 1",
        "assert f(**{'a': 1}) == 1",
        "assert f.g(1) == 1",
        "assert f(1) == 1\nassert g(1) == 1",
        "assert f(1) == 1\nx = 1",
        "assert f(1 / 0) == 1",
        "assert f('a' + 1) == 1",
    ],
)
def test_an_assert_that_says_more(source: str) -> None:
    assert _calls(source) is None


def test_what_says_nothing_is_passed_over() -> None:
    source = '"""Tests."""\npass\nassert True\nassert f(1) == 2\nassert 1, "why"'
    assert _calls(source) == [([1], {}, 2)]
    assert _calls("assert True") is None
    assert _calls("assert f(1) == 2\nassert False") is None


CHECK = "def check(candidate):\n    assert candidate(1) == 2\n"


def test_a_check_is_called_with_the_function() -> None:
    assert read_tests(f"{CHECK}check(add)") == {"function": "add", "calls": [([1], {}, 2)]}
    assert read_tests(f"META = {{'a': 1}}\n{CHECK}check(add)")["calls"] == [([1], {}, 2)]
    # What else is run there may change what is right.
    assert read_tests(f"import os\n{CHECK}check(add)") == {"function": "add", "calls": None}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("abs(f(1) - 0.5) < 1e-6", 0.5),
        ("abs(f(1) - 2) < 1e-9", 2.0),
        ("abs(f(1) - 0.5) < 1e-5", None),  # more than grading allows
        ("abs(f(1) + 0.5) < 1e-6", None),
        ("abs(f(1) - 0.5, 1) < 1e-6", None),
        ("round(f(1) - 0.5) < 1e-6", None),
        ("f(1) < 1e-6", None),
    ],
)
def test_a_float_may_be_as_far_off_as_grading_allows(source: str, expected: float | None) -> None:
    found = _calls(f"def check(f):\n    assert {source}\ncheck(add)")
    assert found == (None if expected is None else [([1], {}, expected)])


@pytest.mark.parametrize(
    "source",
    [
        CHECK,
        f"{CHECK}check(1)",
        f"{CHECK}x = 1",
        "def verify(f):\n    assert f(1) == 2\nverify(add)",
        "def check(f, g):\n    assert f(1) == 2\ncheck(add)",
    ],
)
def test_a_function_that_is_no_check(source: str) -> None:
    assert read_tests(source) == {"function": None, "calls": None}


@pytest.mark.parametrize(
    "source",
    [
        "assert abs(f(1) - 0.5) < 1e-3",
        "assert abs(0.5 - f(1)) < 1e-6",
        "assert max(f(1)) == 3",
        "assert len(f([1, 2])) == 2",
        "assert sorted(list(f([2, 1]))) == [1, 2]",
        "assert 3 == f(1)",
        "assert not any(f(1))",
        "assert isinstance(f(1), int)",
        "import math\nassert math.isclose(f(1), 0.5)",
        "from math import isclose\nassert isclose(f(1), 0.5)",
        "from numpy.testing import assert_allclose as near\nassert near(f(1), 0.5) is None",
        "from solution import f\nassert f(1) == 2",
        "assert set(range(3)) != {1}\nassert f(1) == 2",
        "for n in range(3):\n    assert abs(f(n)) < 2",
    ],
)
def test_the_function_under_test_is_no_tool_of_the_tests(source: str) -> None:
    assert read_tests(source)["function"] == "f"


@pytest.mark.parametrize("source", ["assert sum([1]) == 1", "assert abs(sum([1]) - 1) < 1e-6"])
def test_a_function_may_be_named_as_a_built_in_one(source: str) -> None:
    assert read_tests(source)["function"] == "sum"
