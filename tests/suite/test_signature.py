from __future__ import annotations

import pytest

from liftlab.suite import Check
from liftlab.suite.signature import mentions, read_signature, signature_of


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("add(a, b)", "add(a, b)"),
        (" def add( a: int, *rest, key: dict[str, int] = {}, ): ", None),
        ("f(*, key)", "f(*, key)"),
        ("f(a, /, b=(1, 2))", "f(a, /, b=(1, 2))"),
        ("f(a)->int:", "f(a) ->int"),
        ("f()", "f()"),
    ],
)
def test_a_signature_is_read(text: str, read: str | None) -> None:
    assert read_signature(text) == (read or "add(a: int, *rest, key: dict[str, int] = {},)")


@pytest.mark.parametrize(
    "text",
    [
        *("add", "add(a,, b)", "1st(a)", "f(1)", "class(a)", "f(if)", "f(a\n)", "f(" + "a" * 400),
        *("f(a, a)", "f(a, *a)"),
    ],
)
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"one line such as|can't be a name|be two parameters"):
        read_signature(text)


def check(*args: object, **kwargs: object) -> Check:
    return Check(name="c", args=args, kwargs=kwargs)


@pytest.mark.parametrize(
    ("checks", "signature"),
    [
        ([check(1, 2)], "f(a, b)"),
        ([check(1), check(1, 2)], "f(a, b)"),
        ([check()], "f()"),
        ([check(2, b=3), check(2, 3)], "f(a, b)"),
        ([check(2, times=3), check(1, 2)], "f(a, times)"),
        ([check(a=3, b=1), check(b=1, a=3)], "f(a, b)"),
        ([check(1, a=3)], "f(b, a)"),
        ([check(*range(27))], f"f({', '.join('abcdefghijklmnopqrstuvwxyz')}, a1)"),
    ],
)
def test_without_one_there_are_as_many_parameters_as_checks_pass(
    checks: list[Check], signature: str
) -> None:
    assert signature_of("f", None, checks, "Do it.") == signature


def test_nothing_is_missing_where_the_prompt_defines_it_or_no_name_is_known() -> None:
    assert signature_of("f", None, [check(1)], "class A:\n    def f (self, x):") == ""
    assert signature_of("f", "f(x)", [check(1)], "Call f(x).") == "f(x)"
    assert signature_of(None, None, [check(1)], "Do it.") == ""


def test_a_name_is_mentioned_as_a_word() -> None:
    assert mentions("Call `f`.", "f")
    assert not mentions("Call it off.", "f")
    assert not mentions("Call it.", None)
