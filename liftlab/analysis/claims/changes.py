"""Rules for claims about why and whether things differ: faster, cold, explained, goes with."""

from __future__ import annotations

import math

import numpy as np
from scipy import special, stats

from liftlab.analysis.claims.model import Claim, Comparison, Evidence, Ruling, Verdict, listing
from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.estimate import plain, quantity, span
from liftlab.analysis.slow_steps import LEAST, MOSTLY, slow_steps
from liftlab.analysis.slow_words import CAUSE_WORDS, step_words

ALPHA, POWER = 0.05, 0.8
ASSUMED_CVS = (0.05, 0.10, 0.20, 0.35)  # of repeats, where nobody measured it: good to bad
_MOST = 10_000
_TOLD = 3  # slow rows, the worst first


def change(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "x % faster than" between published figures: single runs carry no difference."""
    del evidence  # both figures are the claim's own, and marked as published
    return _compared(claim, _comparison(claim), extra="", faults=())


def cold_start(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "cold against warm": as any change, and the start has to have been seen."""
    seen = np.isfinite(floats(evidence.attempts, "cold_s")).any()
    extra = "" if seen else " No start span was recorded: that the call was cold is not known."
    faults = () if seen else ("no_start_span",)
    return _compared(claim, _comparison(claim), extra=extra, faults=faults)


def explained(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "the outlier is explained by x": x has to hold most of the excess."""
    slow = slow_steps(evidence.trials, evidence.stages, evidence.attempts)
    found = list(slow) if claim.stage == "e2e" else [s for s in slow if s.stage == claim.stage]
    if not found:
        return Ruling(
            claim=claim,
            ruling="not measurable",
            why="No step of this stage is slow: there is nothing to explain.",
            may_say="No slow step was found.",
        )
    cause = claim.cause or "retry"
    name = CAUSE_WORDS.get(cause, cause)
    shares = [step.seconds(cause) / step.excess_s for step in found]
    said = [
        f"{step.case_id} {quantity(round(share, 2), '%')}"
        for step, share in zip(found, shares, strict=True)
    ]
    least, most = min(shares), max(shares)
    ruling: Verdict = "not supported"
    if least >= MOSTLY:
        ruling = "supported"
    elif most <= LEAST:
        ruling = "contradicted"
    return Ruling(
        claim=claim,
        ruling=ruling,
        why=f"Share of the excess that {name} accounts for: {listing(said)}.",
        may_say="By row: " + " ".join(step_words(step) for step in found[:_TOLD]),
        faults=() if ruling == "supported" else ("unexplained_rest",),
    )


def association(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "fast, or slow, goes with failure" by an exact rank test, where one can be made."""
    seconds, failed = _with_failure(claim, evidence)
    n, failures = len(seconds), int(failed.sum())
    smallest = _smallest_p(n, failures)
    if smallest > ALPHA:
        share = failures / n if n else 0.0
        return Ruling(
            claim=claim,
            ruling="not measurable",
            why=(
                f"{failures:,} failed of {n:,}: whatever the times, no test can give less than "
                f"p = {plain(smallest, 2)}."
            ),
            may_say=f"{failures:,} of {n:,} failed; nothing can be said of what goes with it.",
            n_needed=_n_for_ranks(share) if 0 < share < 1 else None,
            faults=("one_event",),
        )
    test = stats.mannwhitneyu(seconds[failed], seconds[~failed])
    level = float(test.pvalue)
    direction = "faster" if np.median(seconds[failed]) < np.median(seconds[~failed]) else "slower"
    sure = level <= ALPHA
    return Ruling(
        claim=claim,
        ruling="supported" if sure else "not supported",
        why=f"Rank test of {failures:,} failed against {n - failures:,}: p = {plain(level, 2)}.",
        may_say=(
            f"What failed was {direction} in this stage (p = {plain(level, 2)}), which is no cause."
            if sure
            else "Times of what failed cannot be told from the others'."
        ),
        n_needed=None if sure else _n_for_rank_test(float(test.statistic), n, failures),
        needed="independent trials, if the order stays as it is,",
        faults=() if sure else ("one_event",),
    )


def runs_an_arm(ratio: float, cv: float) -> int | None:
    """Return the runs an arm that show a ratio of times, if repeats vary by a CV.

    Two-sided t test of ln seconds at 5 %, power 80 %; None if no number that can be run does.

    Examples
    --------
    >>> runs_an_arm(14.9 / 15.3, 0.05), runs_an_arm(14.9 / 21.7, 0.05)
    (57, 2)
    """
    effect = abs(math.log(ratio)) / _sigma(cv)
    if effect == 0:
        return None
    needed = (stats.norm.isf(ALPHA / 2) + stats.norm.ppf(POWER)) / effect
    n = max(2, math.floor(2 * float(needed) ** 2))
    while n <= _MOST:
        freedom = 2 * n - 2
        limit = float(stats.t.isf(ALPHA / 2, freedom))
        if stats.nct.sf(limit, freedom, effect * math.sqrt(n / 2)) >= POWER:
            return n
        n += 1
    return None


def _compared(claim: Claim, pair: Comparison, *, extra: str, faults: tuple[str, ...]) -> Ruling:
    ratio = pair.value_s / pair.baseline_s
    needed = runs_an_arm(ratio, ASSUMED_CVS[0])
    figures = (
        f"{pair.value_is} {quantity(pair.value_s, 's')} (n = {pair.n:,}) against "
        f"{pair.baseline_is} {quantity(pair.baseline_s, 's')} (n = {pair.baseline_n:,})"
    )
    unlike = "" if pair.same_cases else ", on other cases"
    single = min(pair.n, pair.baseline_n) < 2
    if single or not pair.same_cases:
        faults = ("single_runs", *faults)
    if not single and pair.same_cases:
        needs = " Their single values are needed: compare the runs."
    else:
        needs = f" If repeats varied by a CV of {_scenarios(ratio, pair)}; nobody measured it."
    return Ruling(
        claim=claim,
        ruling="not supported",
        why=(
            f"As published: {figures}{unlike}: ratio {plain(ratio, 3)}, and no estimate of the "
            f"variance between runs.{needs}{extra}"
        ),
        may_say=f"{figures[0].upper()}{figures[1:]}{unlike}: too few runs to call it a change.",
        n_needed=needed,
        needed=f"runs an arm of the same cases, at a CV of {quantity(ASSUMED_CVS[0], '%')},",
        faults=faults,
    )


def _scenarios(ratio: float, pair: Comparison) -> str:
    """Say what the ratio would be worth if repeats varied little, or much."""
    said = []
    for cv in ASSUMED_CVS:
        error = _sigma(cv) * math.sqrt(1 / pair.n + 1 / pair.baseline_n)
        half = float(stats.norm.isf(ALPHA / 2)) * error
        low, high = ratio * math.exp(-half), ratio * math.exp(half)
        level = 2 * float(stats.norm.sf(abs(math.log(ratio)) / error))
        said.append(f"{quantity(cv, '%')} it would be {_ratios(low, high)} (p {_p(level)})")
    return ", ".join(said)


def _p(level: float) -> str:
    return "< 0.001" if level < 0.001 else f"= {level:.3f}" if level < 0.1 else f"= {level:.2f}"


def _ratios(low: float, high: float) -> str:
    return span(round(low, 2), round(high, 2))


def _sigma(cv: float) -> float:
    """Return the standard deviation of ln seconds for a coefficient of variation."""
    return math.sqrt(math.log1p(cv * cv))


def _comparison(claim: Claim) -> Comparison:
    if claim.comparison is None:
        raise ValueError(f"claim {claim.id}: {claim.metric} needs a comparison")
    return claim.comparison


def _with_failure(claim: Claim, evidence: Evidence) -> tuple[Floats, Bools]:
    trials, stages = evidence.trials, evidence.stages
    done = trials[is_true(trials, "completed")]
    completed = set(zip(labels(done, "case_id"), floats(done, "repeat"), strict=True))
    frame = stages[stages["stage"] == claim.stage]
    keys = zip(labels(frame, "case_id"), floats(frame, "repeat"), strict=True)
    failed = np.array([key not in completed for key in keys], dtype=np.bool_)
    seconds = floats(frame, "latency_s")
    first = ~frame.duplicated("case_id").to_numpy()  # repeats of a case are not independent
    kept = np.isfinite(seconds) & first
    return seconds[kept], failed[kept]


def _smallest_p(n: int, failures: int) -> float:
    """Return the smallest two-sided p that an exact rank test of such groups can give."""
    return min(1.0, 2 / float(special.comb(n, failures)))


def _n_for_ranks(share: float) -> int | None:
    for n in range(2, _MOST):
        if _smallest_p(n, math.floor(share * n + 1e-9)) <= ALPHA:
            return n
    return None


def _n_for_rank_test(statistic: float, n: int, failures: int) -> int | None:
    """Return the n that shows the observed order at power 80 % (Noether 1987, JASA 82)."""
    share = failures / n
    off = abs(statistic / (failures * (n - failures)) - 0.5)
    z = float(stats.norm.isf(ALPHA / 2) + stats.norm.ppf(POWER))
    needed = z * z / (12 * share * (1 - share) * off * off) if off > 0 else math.inf
    return max(n + 1, math.ceil(needed)) if needed <= _MOST else None
