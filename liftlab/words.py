"""Words that go with numbers."""

from __future__ import annotations


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "trial"), counted(2, "trial"), counted(2, "success", "successes")
    ('1 trial', '2 trials', '2 successes')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
