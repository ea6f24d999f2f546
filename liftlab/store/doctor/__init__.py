"""Look a run's folder over: what is sound, what can be made again, what is damaged.

The checks read and never write; what may be mended or removed is the caller's to do.
"""

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
