"""`Text`: a string that knows which of its characters are which quantity; estimates in words.

It is an ordinary `str` wherever it goes. Pages wrap each marked part in `<span data-q="…">`, and
the agreement test reads the marks: one quantity of one run has one value everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from string import Formatter
from typing import NamedTuple, Self

from liftlab.analysis.estimate import Estimate
from liftlab.words import name

_PARSE = Formatter().parse
_PLAIN = re.compile(r"[\w .:/@+-]+")
_MOST_CODE = 40  # characters of an identifier, which may be anybody's
_LEVEL = re.compile(r"^[\d.]+ % (interval|lower bound|upper bound)")
_BOUNDS = {"interval": "likely", "lower bound": "at least", "upper bound": "at most"}


class Mark(NamedTuple):
    """Characters `start` to `end` of a text are the quantity named so in docs/definitions.md.

    `value` is what they say of it, where other words would say the same; else the text itself.
    Without a quantity they are an identifier, which is shown as code.
    """

    start: int
    end: int
    quantity: str
    value: str = ""


class Text(str):
    """A string with marks; whatever makes a plain string of it loses the marks and nothing else."""

    __slots__ = ("marks",)
    marks: tuple[Mark, ...]

    def __new__(cls, text: str = "", marks: Iterable[Mark] = ()) -> Self:
        """Make a string that carries its marks."""
        made = super().__new__(cls, text)
        made.marks = tuple(marks)
        return made

    @property
    def quantities(self) -> list[tuple[str, str]]:
        """Each marked quantity with its words."""
        named = (mark for mark in self.marks if mark.quantity)
        return [(mark.quantity, mark.value or self[mark.start : mark.end]) for mark in named]


def marked(text: str, quantity: str, value: str = "") -> Text:
    """Return text that is, as a whole, the words for one quantity; unmarked without a name.

    `value`: what the words say of the quantity, where they are one of several ways to say that.
    """
    return Text(text, [Mark(0, len(text), quantity, value)] if quantity and text else [])


def code(identifier: object) -> Text:
    """Return an identifier as it is stored, of bounded length, to be shown as code.

    One that is longer, or holds more than letters, digits and a few marks, is a quoted text.
    """
    text = str(identifier)
    if len(text) > _MOST_CODE or not _PLAIN.fullmatch(text):
        return Text(name(text))
    return Text(text, [Mark(0, len(text), "")])


def write(template: str, /, *parts: object, **named: object) -> Text:
    """Fill a template as `str.format` does, keeping the marks of what is filled in.

    Examples
    --------
    >>> said = write("The median is {}.", marked("14.96 s", "e2e_median"))
    >>> said, said.quantities
    ('The median is 14.96 s.', [('e2e_median', '14.96 s')])
    """
    filled: list[str] = []
    unnamed = iter(parts)
    for literal, field, form, _ in _PARSE(template):
        filled.append(literal)
        if field is None:
            continue
        value = named[field] if field else next(unnamed)
        filled.append(value if isinstance(value, str) and not form else format(value, form or ""))
    return joined(filled, "")


def joined(parts: Iterable[str], separator: str = " ") -> Text:
    """Join texts that are not empty, keeping their marks."""
    text, marks = "", []
    for part in filter(None, parts):
        text += separator if text else ""
        at = len(text)
        known = part.marks if isinstance(part, Text) else ()
        marks += [mark._replace(start=at + mark.start, end=at + mark.end) for mark in known]
        text += part
    return Text(text, marks)


def capitalised(text: str) -> Text:
    """Return text with its first letter large; marks stay where they are."""
    marks = text.marks if isinstance(text, Text) else ()
    return Text(text[:1].upper() + text[1:], marks)


def listed(names: Sequence[str], most: int = 4) -> Text:
    """Write names with commas, and how many more there are.

    Examples
    --------
    >>> listed(["lists", "strings", "sets"], most=2), listed(["lists", "strings"])
    ('lists, strings and 1 more', 'lists and strings')
    """
    more = len(names) - most
    if more > 0:
        return write("{} and {} more", joined(names[:most], ", "), f"{more:,}")
    return joined([joined(names[:-1], ", "), *names[-1:]], " and ")


def value(estimate: Estimate) -> Text:
    """Return an estimate's value with its unit, marked as what it is."""
    return marked(estimate.point, estimate.quantity)


def interval(estimate: Estimate) -> str:
    """Return the interval, or why there is none, for the team."""
    return "; ".join(filter(None, (estimate.interval, estimate.reason)))


def likely(estimate: Estimate) -> str:
    """Return the interval for a reader without statistics ("likely 52–84 %"), or why none."""
    known = _LEVEL.sub(lambda bound: _BOUNDS[bound[1]], estimate.interval)
    return "; ".join(filter(None, (known, estimate.reason)))


def with_interval(estimate: Estimate) -> Text:
    """Return the value, and behind it in brackets what is known of how sure it is."""
    known = interval(estimate)
    return write("{} ({})", value(estimate), known) if known else value(estimate)


def with_likely(estimate: Estimate) -> Text:
    """Return the value, and behind it in brackets where it likely lies."""
    known = likely(estimate)
    return write("{} ({})", value(estimate), known) if known else value(estimate)
