"""pass@k: the chance that at least one of k answers to a case is right.

The estimate for a case is unbiased: 1 - C(n - c, k) / C(n, k) for c right ones of n, as a product,
so that nothing overflows (Chen et al. 2021, "Evaluating Large Language Models Trained on Code").
Cases are the sample; the number speaks for prompts like these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.input_checks import CONFIDENCE, PROMPTS
from liftlab.analysis.rates import clopper_pearson, proportion
from liftlab.analysis.success import judgeable


@dataclass(frozen=True, slots=True, kw_only=True)
class PassAtK:
    """pass@k over cases, each with the same weight."""

    k: int
    cases: int
    samples: int
    estimate: Estimate


def of_case(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate of pass@k for one case.

    `n`, `c`: answers that could be judged, and how many of them were right. `k`: how many answers
    one may try. Raises ValueError if k is not from 1 to n: with fewer answers than tries nothing
    can be said.

    Examples
    --------
    >>> [round(of_case(10, 3, k), 4) for k in (1, 5, 8)]
    [0.3, 0.9167, 1.0]
    """
    if not 0 <= c <= n:
        raise ValueError(f"{c} right of {n} answers: a count lies between 0 and n")
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} answers: k lies between 1 and the answers to a case")
    if c > n - k:
        return 1.0
    missed = 1.0
    for i in range(n - c + 1, n + 1):
        missed *= 1 - k / i
    return 1 - missed


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> PassAtK:
    """Estimate pass@k over cases, with an interval for prompts like these.

    One try is the success rate. With more the interval is exact on the effective number of cases
    that their spread shows, at most the answers there are for each of k tries. Raises ValueError if
    k is larger than the answers to some case.

    Parameters
    ----------
    n, c : (cases,)
        Judged answers to each case, and how many of them were right.
    k
        How many answers one may try.

    Examples
    --------
    >>> print(pass_at_k([1, 1, 1, 1, 1], [1, 1, 1, 1, 0], 1).estimate)
    80 % (95 % interval 28–99 %, n = 5)
    """
    answers, right = np.asarray(n, dtype=np.int64), np.asarray(c, dtype=np.int64)
    rates = np.array([of_case(int(a), int(r), k) for a, r in zip(answers, right, strict=True)])
    samples, cases = int(answers.sum()), len(answers)
    if k == 1 and len(answers):
        outcomes = np.concatenate([np.arange(a) < r for a, r in zip(answers, right, strict=True)])
        names = np.repeat(np.arange(cases), answers)
        estimate = proportion(outcomes, clusters=names)
    elif samples == cases:
        estimate = proportion(int(right.sum()), cases)
    else:
        estimate = _over_cases(rates, samples / k)
    return PassAtK(k=k, cases=cases, samples=samples, estimate=estimate)


def pass_at_k_of(trials: pd.DataFrame, k: int) -> PassAtK:
    """Estimate pass@k of a trial table: `case_id, outcome`; as `pass_at_k`."""
    known, good, _ = judgeable(trials, "pass")
    counts = (
        pd.DataFrame({"case": labels(trials, "case_id")[known], "good": good[known]})
        .groupby("case", sort=False)["good"]
        .agg(["size", "sum"])
    )
    return pass_at_k(counts["size"].to_numpy(), counts["sum"].to_numpy(), k)


def _over_cases(rates: np.ndarray, draws: float) -> Estimate:
    cases = len(rates)
    value = float(rates.mean())
    if cases == 1:
        reason = "no interval from one prompt"
        return Estimate(value=value, n=1, reason=reason, population=PROMPTS, unit="%")
    spread = float(rates.var(ddof=1))
    effective = cases * value * (1 - value) / spread if spread > 0 else float(cases)
    low, high = clopper_pearson(value, min(effective, max(draws, cases)), CONFIDENCE)
    return Estimate(
        value=value,
        low=low,
        high=high,
        n=cases,
        confidence=CONFIDENCE,
        method="Korn–Graubard over cases",
        population=PROMPTS,
        unit="%",
    )
