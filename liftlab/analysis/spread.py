"""How much a number differs between runs that are alike."""

from __future__ import annotations

from dataclasses import dataclass

RUNS_NEEDED = 5  # comparable runs, before their spread is worth using


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much a number differs between runs that are alike in everything that is recorded.

    Parameters
    ----------
    sd
        Standard deviation: of ln values for times and costs, of the shares themselves for rates.
    runs
        How many runs it was estimated from.
    """

    sd: float
    runs: int

    @property
    def enough(self) -> bool:
        """Whether a verdict may rest on it."""
        return self.runs >= RUNS_NEEDED

    def half_width(self, confidence: float = 0.95) -> float:
        """Return how far one run may lie from where runs lie, by Student's t."""
        from scipy import stats  # the history is listed without it, in half the time

        return float(stats.t.ppf((1 + confidence) / 2, self.runs - 1)) * self.sd
