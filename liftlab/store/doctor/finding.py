"""What one check of a run's folder found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["sound", "note", "mended", "damaged"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diagnosis; `advice` is what a person can do, None where there is nothing.

    A `note` is worth knowing and no fault.
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
