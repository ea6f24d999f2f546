"""Words that go with numbers, and words of others made fit to be read."""

from __future__ import annotations

import re

_PARTS = {"nlp": "NLP", "ir": "IR", "code": "Code"}


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "trial"), counted(2, "trial"), counted(2, "success", "successes")
    ('1 trial', '2 trials', '2 successes')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def printable(text: str, kept: str = "\n\t") -> str:
    """Return foreign text without what a terminal would obey, but for the characters `kept`."""
    return "".join(c if c in kept or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str) -> str:
    r"""Return foreign text as one line without what cannot be seen, of the same length.

    Examples
    --------
    >>> one_line("two\nlines, \u202edrawn backwards")
    'two lines, \ufffddrawn backwards'
    """
    return text if text.isprintable() else printable(re.sub(r"\s", " ", text), kept="")


def be(number: int) -> str:
    """Return the verb that goes with a count.

    Examples
    --------
    >>> be(1), be(0), be(2)
    ('is', 'are', 'are')
    """
    return "is" if number == 1 else "are"


def stage_words(name: str) -> str:
    """Return a stage's name as it is written in prose and figures.

    Examples
    --------
    >>> stage_words("nlp_to_ir"), stage_words("intent_inference"), stage_words("e2e")
    ('NLP → IR', 'intent inference', 'End to end')
    """
    if name == "e2e":
        return "End to end"
    parts = name.split("_to_")
    if len(parts) == 1:
        return _PARTS.get(name, readable(name))
    return " → ".join(_PARTS.get(part, readable(part)) for part in parts)


def readable(identifier: str) -> str:
    """Return an identifier as words."""
    return identifier.replace("_", " ")


def work_note(stage: str, seconds: float) -> str | None:
    """Warn of work in a stage's own methods that no time shows; None if it is 5 ms or less.

    Examples
    --------
    >>> work_note("ir_to_code", 1.02)
    'prompt() and parse() of ir_to_code took 1.0 s: no time of the run has that in it'
    """
    if not seconds > 0.005:
        return None
    took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    return f"prompt() and parse() of {stage} took {took}: no time of the run has that in it"
