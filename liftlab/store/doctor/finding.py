"""What one check of a run's folder found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["sound", "note", "mended", "damaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a diagnosis.

    Parameters
    ----------
    check
        What was looked at, in a word.
    state
        `sound`; `note`, worth knowing and no fault; `mended`; or `damaged`.
    text
        What was found.
    advice
        What a person can do about it; None where there is nothing to do.
    """

    check: str
    state: State
    text: str
    advice: str | None = None


def some(names: list[str], most: int = 3) -> str:
    """Name the first of many things, and how many more there are.

    Examples
    --------
    >>> some(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
