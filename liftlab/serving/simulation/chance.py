"""Seeded chance that costs nothing where nothing is left to it."""

from __future__ import annotations

import random
from functools import cached_property


class Chance:
    """A source of draws; the same name gives the same draws.

    Seeding takes a tenth of a plain request's time, so it waits for the first draw.

    Examples
    --------
    >>> Chance("a", 1).share() == Chance("a", 1).share()
    True
    """

    def __init__(self, *name: object) -> None:
        self._name = name

    def share(self) -> float:
        """Draw evenly from 0 to 1."""
        return self._random.random()

    def happens(self, probability: float) -> bool:
        """Draw whether something happens; a probability of 0 draws nothing."""
        return probability > 0 and self._random.random() < probability

    def around_one(self, spread: float) -> float:
        """Draw a factor evenly within `spread` of 1; a spread of 0 draws nothing."""
        return 1.0 if spread == 0 else self._random.uniform(1 - spread, 1 + spread)

    def count(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`."""
        return low if low == high else self._random.randint(low, high)

    @cached_property
    def _random(self) -> random.Random:
        return random.Random(":".join(map(str, self._name)))
