"""What the money went to: first tries and retries, right answers and failed ones, cold, idle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import is_retry, labels
from liftlab.analysis.cost.hosting import Usage

RIGHT, RIGHT_RETRIES = "right answers, first tries", "right answers, retries"
WRONG, WRONG_RETRIES = "failed answers, first tries", "failed answers, retries"
UNJUDGED, APART = "answers not judged", "warm-up, probes and load"
COLD, IDLE = "cold starts", "idle"
_WRONG = (WRONG, WRONG_RETRIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Amounts by what they went to, in the order of the constants of this module.

    Examples
    --------
    >>> Parts(amounts={RIGHT: 6.0, WRONG_RETRIES: 2.0, IDLE: 2.0}).failures
    0.2
    """

    amounts: dict[str, float]

    @property
    def total(self) -> float:
        """The sum of all amounts."""
        return sum(self.amounts.values())

    @property
    def judged(self) -> bool:
        """Whether anything went to answers that were judged, right or failed."""
        return any(name in self.amounts for name in (RIGHT, RIGHT_RETRIES, *_WRONG))

    @property
    def failures(self) -> float:
        """Share that went to answers that failed, their retries too."""
        return self._share(*_WRONG)

    @property
    def cold(self) -> float:
        """Share that went to cold starts."""
        return self._share(COLD)

    @property
    def idle(self) -> float:
        """Share that went to containers with nothing to do."""
        return self._share(IDLE)

    def _share(self, *names: str) -> float:
        spent = sum(self.amounts.get(name, 0.0) for name in names)
        return spent / self.total if self.total > 0 else 0.0


def parts_of(attempts: pd.DataFrame, trials: pd.DataFrame, amounts: ArrayLike) -> Parts:
    """Return what the attempts' amounts, seconds or USD, went to; unknown ones are left out.

    `amounts` has one an attempt, NaN where not known.
    """
    key = ["case_id", "repeat"]
    outcome = attempts[key].merge(trials[[*key, "outcome"]], on=key, how="left")["outcome"]
    judged = outcome.map({"pass": RIGHT, "fail": WRONG, "error": WRONG}).fillna(UNJUDGED)
    again = judged.map({RIGHT: RIGHT_RETRIES, WRONG: WRONG_RETRIES}).fillna(UNJUDGED)
    name = np.where(is_retry(attempts), again, judged)
    apart = (labels(attempts, "phase") != "measure") & (labels(attempts, "phase") != None)  # noqa: E711
    name = np.where(apart | (labels(attempts, "case_id") == None), APART, name)  # noqa: E711
    summed = pd.Series(np.asarray(amounts, dtype=np.float64)).groupby(name).sum()
    order = (RIGHT, RIGHT_RETRIES, WRONG, WRONG_RETRIES, UNJUDGED, APART)
    found = {part: float(summed[part]) for part in order if summed.get(part, 0.0) > 0}
    return Parts(amounts=found)


def parts_with_idle(busy: Parts, usage: Usage) -> Parts:
    """Return one request's billed seconds by what for: busy ones as in a run, cold, and idle."""
    asked = {name: amount for name, amount in busy.amounts.items() if name != APART}
    total = sum(asked.values())
    shared = {name: usage.busy_s * amount / total for name, amount in asked.items()}
    amounts = {**shared, COLD: usage.cold_s, IDLE: usage.idle_s}
    return Parts(amounts={name: amount for name, amount in amounts.items() if amount > 0})
