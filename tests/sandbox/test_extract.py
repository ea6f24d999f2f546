from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.sandbox.extract import extract, has_fence

CODE = "def f():\n    return 1\n"


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}```",
        f"```\n{CODE}```\n",
        f"Here you are:\n\n```py\n{CODE}```\nIt returns one.",
        f"~~~python\n{CODE}~~~",
        f"````python\n{CODE}````",
        f"```bash\npip install x\n```\n```python\n{CODE}```",
        f"```python\nimport os\n```\n```python\n{CODE}```",
        f"```python title=f.py\n{CODE}```",
        f"```Python\n{CODE}",  # never closed
        f"{CODE}```\nIt returns one.",  # the prompt has opened it
        f"```python\n{CODE.rstrip()}```",  # closed on the last line
        f"{CODE.rstrip()}``` \n",
        f"{CODE}```python\nprint(f())\n```",
        "   ```python\n   def f():\n       return 1\n   ```",
    ],
)
def test_takes_the_function_out_of_the_fence(text: str) -> None:
    assert has_fence(text)
    assert extract(text).rstrip() == CODE.rstrip()


@pytest.mark.parametrize("text", ["", CODE, "x = '```'", "no code at all", "`f()`"])
def test_text_without_a_block_stays_as_it_is(text: str) -> None:
    assert not has_fence(text)
    assert extract(text) == text


def test_a_block_in_another_language_is_taken_where_there_is_no_python() -> None:
    assert extract("```js\nlet x = 1\n```") == "let x = 1\n"


@pytest.mark.parametrize(
    "text",
    [
        "```" + "a" * 10**6 + "`\n",
        "```" + " " * 10**6 + "`\n",
        "`" * 10**6 + "a`\n",
        "```python\n" + "\n" * 10**6 + "```\n",
    ],
    ids=["a long language", "a long gap", "a long fence", "a long empty block"],
)
def test_a_megabyte_is_read_once(text: str) -> None:
    """A look at every pair of places in it would not end before the suite's own limit does."""
    assert not extract(text).strip() or not has_fence(text)


@settings(deadline=None)
@given(st.text(alphabet="`~ \npydef():1", max_size=60))
def test_takes_nothing_that_was_not_there(text: str) -> None:
    assert all(line.strip() in text for line in extract(text).splitlines())
