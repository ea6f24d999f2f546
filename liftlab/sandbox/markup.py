"""What a reply has around its code: reasoning, marks of chat templates, Markdown fences, prose.

Text only: nothing here knows whether something is Python. A megabyte is read once: no expression
tries a place twice (`*+`, `++`), and what is looked at by pairs is bounded.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

MOST_FENCES = 400
_FENCE = re.compile(r"^([ \t]*+)(`{3,}+|~{3,}+)[ \t]*+([^\n`]*+)$", re.MULTILINE)
# A fence that closes on the line of the last statement, and one that opens behind words.
_GLUED = re.compile(r"^(?![ \t]*+[`~]{3})([^\n`]++)`{3}[ \t]*+$", re.MULTILINE)
_GLUED_OPENING = re.compile(
    r"^(?![ \t]*+[`~]{3})([^\n`]++)(`{3,}+(?:python3?|py3?)[ \t]*+)$", re.MULTILINE | re.IGNORECASE
)
_INFO = re.compile(r"\{?\s*\.?([\w+#-]++)(?!\s*=)")
_PYTHON = {"python", "python2", "python3", "py", "py3", "ipython", "ipython3", ""}
# Not between quotes: code may speak of such marks.
_REASONED = re.compile(r"(?<![\"'])</(?:think|thinking)>(?![\"'])", re.IGNORECASE)
_FINAL = "<|channel|>final<|message|>"  # what stands before it is reasoning, too
_REASONING = re.compile(r"^[ \t]*+<(?:think|thinking)>", re.IGNORECASE | re.MULTILINE)
_START_TOKEN = re.compile(
    r"<\|(?:im_start|start_header_id)\|>\s*+(?:assistant\s*+)?(?:<\|end_header_id\|>)?"
    r"|<\|(?:begin_of_text|startoftext|assistant)\|>|\A\s*+<(?:s|bos)>"
    r"|<start_of_turn>\s*+(?:model\s*+)?|<\uff5c(?:begin\u2581of\u2581sentence|Assistant)\uff5c>"
)
_END_TOKEN = re.compile(
    r"(?<![\"'])(?:<\|[a-z_]{1,40}+\|>|<\uff5c[^\uff5c\n]{1,40}+\uff5c>|<end_of_turn>)(?![\"'])"
    r"|(?:</s>|<eos>|<pad>)(?=[ \t]*+$)",
    re.IGNORECASE | re.MULTILINE,
)
_MARK = re.compile(r"(?<![\"'])\[(/?)(?:PYTHON|python)\](?![\"'])")
_DEFINES = re.compile(r"^[ \t]*+(?:async )?def ", re.MULTILINE)
# What a line of code at the outermost indentation begins with, or is.
_CODE_LINE = re.compile(
    r"(?:async\s+)?def\s+\w|class\s+\w+\s*[(:]|@\w|import\s+\w|from\s+[\w.]+\s+import\b|[#)\]}]"
    r"|(?:if|elif|while|for|with|try|else|except|finally)\b[^\n]*+(?<=:)$|return\b|raise\b|assert\b"
    r"|(?:pass|break|continue)$|\w[\w.]*+(?:\[[^\]\n]*+\])?(?:,\s*+\w++)*+\s*+(?::[^=\n]*+)?[-+*/]?=[^=]"
    r"|\w[\w.]*+\([^\n]*+(?<=\))$|(?:\"\"\"|''')"
)
# What is looked for, where one of the signs is in the text: most answers have none.
_WRAPPING = (
    (("```", "~~~"), (_FENCE, _GLUED, _GLUED_OPENING)),
    (
        ("<|", "</", "<t", "<T", "<s", "<b", "<e", "<p", "<\uff5c"),
        (_REASONED, _REASONING, _START_TOKEN, _END_TOKEN),
    ),
    (("PYTHON]", "python]"), (_MARK,)),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code that stands by itself; `closed` says that its end is marked."""

    code: str
    python: bool = True
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply without its reasoning and marks; `removed` says what is gone.

    `unfinished` says that it ended while the model was still reasoning.
    """

    text: str
    removed: tuple[str, ...] = ()
    unfinished: bool = False


def is_wrapped(text: str) -> bool:
    """Say whether a text has anything around its code that has a form of its own."""
    return any(
        any(sign in text for sign in signs) and any(form.search(text) for form in forms)
        for signs, forms in _WRAPPING
    )


def has_fence(text: str) -> bool:
    """Say whether a line of `text` opens or closes a fenced code block."""
    return _FENCE.search(text) is not None or _GLUED.search(text) is not None


def bare(text: str) -> Answer:
    """Take reasoning, tokens of chat templates and `[PYTHON]` marks off a reply."""
    removed: list[str] = []
    _, said, final = text.rpartition(_FINAL)
    without = _first_turn(_START_TOKEN.sub("", final))
    if without != final:
        removed.append("tokens")
    text, unfinished = _reasoned(without)
    if text != without or said:
        removed.append("reasoning")
    if _MARK.search(text):
        removed.append("marks")
        forms = ("\n", "\n") if has_fence(text) else ("\n```python\n", "\n```\n")
        text = _MARK.sub(lambda mark: forms[bool(mark[1])], text)
    return Answer(text, tuple(removed), unfinished)


def blocks(text: str) -> tuple[list[Block], str]:
    """Return the fenced blocks of a text, and what stands outside of them.

    A reply may close a block that the prompt has opened: what stands before the first fence is
    the first block, if it defines a function. A block that is never closed ends with the text.
    """
    text = _GLUED.sub(r"\1\n```", _GLUED_OPENING.sub(r"\1\n\2", text))
    fences = list(_FENCE.finditer(text))[-MOST_FENCES:]
    found: list[Block] = []
    outside: list[str] = []
    end = number = 0
    if fences and _DEFINES.search(before := text[: fences[0].start()]):
        found.append(Block(before))
    while number < len(fences):
        if number + 1 < len(fences) and _holds_block(text, *fences[number : number + 2]):
            number += 1
        opener = fences[number]
        outside.append(text[end : opener.start()])
        closer = _closer(fences, number)
        end = len(text) if closer is None else fences[closer].end()
        code = text[opener.end() + 1 : end if closer is None else fences[closer].start()]
        code = textwrap.dedent(code) if opener[1] else code
        info = _INFO.match(opener[3])
        is_python = (info[1].lower() if info else "") in _PYTHON
        found.append(Block(code, is_python, closer is not None))
        number = len(fences) if closer is None else closer + 1
    return found, "\n".join([*outside, text[end:]])


def runs(text: str) -> list[str]:
    """Return the runs of lines that look like code and have prose around them."""
    found: list[list[str]] = []
    run: list[str] | None = None
    base, prose, quoted = "", False, False
    for line in map(str.rstrip, text.split("\n")):
        indent = line[: len(line) - len(line.lstrip())]
        if run is not None and (quoted or not line or _goes_on(line, indent, base)):
            run.append(line)
        elif _CODE_LINE.match(line, len(indent)):
            run, base = [line], indent
            found.append(run)
        else:
            run, prose = None, prose or bool(line)
        is_odd = (line.count('"""') + line.count("'''")) % 2 == 1
        quoted = run is not None and quoted != is_odd
    return [textwrap.dedent("\n".join(lines)).rstrip() for lines in found] if prose else []


