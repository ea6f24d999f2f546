"""A new case, as a person types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab import suite, values
from liftlab.errors import UsageError
from liftlab.suite.drafting import add_case, read_example

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.lists(PLAIN, max_size=3), PLAIN, TEXTS, st.sampled_from([".toml", ".jsonl"]))
def test_an_example_is_read_written_and_read_again(
    args: list[Any], expected: Any, prompt: str, suffix: str
) -> None:
    check = read_example(f"{', '.join(map(repr, args))} -> {expected!r}", "f")
    source = ""
    for name in ("f", "g"):
        case = {"case_id": name, "prompt": prompt, "signature": "f(*args)", "checks": [check] * 2}
        source = add_case(source, case, suffix)
    first, second = suite.parse(source.encode(), Path(f"x{suffix}")).cases
    assert first.checks == second.checks
    assert first.prompt == prompt
    assert first.checks[0].args == tuple(map(values.encode, args))
    assert first.checks[1].expected == values.encode(expected)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("-> 1", {"args": [], "expected": 1}),
        ("f() == 1", {"args": [], "expected": 1}),
        ("f(1, b=[2]) -> None", {"args": [1], "kwargs": {"b": [2]}, "expected": None}),
        ("'->' -> '=='", {"args": ["->"], "expected": "=="}),
        ("2, 'x' -> raises ValueError", {"args": [2, "x"], "raises": "ValueError"}),
        ("f(f='a') == (1,)", {"args": [], "kwargs": {"f": "a"}, "expected": {"$tuple": [1]}}),
    ],
)
def test_an_example_may_be_written_in_several_ways(text: str, check: dict[str, Any]) -> None:
    assert read_example(text, "f") == check


NOT_EXAMPLES = (
    *("", "1, 2", "x -> 1", "1 -> x", "g(1) -> 1", "1) + f(2 -> 3", "__import__('os') -> 1"),
    *("1 -> raises", "**{} -> 1", "(" * 9999 + " -> 1", "9" * 9999 + " -> 1", "f(1) -> open('x')"),
)


@pytest.mark.parametrize("text", NOT_EXAMPLES)
def test_what_is_no_example_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not an example"):
        read_example(text, "f")


def test_a_case_goes_behind_those_that_are_there() -> None:
    case = {"case_id": "b", "prompt": "p", "checks": [{"args": [1], "expected": {"k e": 1}}]}
    source = 'name = "mine"\n[[cases]]\ncase_id = "a"\nprompt = "p"\n\n\n'
    added = add_case(source, case, ".toml")
    assert added.startswith(source.rstrip() + "\n\n[[cases]]\n")
    whole = suite.parse(added.encode(), Path("x.toml"))
    assert (whole.name, [case.case_id for case in whole]) == ("mine", ["a", "b"])
    with pytest.raises(UsageError, match=r"not to \.json"):
        add_case("[]", case, ".json")
