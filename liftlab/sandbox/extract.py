"""Take the code out of a reply that wraps it in Markdown."""

from __future__ import annotations

import re
import textwrap

# Nothing is tried twice (`*+`): on a line of a megabyte that would take hours, in the caller.
_FENCE = re.compile(r"^([ \t]*+)(`{3,}+|~{3,}+)[ \t]*+([\w+#.-]*+)[^\n`]*+$", re.MULTILINE)
# A fence that closes on the line of the last statement.
_GLUED = re.compile(r"^(?![ \t]*+[`~]{3})([^\n`]++)`{3}[ \t]*+$", re.MULTILINE)
_DEFINES = re.compile(r"^[ \t]*(async )?def ", re.MULTILINE)
_PYTHON = {"python", "python3", "py", "py3", ""}


def has_fence(text: str) -> bool:
    r"""Say whether a line of `text` opens or closes a fenced code block.

    Examples
    --------
    >>> has_fence("```python\nx = 1\n```"), has_fence("x = '```'")
    (True, False)
    """
    return _FENCE.search(text) is not None or _GLUED.search(text) is not None


def extract(text: str) -> str:
    r"""Return the code of the first fenced Python block that defines a function.

    Failing that what stands before the first fence, if it defines one: a reply may close a block
    that the prompt has opened. Failing that the first Python block, failing that the first block;
    a block that is never closed ends with the text. Without a block, the text as it is.

    Examples
    --------
    >>> extract("Sure!\n```python\ndef f(): return 1\n```\nAnything else?")
    'def f(): return 1\n'
    """
    text = _GLUED.sub(r"\1\n```", text)
    blocks = _blocks(text)
    if not blocks:
        return text
    python = [code for language, code in blocks if language in _PYTHON]
    before = _FENCE.split(text, maxsplit=1)[0]
    first = (python or [blocks[0][1]])[0]
    return next(filter(_DEFINES.search, [*python, before]), first)


def _blocks(text: str) -> list[tuple[str, str]]:
    """Return each block's language and code."""
    blocks: list[tuple[str, str]] = []
    opened: re.Match[str] | None = None
    for line in _FENCE.finditer(text):
        if opened is None:
            opened = line
        elif line[2].startswith(opened[2]) and not line[3]:  # only a bare fence closes
            blocks.append(_block(text, opened, line.start()))
            opened = None
    if opened is not None:
        blocks.append(_block(text, opened, len(text)))
    return blocks


def _block(text: str, opened: re.Match[str], end: int) -> tuple[str, str]:
    code = text[opened.end() + 1 : end]
    return opened[3].lower(), textwrap.dedent(code) if opened[1] else code
