"""Take the code that answers a request out of a reply that wraps it in something.

Whether a piece parses, and what it defines, is asked of the sandbox; how often is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from liftlab.sandbox import markup
from liftlab.sandbox.markup import Block
from liftlab.sandbox.protocol import OWNER
from liftlab.sandbox.reports import ParseReport

MOST_TRIED = 8  # pieces that the sandbox is asked about, for one thing that is looked for
_FUNCTION = re.compile(
    r"^[ \t]*+(?:async\s++)?def\s|^\w++\s*+(?::[^=\n]*+)?=\s*+lambda\b", re.MULTILINE
)
_PRINTS = re.compile(r"\bprint\b|\bstdout\b|\bos\s*+\.\s*+write\b")
_FUTURE = re.compile(r"^from __future__ import [^\n(]++\n", re.MULTILINE)
_TRIES_ONLY = ("_", "test", "main")  # what names of functions begin with that are no answer
_WRAPPING = ("`", "~", "<")  # what no line of Python begins with

Parse = Callable[[bytes], ParseReport]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The code of a reply; `removed` says what was around it, nothing for a text as it came.

    `joined` counts the earlier pieces that stand before the one that answers. `unfinished` says
    that the model was still reasoning when its reply ended.
    """

    source: str
    removed: tuple[str, ...] = ()
    joined: int = 0
    unfinished: bool = False


def to_bytes(text: str) -> bytes:
    """Return source as the sandbox takes it; halves of surrogate pairs are kept."""
    return text.encode("utf-8", "surrogatepass")


def parse_fault(source: str, function: str | None, parse: Parse) -> str | None:
    """Return why neither a reply nor the code that is taken out of it parses; None if one does.

    Code for a newer Python is as good here as any that parses.
    """
    report = parse(to_bytes(source))
    if report.parsed or report.needs_python:
        return None
    inner = extract(source, [function] if function else [], parse).source
    if inner != source:
        report = parse(to_bytes(inner))
    fine = report.parsed or report.needs_python
    return None if fine else report.message or "does not parse"


def extract(text: str, names: Sequence[str] | None, parse: Parse) -> Extracted:
    """Return the code in a reply that defines one of `names`, or else a function.

    Of several pieces it is the last that does and is no stub; earlier ones, whose names it needs,
    are put before it. A reply without a form around its code must be known not to parse. The
    likeliest name stands first; None is for a program that prints.
    """
    if markup.is_wrapped(text) and not text.lstrip().startswith(_WRAPPING):
        report = parse(to_bytes(text))
        if report.parsed and not report.lacks & {"PYTHON", "python"}:
            return Extracted(text)  # it only speaks of such marks, as in a docstring
    answer = markup.bare(_with_newlines(text))
    if answer.unfinished:
        return Extracted("", answer.removed, unfinished=True)
    blocks, outside = markup.blocks(answer.text)
    if blocks:
        return _of_blocks(blocks, outside, answer.removed, names, parse)
    if answer.removed and parse(to_bytes(answer.text)).parsed:
        return Extracted(answer.text, answer.removed)
    found = from_prose(answer.text, names, parse, answer.removed)
    return found or Extracted(answer.text if answer.removed else text, answer.removed)


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _of_blocks(
    blocks: list[Block],
    outside: str,
    removed: tuple[str, ...],
    names: Sequence[str] | None,
    parse: Parse,
) -> Extracted:
    removed = (*removed, "fence")
    python = [block for block in blocks if block.python]
    pieces = python or blocks
    alone = len(blocks) == 1 and not _FUNCTION.search(outside)
    if alone and _may_define(pieces[0].code, names):
        return Extracted(pieces[0].code, removed)
    last: Block | None = None
    for wanted in (names, ()) if names else (names,):
        likely = [n for n, block in enumerate(pieces) if _may_define(block.code, wanted)]
        for number in reversed(likely[-MOST_TRIED:]):
            block = pieces[number]
            report = parse(to_bytes(block.code))
            if report.parsed and _answers(report, wanted):
                return _joined(pieces, number, report, removed, parse)
            if report.at_end and not block.closed:
                return Extracted(block.code, removed)  # the reply was cut off there
            last = last or block
    found = from_prose(outside, names, parse, removed[:-1])
    return found or Extracted((last or pieces[0]).code, removed)


def from_prose(
    text: str, names: Sequence[str] | None, parse: Parse, removed: tuple[str, ...] = ()
) -> Extracted | None:
    """Return the one run of lines that parses and defines the function, if there is just one."""
    pieces = [Block(run) for run in markup.runs(_with_newlines(text))]
    for wanted in (names, ()) if names else (names,):
        likely = [n for n, block in enumerate(pieces) if _may_define(block.code, wanted)]
        if len(likely) > MOST_TRIED:
            return None
        reports = [(number, parse(to_bytes(pieces[number].code))) for number in likely]
        sound = [(n, report) for n, report in reports if report.parsed and _answers(report, wanted)]
        if len(sound) == 1:
            return _joined(pieces, *sound[0], (*removed, "prose"), parse)
        if sound:
            return None
    return None


def _joined(
    pieces: list[Block], number: int, report: ParseReport, removed: tuple[str, ...], parse: Parse
) -> Extracted:
    """Put pieces before the one that answers that define what it lacks."""
    lacks, before = set(report.lacks), list[str]()
    others = [*pieces[number + 1 :][:MOST_TRIED], *pieces[:number][-MOST_TRIED:]]
    for other in reversed(others) if lacks else ():
        if not any(name in other.code for name in lacks):
            continue
        beside = parse(to_bytes(other.code))
        if beside.parsed and beside.defines & lacks:
            before.insert(0, other.code.rstrip("\n"))
            lacks |= beside.lacks
    source = "\n".join([*before, pieces[number].code])
    if before:  # these stand at the beginning, or nothing parses
        future = _FUTURE.findall(source)
        source = "".join(future) + _FUTURE.sub("", source)
    return Extracted(source, removed, joined=len(before))


def _may_define(code: str, names: Sequence[str] | None) -> bool:
    """Say whether a piece has what looks like the definition of a name, or of any function."""
    if names is None:
        return _PRINTS.search(code) is not None
    if not names:
        return _FUNCTION.search(code) is not None
    name = "|".join(map(re.escape, names))
    pattern = rf"^[ \t]*+(?:(?:async\s++)?def|class)\s++(?:{name})\b|^(?:{name})\s*+[:=]"
    return re.search(pattern, code, re.MULTILINE) is not None


def _answers(report: ParseReport, names: Sequence[str] | None) -> bool:
    """Say whether a piece defines one of the names, or a function, and not just a place for it."""
    if names is None:
        return True
    functions = {item.name.removeprefix(f"{OWNER}."): item for item in report.functions}
    if not names:
        return any(
            not item.stub and not name.lower().startswith(_TRIES_ONLY)
            for name, item in functions.items()
        )
    return any(
        not functions[name].stub if name in functions else name in report.defines for name in names
    )
