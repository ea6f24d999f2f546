"""Of all that a reply holds, the code that answers is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from liftlab.sandbox import ParseReport, Sandbox
from liftlab.sandbox.extract import Extracted, extract

RIGHT = "def f(a, b):\n    return a + b\n"
WRONG = "def f(a, b):\n    return a - b\n"
STUB = 'def f(a, b):\n    """Add."""\n    ...\n'
HELPER = "import math\n\ndef plus(x, y):\n    return math.fsum((x, y))\n"
NEEDY = "def f(a, b):\n    return plus(a, b)\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(level="restricted") as sandbox:
        yield sandbox


def fenced(*pieces: str) -> str:
    return "".join(f"So:\n```python\n{piece}```\n" for piece in pieces)


@pytest.mark.parametrize(
    ("text", "source", "removed", "joined"),
    [
        (fenced(RIGHT), RIGHT, ("fence",), 0),
        (fenced(WRONG, RIGHT), RIGHT, ("fence",), 0),
        (fenced(RIGHT, STUB), RIGHT, ("fence",), 0),
        (fenced(STUB, RIGHT), RIGHT, ("fence",), 0),
        (fenced(RIGHT, "def test_f():\n    assert f(1, 2) == 3\n"), RIGHT, ("fence",), 0),
        (fenced(RIGHT, "def f(a, b):\n- return\n"), RIGHT, ("fence",), 0),  # no Python
        (fenced(HELPER, NEEDY), f"{HELPER}{NEEDY}", ("fence",), 1),
        (fenced(HELPER, WRONG, NEEDY), f"{HELPER}{NEEDY}", ("fence",), 1),
        (fenced(NEEDY, HELPER), f"{HELPER}{NEEDY}", ("fence",), 1),
        (fenced(HELPER, RIGHT), RIGHT, ("fence",), 0),  # it does not need it
        (fenced("print(plus(1, 2))\n", HELPER, NEEDY), f"{HELPER}{NEEDY}", ("fence",), 1),
        (
            fenced("x = 1\n", f"from __future__ import annotations\n{RIGHT}y = x\n"),
            f"from __future__ import annotations\nx = 1\n{RIGHT}y = x\n",
            ("fence",),
            1,
        ),
        (f"{fenced(STUB)}\n{RIGHT}", RIGHT.rstrip(), ("prose",), 0),
        (f"```js\nlet f = 1\n```\n{fenced(RIGHT)}", RIGHT, ("fence",), 0),
        (f"```text\n{RIGHT}```\n", RIGHT, ("fence",), 0),
        ("```js\nlet x = 1\n```", "let x = 1\n", ("fence",), 0),
        (f"{fenced(WRONG)}Better:\n```python\ndef f(a, b):\n    return (a +", None, ("fence",), 0),
        (f"Sure!\n{RIGHT}\nThat is all.", RIGHT.rstrip(), ("prose",), 0),
        (f"Sure!\n{RIGHT}For instance:\n```python\nprint(f(1, 2))\n```\n", RIGHT, ("prose",), 0),
        (f"Sure!\n{STUB}I mean:\n{RIGHT}All.", RIGHT.rstrip(), ("prose",), 0),
        (f"Sure!\n{WRONG}No:\n{RIGHT}All.", None, (), 0),  # which of the two?
        (f"Hm.\n</think>\nSure!\n{RIGHT}All.", RIGHT.rstrip(), ("reasoning", "prose"), 0),
        (f"</think>\n{RIGHT}", f"\n{RIGHT}", ("reasoning",), 0),
        (f'"""About [PYTHON] and\n```\n"""\n{RIGHT}', None, (), 0),  # it parses as it is
        (f"```python\r{RIGHT}```\r".replace("\n", "\r"), RIGHT, ("fence",), 0),
    ],
)
def test_the_code_that_answers_is_taken(
    text: str, source: str | None, removed: tuple[str, ...], joined: int, box: Sandbox
) -> None:
    taken = extract(text, ["f"], box.parse)
    assert (taken.removed, taken.joined, taken.unfinished) == (removed, joined, False)
    if source is not None:
        assert taken.source.rstrip() == source.rstrip()
    elif removed:
        assert text.endswith(taken.source)  # cut off
    else:
        assert taken.source == text


@pytest.mark.parametrize(
    "other", ["def test(): pass\n", "def main():\n    print(1)\n", "print(g(1, 2))\n"]
)
def test_without_a_name_it_is_the_last_that_is_no_trial(other: str, box: Sandbox) -> None:
    code = RIGHT.replace("f(", "g(")
    for names in ([], ["f"]):  # nobody asked for `f`
        assert extract(fenced(WRONG.replace("f(", "g("), code, other), names, box.parse) == (
            Extracted(code, ("fence",))
        )


def test_open_reasoning_has_no_code(box: Sandbox) -> None:
    assert extract(f"<think>\n{fenced(RIGHT)}", ["f"], box.parse) == Extracted(
        "", ("reasoning",), unfinished=True
    )


def test_how_often_the_sandbox_is_asked_is_bounded() -> None:
    asked = 0

    def parse(source: bytes) -> ParseReport:
        nonlocal asked
        asked += 1
        return ParseReport(parsed=True, lacks=frozenset({"plus"}))

    extract(fenced(*[RIGHT + "plus\n"] * 1000), ["f"], parse)
    extract(f"Or:\n{RIGHT}" * 1000, ["f"], parse)
    assert asked < 60