def _goes_on(line: str, indent: str, base: str) -> bool:
    return (len(indent) > len(base) and indent.startswith(base)) or (
        indent == base and _CODE_LINE.match(line, len(indent)) is not None
    )


def _first_turn(text: str) -> str:
    """Return what stands before the first end-of-text token, as far as that is something."""
    parts = _END_TOKEN.split(text)
    return next((part for part in parts if part.strip()), "") if len(parts) > 1 else text


def _reasoned(text: str) -> tuple[str, bool]:
    """Return what stands behind the reasoning, and whether that never ended."""
    end = 0
    for mark in _REASONED.finditer(text):
        end = mark.end()
    rest = text[end:]
    opened = _REASONING.search(rest)
    if opened is None:
        return rest, False
    before = rest[: opened.start()]
    there = blocks(before)[0]
    if there and not all(block.closed for block in there):
        return rest, False  # it is within a block: code that speaks of it
    if there or _DEFINES.search(before):
        return before, False  # the answer came first
    return "", True


def _closer(fences: list[re.Match[str]], number: int) -> int | None:
    """Return which fence closes one: at its own indentation, else at any that Markdown allows."""
    opener = fences[number]
    likely: int | None = None
    for place in range(number + 1, len(fences)):
        fence = fences[place]
        if not fence[2].startswith(opener[2]) or fence[3].strip():
            continue  # only a bare fence of that length closes
        if fence[1] == opener[1]:
            return place
        if likely is None and len(fence[1].expandtabs(4)) <= 3:
            likely = place
    return likely


def _holds_block(text: str, outer: re.Match[str], inner: re.Match[str]) -> bool:
    """Say whether a block has nothing before another one that it wraps."""
    return bool(inner[3].strip()) and not text[outer.end() : inner.start()].strip()
