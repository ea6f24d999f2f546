"""Words that go with numbers, and words of others made fit to be read."""

from __future__ import annotations

import re
import unicodedata

# What draws nothing, turns round what follows, or is no character at all.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_MOST_MARKS = 4  # on one letter, which no language exceeds
_STACK = re.compile(r"[^\w\s\x00-\x7f]{5,}")  # may be one: marks are no letters
_SPACE = re.compile(r"\s")
_MOST_NAME = 40
_NAME = re.compile(r"[\w .,/@+×()-]+")
_PARTS = {"nlp": "NLP", "ir": "IR", "code": "Code"}


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun, as in `2 trials`; `nouns` is a plural that takes no `s`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def seen(text: str) -> str:
    """Return foreign text with a mark in place of each character that cannot be seen.

    Of marks that are stacked on one letter four are kept: more would cover the lines around it.
    """
    if text.isascii() and text.isprintable():
        return text
    return _STACK.sub(_unstacked, _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _unstacked(run: re.Match[str]) -> str:
    kept, marks = [], 0
    for letter in run[0]:
        marks = marks + 1 if unicodedata.category(letter)[0] == "M" else 0
        if marks <= _MOST_MARKS:
            kept.append(letter)
        elif marks == _MOST_MARKS + 1:
            kept.append("\N{REPLACEMENT CHARACTER}")
    return "".join(kept)


def printable(text: str, kept: str = "\n\t") -> str:
    """Return foreign text without what a terminal would obey, but for the characters `kept`."""
    shown = (c if c in kept or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return seen("".join(shown))


def name(text: str | None) -> str:
    """Return a foreign name of bounded length, quoted where it could be taken for our own words."""
    line = one_line(text or "")
    cut = line if len(line) <= _MOST_NAME else f"{line[:_MOST_NAME]}…"
    return cut if _NAME.fullmatch(line) or not line else f"“{cut}”"


def one_line(text: str) -> str:
    """Return foreign text as one line without what cannot be seen."""
    return text if text.isascii() and text.isprintable() else printable(_SPACE.sub(" ", text), "")


def be(number: int) -> str:
    """Return the verb that goes with a count."""
    return "is" if number == 1 else "are"


def was(number: int) -> str:
    """Return the verb of the past that goes with a count."""
    return "was" if number == 1 else "were"


def stage_words(name: str) -> str:
    """Return a stage's name as in prose and figures: `nlp_to_ir` is NLP → IR, `e2e` End to end."""
    if name == "e2e":
        return "End to end"
    return " → ".join(_PARTS.get(part, readable(part)) for part in name.split("_to_"))


def readable(identifier: str) -> str:
    """Return an identifier as words."""
    return identifier.replace("_", " ")


def work_note(stage: str, seconds: float) -> str | None:
    """Warn of work in a stage's own methods that no time shows; None if it is 5 ms or less."""
    if not seconds > 0.005:
        return None
    took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    return f"prompt() and parse() of {stage} took {took}: no time of the run has that in it"
