"""Rules for claims about times: figures, targets, quantiles, spread, and sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from liftlab.analysis import intervals, latency
from liftlab.analysis.claims.model import (
    POPULATIONS,
    Claim,
    Evidence,
    Population,
    Ruling,
    Statistic,
    Verdict,
)
from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.estimate import Estimate, plain, quantity
from liftlab.analysis.intervals import quantile_needs
from liftlab.analysis.plans import sample_size
from liftlab.analysis.rates import per_success

SKEWED = 1.3  # a mean so many times its median is carried by few rows
POWER = 0.8
_INITIALS = ("nlp", "ir")
_ROUNDING = 0.0101  # seconds: two printed hundredths


def figure(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "median, or mean, of x seconds": the figure has to be of the rows that it names."""
    rows = _Rows(claim.stage, evidence)
    found = rows.estimate(claim.statistic, claim.population)
    if found.value is None:
        return _not_measurable(claim, f"{found}.", rows)
    over = f"{_name(claim.stage)}, {claim.statistic} of {POPULATIONS[claim.population]}: {found}"
    if claim.matches(found.value):
        caveat, faults, note = _caveat(claim, rows)
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
    rows = _Rows(claim.stage, evidence)
    found = rows.estimate(claim.statistic, claim.population)
    judged = latency.judge(found, claim.figure, f"{claim.statistic} {_name(claim.stage)}")
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
            f"{claim.statistic} {found}: the target of {quantity(claim.figure, 's')} {inside}; "
            f"{below:,} of {len(values):,} are below it ({test.interval})."
        ),
        may_say=f"{rows.sentence()} Whether it meets {quantity(claim.figure, 's')} is undecided.",
        n_needed=needed,
        needed=f"independent cases, if {quantity(share, '%')} stay below,",
        faults=("interval_holds_limit",),
    )


def quantile(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "P95 is x seconds": below a known n not even a bound exists."""
    rows = _Rows(claim.stage, evidence)
    values, cases = rows.of(claim.population)
    found = [intervals.quantile(values, q, clusters=cases) for q in claim.quantiles]
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
        may_say=f"{_name(claim.stage)}: {said}.",
        faults=() if fits else ("wrong",),
    )


def spread(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "consistent, less than x % variance" as a coefficient of variation with its rows."""
    rows = _Rows(claim.stage, evidence)
    values, cases = rows.of(claim.population)
    found = intervals.cv(values, clusters=cases)
    if found.value is None:
        return _not_measurable(claim, f"Coefficient of variation: {found}.", rows)
    limit = claim.figure
    low, high = found.low or 0.0, found.high
    ruling: Verdict = "not supported"
    if high is not None and high <= limit:
        ruling = "supported"
    elif low > limit:
        ruling = "contradicted"
    others = [
        f"{quantity(value, '%')} only of {POPULATIONS[population]} (n = {n:,})"
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
            f"{_name(claim.stage)} takes {quantity(float(values.min()), 's')} to "
            f"{quantity(float(values.max()), 's')}; its coefficient of variation is {found}."
        ),
        n_needed=_n_for_spread(found, limit) if ruling == "not supported" else None,
        faults=("bare_spread", "rows_dropped") if others else ("bare_spread",),
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
        return _not_measurable(claim, "No trial has both times.", _Rows("e2e", evidence))
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


class _Rows:
    """The times of a stage, or end to end, and which populations they belong to."""

    def __init__(self, stage: str, evidence: Evidence) -> None:
        self.stage = stage
        trials, stages = evidence.trials, evidence.stages
        self.trials = trials
        frame = trials if stage == "e2e" else stages[stages["stage"] == stage]
        self.seconds = floats(frame, "e2e_s" if stage == "e2e" else "latency_s")
        self.cases = labels(frame, "case_id").astype(str)
        self.ok = is_true(frame, "completed" if stage == "e2e" else "ok")
        done = trials[is_true(trials, "completed")]
        completed = set(zip(labels(done, "case_id"), floats(done, "repeat"), strict=True))
        keys = zip(labels(frame, "case_id"), floats(frame, "repeat"), strict=True)
        self.completed = np.array([key in completed for key in keys], dtype=np.bool_)

    def of(self, population: Population) -> tuple[Floats, list[str]]:
        """Return the times of a population, and their cases."""
        chosen: dict[Population, Bools] = {
            "all": np.ones(len(self.ok), dtype=np.bool_),
            "ok": self.ok,
            "completed": self.completed,
        }
        kept = chosen[population] & np.isfinite(self.seconds)
        return self.seconds[kept], [str(case) for case in self.cases[kept]]

    def estimate(self, statistic: Statistic | Literal["cv"], population: Population) -> Estimate:
        """Estimate a statistic of a population; repeats of a case share one value."""
        kernel = {"median": intervals.median, "mean": intervals.mean, "cv": intervals.cv}
        values, cases = self.of(population)
        return kernel[statistic](values, clusters=cases)

    def others(
        self, statistic: Statistic | Literal["cv"], population: Population
    ) -> Iterator[tuple[Population, float, int]]:
        """Yield the statistic of every other population that has other rows."""
        sizes = {len(self.of(population)[0])}
        for name in POPULATIONS:
            values, _ = self.of(name)
            found = self.estimate(statistic, name)
            if found.value is not None and len(values) not in sizes:
                sizes.add(len(values))
                yield name, found.value, found.n

    def sentence(self) -> str:
        """Say the median of all rows; end to end also the mean and what one success takes."""
        values, _ = self.of("all")
        n = len(values)
        if n == 0:
            return f"{_name(self.stage)} was not timed."
        said = f"{_name(self.stage)}: median {self.estimate('median', 'all')}, {POPULATIONS['all']}"
        if int(self.ok.sum()) < n:
            some = self.estimate("median", "ok")
            said += f"; {some.point} of the {int(self.ok.sum()):,} that succeeded"
        if self.stage == "e2e":
            kept = np.isfinite(self.seconds)
            each = per_success(self.seconds[kept], self.ok[kept])
            said += f"; mean {self.estimate('mean', 'all').point}"
            said += f", {each.point} for each success" if each.value is not None else ""
        return f"{said}."


def _caveat(claim: Claim, rows: _Rows) -> tuple[str, tuple[str, ...], str]:
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


def _not_measurable(claim: Claim, why: str, rows: _Rows) -> Ruling:
    return Ruling(claim=claim, ruling="not measurable", why=why, may_say=rows.sentence())


def _n_for_spread(found: Estimate, limit: float) -> int | None:
    """Return the n at which the interval of a CV no longer holds the limit, widths as 1/√n."""
    point = found.value
    end = found.high if point is not None and point <= limit else found.low
    if point is None or end is None or point == limit:
        return None
    return max(found.n + 1, int(np.ceil(found.n * ((end - point) / (limit - point)) ** 2)))


def _name(stage: str) -> str:
    """Write a stage's name for people: `nlp_to_ir` is "NLP to IR"."""
    if stage == "e2e":
        return "end to end"
    return " ".join(word.upper() if word in _INITIALS else word for word in stage.split("_"))
