"""Rules for claims about times: figures, targets, quantiles, spread, and sums."""

from __future__ import annotations

import numpy as np

from liftlab.analysis import intervals, latency
from liftlab.analysis.claims.model import (
    POPULATIONS,
    Claim,
    Evidence,
    Ruling,
    Verdict,
)
from liftlab.analysis.claims.rows import Rows, stage_name
from liftlab.analysis.columns import floats
from liftlab.analysis.estimate import Estimate, as_set, plain, quantity
from liftlab.analysis.intervals import quantile_needs
from liftlab.analysis.plans import sample_size

SKEWED = 1.3  # a mean so many times its median is carried by few rows
POWER = 0.8
_ROUNDING = 0.0101  # seconds: two printed hundredths


def figure(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "median, or mean, of x seconds": the figure has to be of the rows that it names."""
    rows = Rows(claim.stage, evidence)
    found = rows.estimate(claim.statistic, claim.population)
    if found.value is None:
        return _not_measurable(claim, f"{found}.", rows)
    over = (
        f"{stage_name(claim.stage)}, {claim.statistic} of {POPULATIONS[claim.population]}: {found}"
    )
    plainly = rows.pooled(claim.statistic, claim.population)
    if claim.matches(found.value) or claim.matches(plainly):
        caveat, faults, note = _caveat(claim, rows)
        if not claim.matches(found.value):  # repeats of a case counted like other cases
            note += f"; {quantity(plainly, 's')} over all trials, each repeat counted"
            faults = (*faults, "repeats_as_cases")
        return Ruling(
            claim=claim,
            ruling="supported",
            why=f"{over}{note}.",
            may_say=rows.sentence()
            + (f" The {claim.statistic} is {found.point}{note}." * bool(caveat)),
            faults=faults,
            caveat=caveat,
        )
    others = [
        f"{quantity(value, 's')} is of {POPULATIONS[population]} (n = {n:,})"
        for population, value, n in rows.others(claim.statistic, claim.population)
        if claim.matches(value)
    ]
    low, high = found.low, found.high
    inside = low is not None and high is not None and low <= claim.figure <= high
    return Ruling(
        claim=claim,
        ruling="not supported" if inside and not others else "contradicted",
        why=f"{over}; {', '.join(others) or 'no other rows give the figure'}.",
        may_say=rows.sentence(),
        faults=("rows_dropped",) if others else ("wrong",),
    )


def target(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "a median under x seconds": only the whole interval decides."""
    rows = Rows(claim.stage, evidence)
    found = rows.estimate(claim.statistic, claim.population)
    judged = latency.judge(found, claim.figure, f"{claim.statistic} {stage_name(claim.stage)}")
    if judged.verdict == "not measurable":
        return _not_measurable(claim, f"{found}.", rows)
    if judged.verdict != "undecided":
        met = judged.verdict == "met"
        return Ruling(
            claim=claim,
            ruling="supported" if met else "contradicted",
            why=judged.sentence(),
            may_say=rows.sentence(),
            faults=() if met else ("wrong",),
        )
    values, cases = rows.of(claim.population)
    below = int((values < claim.figure).sum())
    share = below / len(values)
    test = intervals.proportion(values < claim.figure, clusters=cases)
    inside = "lies inside the interval" if found.has_interval else "has no interval to lie outside"
    one_sided = share in (0, 1)  # so few that not even all of them decide
    needed = 6 if one_sided else sample_size(share, against=0.5, power=POWER).trials
    return Ruling(
        claim=claim,
        ruling="not supported",
        why=(
            f"{claim.statistic} {judged.estimate}: the target of {as_set(claim.figure, 's')} "
            f"{inside}; "
            f"{below:,} of {len(values):,} are below it ({test.interval})."
        ),
        may_say=f"{rows.sentence()} Whether it meets {as_set(claim.figure, 's')} is undecided.",
        n_needed=needed,
        needed=f"independent cases, if {quantity(share, '%')} stay below,",
        faults=("interval_holds_limit",),
    )


def quantile(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "P95 is x seconds": below a known n not even a bound exists."""
    rows = Rows(claim.stage, evidence)
    values, cases = rows.of(claim.population)
    found = [
        intervals.quantile(values, q, clusters=cases).no_narrower_than(rows.off_s)
        for q in claim.quantiles
    ]
    said = "; ".join(
        f"P{plain(100 * q)}: {each}" for q, each in zip(claim.quantiles, found, strict=True)
    )
    bounded = all(each.high is not None for each in found)
    if not bounded:
        repeats = all(len(values) >= quantile_needs(q)[1] for q in claim.quantiles)
        return Ruling(
            claim=claim,
            ruling="not measurable",
            why=f"{said}.",
            may_say=rows.sentence(),
            n_needed=max(quantile_needs(q)[1] for q in claim.quantiles),
            needed="independent cases, for a bound on the highest,",
            faults=("too_few_for_quantile", *(("repeats_as_cases",) if repeats else ())),
        )
    values_known = [each.value for each in found if each.value is not None]
    fits = claim.value is None or any(claim.matches(value) for value in values_known)
    return Ruling(
        claim=claim,
        ruling="supported" if fits else "contradicted",
        why=f"{said}.",
        may_say=f"{stage_name(claim.stage)}: {said}.",
        faults=() if fits else ("wrong",),
    )


def spread(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "consistent, less than x % variance" as a coefficient of variation with its rows."""
    rows = Rows(claim.stage, evidence)
    values, cases = rows.of(claim.population)
    found = intervals.cv(values, clusters=cases)
    if found.value is None:
        return _not_measurable(claim, f"Coefficient of variation: {found}.", rows)
    limit = claim.figure
    ruling = _ruled_spread(claim, found)
    others = [
        f"{quantity(value, '%', limit=limit)} only of {POPULATIONS[population]} (n = {n:,})"
        for population, value, n in rows.others("cv", claim.population)
        if value <= limit < found.value
    ]
    across = " It is across cases: no case was repeated." if len(set(cases)) == len(cases) else ""
    why = f"Coefficient of variation of {POPULATIONS[claim.population]}: {found}"
    return Ruling(
        claim=claim,
        ruling=ruling,
        why="; ".join([why, *others]) + f".{across}",
        may_say=(
            f"{stage_name(claim.stage)} takes {quantity(float(values.min()), 's')} to "
            f"{quantity(float(values.max()), 's')}; its coefficient of variation is {found}."
        ),
        n_needed=_n_for_spread(found, limit) if ruling == "not supported" else None,
        faults=("bare_spread", "rows_dropped") if others else ("bare_spread",),
    )


def every(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "never over x seconds": one row speaks against it, and no number of them proves it."""
    rows = Rows(claim.stage, evidence)
    values, cases = rows.of(claim.population)
    n, over = len(values), int((values >= claim.figure).sum())
    if n == 0:
        return _not_measurable(claim, "Nothing was timed.", rows)
    share = intervals.proportion(values < claim.figure, clusters=cases)
    limit = as_set(claim.figure, "s")
    found = f"{n - over:,} of {n:,} took less than {limit}"
    return Ruling(
        claim=claim,
        ruling="contradicted" if over else "supported as a count only",
        why=f"{found}; the longest {quantity(float(values.max()), 's')}; {share.interval}.",
        may_say=f"{stage_name(claim.stage)}: {found}.",
        faults=("wrong",) if over else ("bare_rate",),
    )


def stage_sum(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "end to end is the sum of its stages" by the largest difference."""
    key = ["case_id", "repeat"]
    trials, stages = evidence.trials, evidence.stages
    total = stages.groupby(key)["latency_s"].sum(min_count=1).rename("stages_s")
    joined = trials[[*key, "e2e_s"]].merge(total.reset_index(), on=key, how="inner")
    apart = floats(joined, "e2e_s") - floats(joined, "stages_s")
    apart = apart[np.isfinite(apart)]
    if len(apart) == 0:
        return _not_measurable(claim, "No trial has both times.", Rows("e2e", evidence))
    largest = float(np.abs(apart).max())
    holds = largest <= (claim.value if claim.value is not None else _ROUNDING)
    why = f"Of {len(apart):,} trials the largest difference is {quantity(largest, 's')}"
    return Ruling(
        claim=claim,
        ruling="supported" if holds else "contradicted",
        why=why + (": the end-to-end time is derived, or nothing lies between." if holds else "."),
        may_say=(
            "End to end is the sum of the stages' times, not a time of its own."
            if holds
            else f"Between the stages pass up to {quantity(largest, 's')}."
        ),
        faults=("derived",) if holds else ("wrong",),
    )


def _caveat(claim: Claim, rows: Rows) -> tuple[str, tuple[str, ...], str]:
    """Return what has to be said with a figure that is right, as caveat, faults and numbers."""
    median = rows.estimate("median", claim.population)
    values, _ = rows.of(claim.population)
    everyone, _ = rows.of("all")
    notes, caveat = "", ""
    faults: list[str] = []
    if claim.statistic == "mean" and median.value is not None:
        mean = float(values.mean())
        if mean > SKEWED * median.value:
            share = plain(100 * float(values.max() / values.sum()), 2)
            notes += f"; one value holds {share} % of the sum; the median is {median.point}"
            caveat = "misleading alone"
            faults.append("skewed_mean")
    if len(values) < len(everyone):
        whole = rows.estimate(claim.statistic, "all")
        notes += f"; with the {len(everyone) - len(values):,} left out {whole.point}"
        faults.append("rows_dropped")
    return caveat, tuple(faults), notes


def _not_measurable(claim: Claim, why: str, rows: Rows) -> Ruling:
    return Ruling(claim=claim, ruling="not measurable", why=why, may_say=rows.sentence())


def _n_for_spread(found: Estimate, limit: float) -> int | None:
    """Return the n at which the interval of a CV no longer holds the limit, widths as 1/√n."""
    point = found.value
    end = found.high if point is not None and point <= limit else found.low
    if point is None or end is None or point == limit:
        return None
    return max(found.n + 1, int(np.ceil(found.n * ((end - point) / (limit - point)) ** 2)))


def _ruled_spread(claim: Claim, found: Estimate) -> Verdict:
    """Rule a coefficient of variation given as a figure ("14.6 %") or as a limit ("< 15 %")."""
    low, high = found.low or 0.0, found.high
    if claim.decimals is not None and found.value is not None:
        if claim.matches(found.value):
            return "supported"
        beyond = high is not None and claim.figure > high
        return "contradicted" if beyond or claim.figure < low else "not supported"
    if high is not None and high <= claim.figure:
        return "supported"
    return "contradicted" if low > claim.figure else "not supported"
