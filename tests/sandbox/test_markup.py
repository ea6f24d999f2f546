"""What stands around the code of a reply is told apart from it, and a megabyte is read once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.sandbox.markup import bare, blocks, has_fence, is_wrapped, runs

CODE = "def f():\n    return 1\n"


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}```",
        f"```\n{CODE}```\n",
        f"Here you are:\n\n```py\n{CODE}```\nIt returns one.",
        f"~~~python\n{CODE}~~~",
        f"````python\n{CODE}````",
        f"```python title=f.py\n{CODE}```",
        f'```title="f.py"\n{CODE}```',
        f"```{{.python .numberLines}}\n{CODE}```",
        f"```Python\n{CODE}",  # never closed
        f"{CODE}```\nIt returns one.",  # the prompt has opened it
        f"```python\n{CODE.rstrip()}```",  # closed on the last line
        f"{CODE.rstrip()}``` \n",
        f"Here it is: ```python\n{CODE}```",  # opened behind words
        f"{CODE}```python\nprint(f())\n```",
        "   ```python\n   def f():\n       return 1\n   ```",
        "1. So:\n\n     ```python\n     def f():\n         return 1\n     ```\n",
        f"```python\n```python\n{CODE}```\n```\n",
        f"````\n```python\n{CODE}```\n````\n",
        f"```python\n{CODE}  ```\n",  # closed where Markdown allows it
    ],
)
def test_the_first_block_is_the_function(text: str) -> None:
    assert has_fence(text)
    assert is_wrapped(text)
    first = blocks(text)[0][0]
    assert (first.code.rstrip(), first.python) == (CODE.rstrip(), True)


@pytest.mark.parametrize(
    "text",
    [
        '```py\ndef f():\n    """One.\n\n    ```\n    f()\n    ```\n    """\n    return 1\n```\n',
        '```python\ndef f():\n  """One.\n  ```\n  f()\n  ```\n  """\n  return 1\n```\nThat is f.\n',
        '````python\ndef f():\n    """One.\n```\nf()\n```\n    """\n    return 1\n````\n',
    ],
)
def test_a_fence_in_a_docstring_is_no_end(text: str) -> None:
    ((block,), _) = blocks(text)
    assert block.code.endswith("return 1\n")
    assert block.code.count("```") == 2


@pytest.mark.parametrize("text", ["", CODE, "x = '```'", "no code at all", "`f()`", "a < b"])
def test_text_without_a_form_around_it_is_not_wrapped(text: str) -> None:
    assert not has_fence(text)
    assert not is_wrapped(text)
    assert blocks(text) == ([], text)


@pytest.mark.parametrize(
    ("text", "left", "removed"),
    [
        (f"<think>\nHm.\n</think>\n{CODE}", CODE, ("reasoning",)),
        (f"Hm.\n</thinking>\n{CODE}", CODE, ("reasoning",)),  # the template opened it
        (f"<think>a</think>b<THINK>c</THINK>{CODE}", CODE, ("reasoning",)),
        (f"{CODE}<|im_end|>", CODE, ("tokens",)),
        (f"{CODE}<|eot_id|><|eot_id|>\n", CODE, ("tokens",)),
        (f"<s>{CODE}</s>", CODE, ("tokens",)),
        (f"{CODE}<|endoftext|>Human: and now in C\nint f() {{ return 1; }}", CODE, ("tokens",)),
        (f"<|im_start|>assistant\n{CODE}<|im_end|>\n", CODE, ("tokens",)),
        (
            f"<\uff5cAssistant\uff5c>{CODE}<\uff5cend\u2581of\u2581sentence\uff5c>",
            CODE,
            ("tokens",),
        ),
        (
            f"<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>{CODE}<|return|>",
            CODE,
            ("tokens", "reasoning"),
        ),
        (f"[PYTHON]\n{CODE}[/PYTHON]\n", f"```python\n\n{CODE}\n```", ("marks",)),
        (f"[PYTHON]\n```\n{CODE}```\n[/PYTHON]\n", f"```\n{CODE}```", ("marks",)),
        (CODE, CODE, ()),
        ('x = "</think>"\ny = "<|im_end|>"\n', 'x = "</think>"\ny = "<|im_end|>"\n', ()),
    ],
)
def test_reasoning_tokens_and_marks_go(text: str, left: str, removed: tuple[str, ...]) -> None:
    answer = bare(text)
    assert (answer.text.strip(), answer.removed) == (left.strip(), removed)
    assert not answer.unfinished


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nI could",
        f"<think>\n```python\n{CODE}```\nor not",
        f"<think>a</think>\nWell.\n<thinking>\n{CODE}",
    ],
)
def test_reasoning_that_never_ends_is_told(text: str) -> None:
    assert bare(text).unfinished


@pytest.mark.parametrize(
    "text", [f"```python\n{CODE}```\n<think>\nIs that", f'```python\n"""\n<think>\n"""\n{CODE}```']
)
def test_code_before_or_around_an_open_tag_is_the_answer(text: str) -> None:
    answer = bare(text)
    assert not answer.unfinished
    assert CODE in answer.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Sure!\n{CODE}That is all.", [CODE]),
        (f"Sure!\n\n    {CODE.replace(chr(10), chr(10) + '    ')}\nThat is all.", [CODE]),
        (f"Sure!\nimport os\n\n{CODE}\nOr:\n\n{CODE}", [f"import os\n\n{CODE}", CODE]),
        (f"Sure!\n@cache\n{CODE}x = f()\nprint(x)\nDone.", [f"@cache\n{CODE}x = f()\nprint(x)\n"]),
        (
            'Sure!\ndef f():\n    """\nOne, at the edge.\n    """\n    return 1\n',
            ['def f():\n    """\nOne, at the edge.\n    """\n    return 1\n'],
        ),
        (CODE, []),  # there is nothing around it
        (f"{CODE}return 2\n", []),  # what is wrong with that is not prose
    ],
)
def test_runs_of_code_have_prose_around_them(text: str, found: list[str]) -> None:
    assert runs(text) == [run.rstrip() for run in found]


@pytest.mark.parametrize(
    "text",
    [
        "```" + "a" * 10**6 + "`\n",
        "```" + " " * 10**6 + "`\n",
        "`" * 10**6 + "a`\n",
        "```python\n" + "\n" * 10**6 + "```\n",
        "</think>" * 10**5,
        "<|im_start|>" + " " * 10**6,
        ("</s>" + " " * 1000 + "x") * 1000,
        "```\n" * 10**5,
        "    ```\n```py\n" * 10**5,
        "def f(x):\n" * 10**5 + "or so",
    ],
    ids=lambda text: text[:12].strip(),
)
def test_a_megabyte_is_read_once(text: str) -> None:
    """A look at every pair of places in it would not end before the suite's own limit does."""
    assert is_wrapped(text) in (True, False)
    assert len(bare(text).text) <= len(text)
    assert sum(len(block.code) for block in blocks(text)[0]) <= len(text)
    assert sum(map(len, runs(text))) <= len(text)


@settings(deadline=None)
@given(st.text(alphabet="`~ \npydef():1<>/think|", max_size=80))
def test_takes_nothing_that_was_not_there(text: str) -> None:
    for piece in [*runs(text), *(block.code for block in blocks(text)[0])]:
        assert all(line.strip() in text for line in piece.splitlines())
    assert all(line.strip() in text for line in bare(text).text.splitlines())
