"""What the money went to: first tries and retries, right answers and failed ones, cold, idle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import coded, is_one_of, is_retry
from liftlab.analysis.cost.hosting import Usage
from liftlab.store.by_column import places

RIGHT, RIGHT_RETRIES = "right answers, first tries", "right answers, retries"
WRONG, WRONG_RETRIES = "failed answers, first tries", "failed answers, retries"
UNJUDGED, APART = "answers not judged", "warm-up, probes and load"
COLD, IDLE = "cold starts", "idle"
_WRONG = (WRONG, WRONG_RETRIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Amounts by what they went to, in the order of the constants of this module."""

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
    """Return what the attempts' amounts, seconds or USD, went to; NaN, unknown, is left out."""
    spent, again = np.nan_to_num(np.asarray(amounts, dtype=np.float64)), is_retry(attempts)
    right, wrong = (is_one_of(trials, "outcome", names) for names in (["pass"], ["fail", "error"]))
    place = places(attempts, trials)  # -1 takes what is appended
    right, wrong = (np.append(flags, False)[place] for flags in (right, wrong))
    numbers, phases = coded(attempts, "phase")
    apart = np.array([name not in ("measure", None) for name in phases])[numbers]
    apart |= coded(attempts, "case_id")[0] < 0
    which = {
        RIGHT: right & ~again,
        RIGHT_RETRIES: right & again,
        WRONG: wrong & ~again,
        WRONG_RETRIES: wrong & again,
        UNJUDGED: ~right & ~wrong,
    }
    found = {part: float(spent[chosen & ~apart].sum()) for part, chosen in which.items()}
    found[APART] = float(spent[apart].sum())
    return Parts(amounts={part: amount for part, amount in found.items() if amount > 0})


def parts_with_idle(busy: Parts, usage: Usage) -> Parts:
    """Return one request's billed seconds by what for: busy ones as in a run, cold, and idle."""
    asked = {name: amount for name, amount in busy.amounts.items() if name != APART}
    total = sum(asked.values())
    shared = {name: usage.busy_s * amount / total for name, amount in asked.items()}
    amounts = {**shared, COLD: usage.cold_s, IDLE: usage.idle_s}
    return Parts(amounts={name: amount for name, amount in amounts.items() if amount > 0})
