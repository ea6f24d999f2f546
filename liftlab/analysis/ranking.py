"""Which of several runs is best, and is it really? All pairs, corrected together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from liftlab.analysis.columns import Floats
from liftlab.analysis.compare import SuccessChange, Tables, success
from liftlab.analysis.latency import time_end_to_end
from liftlab.analysis.paired import Change, holm_levels, interval_levels, times, together

Quantity = Literal["success", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two of the runs, by their places: what changed from the first to the second."""

    first: int
    second: int
    success: SuccessChange
    time: Change

    def winner(self, quantity: Quantity) -> int | None:
        """Return the place of the better run; None where the data cannot tell."""
        if quantity == "success":
            order = {"better": self.second, "worse": self.first}
            return order.get(self.success.verdict)
        return {"faster": self.second, "slower": self.first}.get(self.time.verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Every pair of k runs, over the cases that both have.

    `count`: how many runs there are. `pairs`: verdicts and intervals hold together, over all pairs
    and over success and times.
    """

    count: int
    pairs: tuple[Pair, ...]

    def places(self, quantity: Quantity) -> list[tuple[int, int]]:
        """Return by run the best and the worst place that the data leave open, from 1.

        Examples
        --------
        >>> Ranking(count=2, pairs=()).places("success")
        [(1, 2), (1, 2)]
        """
        ahead, behind = [0] * self.count, [0] * self.count
        for pair in self.pairs:
            winner = pair.winner(quantity)
            if winner is not None:
                ahead[winner] += 1
                behind[pair.first + pair.second - winner] += 1
        return [(1 + behind[run], self.count - ahead[run]) for run in range(self.count)]


def rank(runs: Sequence[Tables]) -> Ranking:
    """Compare every pair of runs in success and in time end to end.

    Holm's correction (1979, Scand. J. Statistics 6) over all of these comparisons: whichever
    run turns out best may then be called better than another, though it was picked for it.

    `runs`: the runs, two or more.

    Returns
    -------
    Ranking
        Places are those of `runs`.
    """
    places = list(itertools.combinations(range(len(runs)), 2))
    timed = [_timed(run) for run in runs]
    rates = [success(runs[first].trials, runs[second].trials) for first, second in places]
    changes = [times(*timed[first], *timed[second]) for first, second in places]
    tested = [rate.p for rate in rates if rate.p is not None]
    levels = tested + [change.p for change in changes if change.p is not None]
    corrected = zip(holm_levels(levels), interval_levels(levels), strict=True)
    judged = [
        rate if rate.p is None else _at(runs[first], runs[second], *next(corrected))
        for (first, second), rate in zip(places, rates, strict=True)
    ]
    pairs = zip(places, judged, together(changes, tested), strict=True)
    return Ranking(
        count=len(runs),
        pairs=tuple(
            Pair(first=first, second=second, success=rate, time=change)
            for (first, second), rate, change in pairs
        ),
    )


def _at(first: Tables, second: Tables, p: float, miss: float) -> SuccessChange:
    """Compare success with an interval that may miss so often, and a corrected p."""
    return replace(success(first.trials, second.trials, miss=miss), p=p)


def _timed(run: Tables) -> tuple[Floats, Any]:
    timed = time_end_to_end(run.trials, stages=run.stages)
    return np.where(timed.given_up, np.inf, timed.seconds), timed.cases
