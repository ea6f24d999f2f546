"""The levels of a capacity run: which repeats of its cases are sent at which concurrency.

A visit to a level asks the whole suite as often as the level needs. Repeats are numbered so that
visit and level follow from a trial's own number: no table has to say them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection
from functools import cached_property
from itertools import accumulate, pairwise

from pydantic import BaseModel, ConfigDict, Field

PER_PLACE = 8  # requests of a visit for each that is under way: the first fill the endpoint
MOST_AT_ONCE = 1_000
SHARES = {"e2e_median_s": 0.5, "e2e_p90_s": 0.9, "e2e_p95_s": 0.95, "e2e_p99_s": 0.99}
_CLOSE = 1.1  # levels that are no further apart are not looked between


class CapacityPlan(BaseModel):
    """What a capacity run asks for.

    `levels` are how many requests are under way, from few to many; between them a run may add
    more. Each is visited `visits` times at most. The objective is that `metric`, a quantile of end
    to end as in `e2e_p95_s`, is within `limit_s`.

    Examples
    --------
    >>> plan = CapacityPlan(levels=(1, 2, 8), visits=3, cases=20, metric="e2e_p95_s", limit_s=15)
    >>> list(plan.repeats(1, 8)), plan.place(plan.repeats(2, 8)[-1])
    ([15, 16, 17, 18], (2, 8))
    """

    model_config = ConfigDict(frozen=True)

    levels: tuple[int, ...] = Field(min_length=1)
    visits: int = Field(ge=1)
    cases: int = Field(ge=1)
    metric: str
    limit_s: float = Field(gt=0)

    @property
    def share(self) -> float:
        """The share of requests that the objective wants within its limit."""
        return SHARES[self.metric]

    def rounds(self, level: int) -> int:
        """Return how often a visit to a level asks each case."""
        return math.ceil(PER_PLACE * level / self.cases)

    def repeats(self, visit: int, level: int) -> range:
        """Return the numbers of a visit's repeats; visits count from 1."""
        first = (visit - 1) * self._starts[-1] + self._starts[level - 1] + 1
        return range(first, first + self.rounds(level))

    def place(self, repeat: int) -> tuple[int, int]:
        """Return the visit and the level of a repeat."""
        visit, rest = divmod(repeat - 1, self._starts[-1])
        return visit + 1, bisect_right(self._starts, rest)

    @cached_property
    def _starts(self) -> list[int]:
        """Where in a round of visits the repeats of each concurrency begin, used or not."""
        every = range(1, self.levels[-1] + 1)
        return list(accumulate(map(self.rounds, every), initial=0))


def between(low: float, high: float, known: Collection[int]) -> int | None:
    """Return a level between the known two that hold most of a range; None if they are close."""

    def held(gap: tuple[int, int]) -> float:
        return math.log(max(min(gap[1], high), 1) / max(gap[0], low, 1))

    below, above = max(pairwise(sorted(known)), key=held, default=(1, 1))
    return None if above <= _CLOSE * below or above - below < 2 else (below + above) // 2
