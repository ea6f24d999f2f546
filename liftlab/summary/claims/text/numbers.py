"""Read whole numbers, "27 retries" or "Right: 23": only where a noun says what is counted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.summary.claims.model import Quantity
from liftlab.summary.claims.text.figures import Figure, half_a_digit
from liftlab.summary.claims.text.naming import Unread
from liftlab.summary.claims.text.sentence import Sentence

_RIGHT, _WRONG = r"(?:right|correct|passing|passed|solved)", r"(?:wrong|incorrect)"
_ANSWERS = r"(?:answers?|requests?|generations?|solutions?|programs?|responses?)"
# How each is counted: "27 retries", "no retries".
_NOUNS = {
    "retries": r"(?:extra |more )?retr(?:y|ies)|extra attempts",
    "attempts": r"(?:http )?attempts|http (?:calls|requests)",
    "right_answers": rf"{_RIGHT} {_ANSWERS}|{_ANSWERS} (?:(?:are|were|is|was) )?{_RIGHT}",
    "wrong_answers": rf"{_WRONG} {_ANSWERS}|{_ANSWERS} (?:(?:are|were|is|was) )?{_WRONG}"
    rf"|failures?|(?:failed|failing) answers",
    "parsed_answers": rf"{_ANSWERS} (?:that )?parsed?",
    "failed_requests": r"(?:endpoint |server |http |request )errors?|requests? errored",
    "number_of_slow_steps": r"slow steps?|steps? (?:was|were|is|are) slow",
    "steps": r"steps",
    "requests": r"requests?|trials|generations",
    "prompts": r"(?:test )?(?:prompts?|cases)",
}
# As the name of a number: "Right: 23".
_LABELS = {
    "right_answers": _RIGHT,
    "wrong_answers": rf"{_WRONG}(?: total)?",
    "parsed_answers": r"parsed|parses?|parsable|valid python",
    "failed_requests": r"errors?",
    "repeats": r"repeats|repetitions",
}
_COLUMNS = re.compile(
    r"(?:count|n|#|number|answers?|occurrences|value|how (?:many|often)|total|result|measured)s?"
)
_NUMBER = re.compile(
    r"(?<![0-9.,a-z_/@$:#+±~<>=-])(?<!\$ )([0-9]{1,3}(?:,[0-9]{3})+"
    r"|[0-9]{1,7})(?![\w%.:/]*[0-9a-z%])"
    r"|\b(no|zero)(?= (?:slow|retr))"
)
_ENDS = re.compile(
    r" ?(?:$|[.,;)|\]]|(?:and|over|on|in total|in all|overall|altogether|(?:for|in) [0-9,]+"
    r"|across|with|x|at all)\b)"
)
_WHOLE = re.compile(
    r"(?:^|[,;:(|-] ?|(?:\b(?:ran|run of|asked|sent|fired|issued|made|measured|(?:suite"
    r"|set) (?:has|of)|total of|are|were|there)|n ?=) )$"
)
_SIZES = ("requests", "prompts", "steps")
# Behind these a number may be a part: "in 5 requests", "each of 5 prompts", "another 40 prompts".
_PART = re.compile(
    r"\b(?:each|per|every|another|other|(?<!run )of|to|max|most|least|first|last|top|than|need\w*|"
    r"for|from|with|in|across|after|next|as|or|the|these|those|all)(?: the| our)? $"
)


def numbers(sentence: Sentence) -> Iterator[Figure]:
    """Yield the whole numbers of a sentence that are no part of another figure."""
    for match in _NUMBER.finditer(sentence.text):
        if any(f.start < match.end() and match.start() < f.end for f in sentence.figures):
            continue
        value = float(match[1].replace(",", "")) if match[1] else 0.0
        off = half_a_digit(match[1]) if match[1] and len(match[1]) > 3 else 0.0
        yield Figure(kind="whole", value=value, off=off, start=match.start(), end=match.end())


def counted(sentence: Sentence, figure: Figure) -> Quantity | None:
    """Return what a number counts; None where no noun says so, raise Unread where it is unclear."""
    left, right = sentence.text[: figure.start], sentence.text[figure.end :]
    found = _behind(sentence, figure, right) or _before(sentence, left, right)
    if found is None:
        return None
    metric, end = found
    start, stop = sentence.clause(figure)
    if not _ENDS.match(right[end:]):
        raise Unread("what it counts is not clear")
    if end and _PART.search(left):
        raise Unread("it may be a part of them")
    if metric in _SIZES and end and not _WHOLE.search(left):
        raise Unread("it may be a part of them")
    if metric in _SIZES and any(other.kind == "usd" for other in sentence.figures):
        raise Unread("so many for a price")
    if re.match(r" ?(?:per|each|a|an|in parallel|at (?:a time|once))\b", right[end:]):
        raise Unread("it is not of the whole run")
    inside = [m for m in sentence.marks if start <= m.start and m.end <= stop]
    groups = [
        m for m in inside if m.slot == "group" or (m.slot == "stage" and m.is_known and m.is_strong)
    ]
    if groups or sentence.of_names("group", near=True):
        raise Unread("numbers by kind of prompt or stage are not read")
    if metric.startswith("class="):
        return Quantity(metric="failures_of_class", groups=(metric,))
    return Quantity(metric=metric)


def _behind(sentence: Sentence, figure: Figure, right: str) -> tuple[str, int] | None:
    """Return what the noun behind a number names, and where the noun ends."""
    for mark in sentence.marks:
        if mark.slot == "class" and mark.start == figure.end + 1:
            return mark.value, mark.end - figure.end
    for metric, noun in _NOUNS.items():
        if match := re.match(rf"[ -](?:{noun})\b", right):
            return metric, match.end()
    return None


def _before(sentence: Sentence, left: str, right: str) -> tuple[str, int] | None:
    """Return what the label before a number names, or the row or the column of a cell."""
    texts = [re.split(r"[,;(.|] ?", left)[-1]] if re.search(r"[:=] ?$", left) else []
    if names := sentence.piece.names:
        if left or right:
            return None
        texts = [names[1]] if not _COLUMNS.fullmatch(names[1]) else [names[0]]
    for text in texts:
        name = re.sub(r"^(?:number of|total|all) | ?[:=] ?$", "", text.strip(" :=-"))
        for mark in sentence.lexicon.marks(name):
            if mark.slot == "class" and (mark.start, mark.end) == (0, len(name)):
                return mark.value, 0
        for metric, noun in (*_NOUNS.items(), *_LABELS.items()):
            if re.fullmatch(noun, name):
                return metric, 0
    return None
