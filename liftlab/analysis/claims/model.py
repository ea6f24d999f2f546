"""What a claim says, what it is judged by, and what a ruling holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import pandas as pd

from liftlab.analysis.success import Measure

if TYPE_CHECKING:
    from liftlab.store import RunData

Metric = Literal[
    "success_rate",
    "success_target",
    "works",
    "latency",
    "latency_target",
    "every",
    "quantile",
    "spread",
    "change",
    "cold_start",
    "explained",
    "sum",
    "association",
    "forecast",
    "cost",
]
SHARES: tuple[Metric, ...] = ("success_rate", "success_target", "spread")
Population = Literal["all", "ok", "completed"]
Statistic = Literal["median", "mean"]
Verdict = Literal[
    "supported", "supported as a count only", "not supported", "contradicted", "not measurable"
]

POPULATIONS: dict[Population, str] = {
    "all": "all that ended, failures too",
    "ok": "those where the stage succeeded",
    "completed": "those where every stage succeeded",
}
# What is wrong with the way a claim is put, whatever the numbers are.
FAULTS = {
    "bare_rate": "a rate without n or interval",
    "too_few_for_quantile": "a quantile beyond what n carries",
    "bare_spread": "consistency without a coefficient of variation, its interval and its rows",
    "rows_dropped": "a summary of fewer rows than the table has",
    "skewed_mean": "a mean far over the median, without the outlier",
    "single_runs": "a comparison of fewer than two runs an arm, or of unlike cases",
    "uncorrected": "several comparisons, and no word of a correction for that",
    "repeats_as_cases": "repeats of a case counted as if they were other cases",
    "interval_holds_limit": "a target inside the interval",
    "read_while_collecting": "a fixed-n interval read while trials come in",
    "unexplained_rest": "explained, with a fifth or more unexplained",
    "derived": "a derived time shown as a measured one",
    "no_start_span": "cold against warm without a start span",
    "partial_cost": "a cost that leaves out what is billed",
    "point_forecast": "a forecast as one number",
    "one_event": "a pattern seen in too few events to be one",
    "wrong": "not what the data say",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two figures that a claim sets against each other, as published, in seconds.

    Parameters
    ----------
    value_s, baseline_s
        The newer figure, and what it is compared with.
    n, baseline_n
        Runs behind each.
    value_is, baseline_is
        What each is of, in words.
    same_cases
        Whether both are of the same cases.
    """

    value_s: float
    baseline_s: float
    n: int
    baseline_n: int
    value_is: str
    baseline_is: str
    same_cases: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim as data; which fields it has depends on its metric.

    Parameters
    ----------
    id
        Its name in a list of claims.
    statement
        What is claimed, in its own words.
    metric
        What kind of claim it is: this picks the rule.
    value
        The claimed figure or limit: a fraction, seconds or USD.
    decimals
        Decimals to which the figure was given, so how far it may be off; those of `value` as it
        is written if None.
    population
        The rows that a reader takes it to be about.
    stage
        A stage, or "e2e".
    statistic
        What the figure is of those rows.
    measures
        What counts as a success; a claim is ruled by each.
    cases
        The cases that it names; empty for all.
    quantiles
        The quantiles that it names.
    cause
        What it says explains an outlier.
    price
        The price id that the cost is judged by.
    ranges
        Of a forecast: the seconds that each addition takes, from and to.
    comparison
        Figures that it sets against each other.
    source
        Where it was said; "expected" for what readers will say next.
    """

    id: str
    statement: str
    metric: Metric
    value: float | None = None
    decimals: int | None = None
    population: Population = "all"
    stage: str = "e2e"
    statistic: Statistic = "median"
    measures: tuple[Measure, ...] = ("pass",)
    cases: tuple[str, ...] = ()
    quantiles: tuple[float, ...] = ()
    cause: str = ""
    price: str = ""
    ranges: tuple[tuple[float, float], ...] = ()
    comparison: Comparison | None = None
    source: str = ""

    @property
    def figure(self) -> float:
        """The claimed value; a claim whose rule needs one has one."""
        if self.value is None:
            raise ValueError(f"claim {self.id}: {self.metric} needs a value")
        return self.value

    def matches(self, computed: float) -> bool:
        """Whether a computed value is the claimed one, to the decimals it was given with."""
        decimals = _decimals(self.figure) if self.decimals is None else self.decimals
        if self.metric in SHARES:
            decimals = max(decimals, 2)  # 0.8 is 80 %
        half = 0.5 * 10.0**-decimals
        return abs(computed - self.figure) <= half * (1 + 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """The tables of one run that claims are ruled by, and how far off its times may be.

    `limit_s` is the target of the median end to end, which no figure is rounded onto.
    """

    trials: pd.DataFrame
    stages: pd.DataFrame
    attempts: pd.DataFrame
    costs: pd.DataFrame
    off_s: float | None = None
    limit_s: float | None = None

    @classmethod
    def of(cls, run: RunData, limit_s: float | None = None) -> Evidence:
        """Take the tables of an opened run."""
        return cls(
            trials=run.trials,
            stages=run.stages,
            attempts=run.attempts,
            costs=run.costs,
            off_s=run.run.timing_uncertainty_s,
            limit_s=limit_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the data let anyone say of a claim.

    Parameters
    ----------
    claim
        The claim.
    measure
        What counted as a success; empty where that does not matter.
    ruling
        One of five.
    why
        The numbers that it rests on.
    may_say
        A sentence that the data carry, to be used instead.
    n_needed
        How many would settle it; None where more of the same would not, or where nothing is
        left to settle.
    needed
        What they are, and on what condition.
    faults
        Names from `FAULTS`: what is wrong with the way it is put.
    caveat
        What has to be said with it even where it is supported.
    """

    claim: Claim
    ruling: Verdict
    why: str
    may_say: str
    measure: Measure | Literal[""] = ""
    n_needed: int | None = None
    needed: str = "independent trials"
    faults: tuple[str, ...] = ()
    caveat: str = ""

    def __post_init__(self) -> None:
        """Begin each sentence as a sentence."""
        for name in ("why", "may_say"):
            text: str = getattr(self, name)
            object.__setattr__(self, name, text[:1].upper() + text[1:])

    def as_json(self) -> dict[str, object]:
        """Return the ruling for scripts."""
        return {
            "id": self.claim.id,
            "statement": self.claim.statement,
            "metric": self.claim.metric,
            "source": self.claim.source,
            "measure": self.measure or None,
            "ruling": self.ruling,
            "caveat": self.caveat or None,
            "why": self.why,
            "may_say": self.may_say,
            "n_needed": self.n_needed,
            "needed": self.needed if self.n_needed else None,
            "faults": list(self.faults),
        }

    def sentence(self) -> str:
        """Say the claim, the ruling, why, and what may be said."""
        on = f" (by {self.measure})" if self.measure else ""
        tail = f", {self.caveat}" if self.caveat else ""
        needs = f" {self.n_needed:,} {self.needed} would settle it." if self.n_needed else ""
        return (
            f"{self.claim.id}, “{self.claim.statement}”{on}: {self.ruling}{tail}. "
            f"{self.why}{needs} Say: {self.may_say}"
        )

    def __str__(self) -> str:
        return self.sentence()


def listing(names: Sequence[str], most: int = 5) -> str:
    """Write names with commas, and how many more there are.

    Examples
    --------
    >>> listing(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    said = ", ".join(names[:most])
    return said if len(names) <= most else f"{said} and {len(names) - most:,} more"


def _decimals(value: float) -> int:
    """Return how many decimals a figure was given with.

    Examples
    --------
    >>> _decimals(14.9), _decimals(0.0034), _decimals(15)
    (1, 4, 0)
    """
    exponent = Decimal(str(value)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
