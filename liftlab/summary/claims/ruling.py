"""Rule claims by a run's summary: by the very figure, interval and verdict that its pages print."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from liftlab.analysis.columns import labels
from liftlab.analysis.estimate import Estimate, as_set, quantity, span
from liftlab.analysis.slow_steps import LEAST, MOSTLY
from liftlab.analysis.targets import judge
from liftlab.summary.claims.model import (
    ALONE,
    NUMBERS,
    PLANNED,
    Claim,
    Other,
    Quantity,
    Ruling,
    Verdict,
    counts,
    estimate,
    number,
)
from liftlab.words import be, counted, readable, stage_words

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary

NARROW = 0.10  # half width from which a rate speaks for more than its own count
SKEWED = 1.3  # a mean so many times its median is carried by few rows
_IN_TEN = 10
_ROUNDING_S = 0.0101  # two printed hundredths
_JUDGED_BY_COUNT = ("error_rate", "prompts_tested")
_VERDICTS: dict[str, Verdict] = {
    "met": "supported",
    "not met": "contradicted",
    "undecided": "not supported",
    "not measurable": "not measurable",
}
_SAYS: dict[Verdict, str] = {  # of the measured value, in words that read well for a target, too
    "supported": "agrees with the statement",
    "contradicted": "disagrees with the statement",
    "not supported": "leaves the statement open",
}


def rule(claim: Claim, summary: RunSummary) -> Ruling:
    """Rule one claim by the summary of a run."""
    if not isinstance(claim.what, Quantity):
        return _OTHERS[claim.what](claim, summary)
    if claim.what.metric in NUMBERS:
        return _number(claim, claim.what, number(summary, claim.what))
    return _estimated(claim, claim.what, summary)


def _estimated(claim: Claim, wanted: Quantity, summary: RunSummary) -> Ruling:
    """Rule a claim of a quantity that has an interval, or a reason why it has none."""
    found = estimate(summary, wanted)
    name = wanted.words()
    if found.value is None:
        why = found.needs or found.reason or "not enough prompts"
        why = why.removeprefix(f"{name.rpartition(' ')[2]} ")  # "P90 needs 10 prompts"
        return _unmeasured(claim, f"{name}: {why}", f"{name}: not measurable.")
    within = wanted.within_s is not None  # of a share within a time, more of it is no fault
    if not (within and fits(claim, found)):
        if claim.total is not None and not (within and claim.total != found.n):
            return _count(claim, wanted, found, summary)
        if claim.relation != "is":
            return _bound(claim, wanted, found)
    if PLANNED.fullmatch(wanted.metric):
        return _forecast(claim, wanted, found)
    return _figure(claim, wanted, found, summary)


def _figure(claim: Claim, wanted: Quantity, found: Estimate, summary: RunSummary) -> Ruling:
    """Rule a figure: it is the run's own as it was written, or it is another."""
    said, known = f"{wanted.words()}: {found}.", counts(summary, wanted)
    if fits(claim, found):
        caveat = _only_a_count(wanted, found) or _carried_by_few(wanted, found, summary)
        return _ruled(claim, True, said, caveat=caveat)
    plain = Estimate(value=known[0] / known[1], n=known[1]) if known and known[1] else found
    if wanted.groups and known and fits(claim, plain):
        return _ruled(claim, True, said, caveat=f"as a count: {known[0]:,} of {known[1]:,}")
    finer = quantity(found.value, found.unit, finest=2 * claim.off)
    if other := _other_figure(claim, wanted, summary):
        said += f" {other}"
    elif len(finer) > len(found.point):  # the page rounds to what the clock can tell
        said += f" To as many digits as claimed: {finer}."
    return _ruled(claim, False, said)


def _number(claim: Claim, wanted: Quantity, known: int | None) -> Ruling:
    """Rule how many there were."""
    if known is None:
        return _unmeasured(claim, f"{wanted.words()}: not recorded", "Nobody counted them.")
    value = claim.value or 0.0
    limits = {"at_most": known <= value, "at_least": known >= value}
    holds = limits.get(claim.relation, abs(known - value) <= claim.off)
    return _ruled(claim, holds, f"{wanted.words()}: {known:,}.")


def fits(claim: Claim, found: Estimate) -> bool:
    """Whether a figure is the run's, to the digits it was written with and the clock's error."""
    if claim.value is None:
        return True
    if found.over or found.value is None:
        return False
    # What liftlab prints is what was meant, however it was rounded.
    printed = float(quantity_number(found))
    off = claim.off * (1 + 1e-6) + (found.finest or 0.0) + 1e-12
    return any(abs(v - claim.value) <= off for v in (found.value, printed))


def quantity_number(found: Estimate) -> float:
    """Return the number that pages print for an estimate."""
    number, _, unit = found.point.replace(",", "").partition(" ")
    scale = {"%": 100.0, "ms": 1000.0}.get(unit.strip(), 1.0)
    try:
        return float(number) / scale
    except ValueError:  # "< 0.1 %"
        return found.value if found.value is not None else math.nan


def _count(claim: Claim, wanted: Quantity, found: Estimate, summary: RunSummary) -> Ruling:
    """Rule "28 of 40" by the run's own count; of a share of requests within a time by that."""
    known = counts(summary, wanted) or (round((found.value or 0.0) * found.n), found.n)
    count, total, caveat = claim.count, claim.total or 0, ""
    same = known == (count, total)
    if not same and total != known[1]:
        if total <= _IN_TEN:  # "nine out of ten" is a share
            same = abs((claim.value or 0.0) - (found.value or 0.0)) <= 0.5 / _IN_TEN
            caveat = f"the count is {known[0]:,} of {known[1]:,}"
        elif wanted.metric == "success_rate" and not wanted.groups:
            same = (count, total) == (known[0], summary.answers.trials)
            caveat = f"{total - known[1]:,} of them have no graded answer"
    said = f"{wanted.words()}: {known[0]:,} of {known[1]:,}."
    return _ruled(claim, same, said, caveat=caveat if same else "")


def _bound(claim: Claim, wanted: Quantity, found: Estimate) -> Ruling:
    """Rule a limit as the targets of the project are judged: by the whole interval."""
    limit = claim.value or 0.0
    at_most = claim.relation == "at_most"
    own = wanted.metric.endswith(("max_s", "min_s")) or wanted.metric in _JUDGED_BY_COUNT
    result = judge(found, limit, wanted.words(), at_most=at_most, by_count=own)
    ruling = _VERDICTS[result.verdict]
    sign = "< " if at_most else "over "
    if found.point.startswith(sign) and ruling == "not supported":
        ruling = "supported"  # liftlab prints nothing finer
    stated = f"{'at most' if at_most else 'at least'} {as_set(limit, found.unit)}"
    decides = f"; {result.needs} would decide" if result.more else ""
    said = f"the measured value {_SAYS[ruling]} ({stated})"
    why = f"{wanted.words()}: {result.estimate}; {said}{decides}."
    return Ruling(claim=claim, ruling=ruling, why=why, may_say=f"{wanted.words()}: {found}.")


def _forecast(claim: Claim, wanted: Quantity, found: Estimate) -> Ruling:
    """Rule one number for what is still to come: a range at best."""
    low, high, value = found.low, found.high, claim.value or 0.0
    inside = (low is None or low <= value) and (high is None or value <= high)
    said = f"{wanted.words()}: {found}."
    why = f"{said} The added times are guesses, none is measured."
    may_say = f"If each added stage takes what was guessed: {said}"
    ruling: Verdict = "not supported" if inside else "contradicted"
    return Ruling(claim=claim, ruling=ruling, why=why, may_say=may_say)


def _only_a_count(wanted: Quantity, found: Estimate) -> str:
    if not wanted.is_share or found.low is None or found.high is None:
        return ""
    if (found.high - found.low) / 2 <= NARROW or wanted.metric == "error_rate":
        return ""
    return f"as a count only: the rate may be {span(found.low, found.high, '%')}"


def _carried_by_few(wanted: Quantity, found: Estimate, summary: RunSummary) -> str:
    if not wanted.metric.endswith("_mean_s") or found.value is None:
        return ""
    rows = summary.latency.of(wanted.stage, wanted.population)
    median = rows.p50.value if rows else None
    if median is None or found.value <= SKEWED * median:
        return ""
    return f"{ALONE}: the median is {rows.p50.point if rows else ''}"


def _other_figure(claim: Claim, wanted: Quantity, summary: RunSummary) -> str:
    """Say which other figure of the run the claimed one is; empty where none is near."""
    others = {"success_rate": "parsed_rate", "parsed_rate": "success_rate"}
    name = others.get(wanted.metric, wanted.metric.replace("_mean_s", "_median_s"))
    if wanted.metric.endswith("_median_s"):
        name = wanted.metric.replace("_median_s", "_mean_s")
    if name == wanted.metric or wanted.groups:
        return ""
    other = Quantity(metric=name, population=wanted.population)
    found = estimate(summary, other)
    return f"{found.point} is the {other.words()}." if fits(claim, found) else ""


def _change(claim: Claim, _: RunSummary) -> Ruling:
    """Rule "faster than" between published figures: a run holds no difference between two."""
    pair = claim.comparison
    assert pair is not None
    said = (
        f"{pair.value_is} {quantity(pair.value_s, 's')} (n = {pair.n:,}) against "
        f"{pair.baseline_is} {quantity(pair.baseline_s, 's')} (n = {pair.baseline_n:,})"
    )
    said += "" if pair.same_cases else ", on other prompts"
    why = f"As published: {said}; nobody measured how much runs differ."
    may_say = f"{said}: too few runs to call it a change."
    return Ruling(claim=claim, ruling="not supported", why=why, may_say=may_say)


def _explained(claim: Claim, summary: RunSummary) -> Ruling:
    """Rule "the slow steps are explained by x": x has to hold most of each excess."""
    steps = [s for s in summary.slow.steps if claim.stage in ("e2e", s.stage)]
    if not steps:
        return _unmeasured(claim, "no step of it was slow", "No step was slow.")
    shares = [step.seconds(claim.cause) / step.excess_s for step in steps]
    parts = [
        f"{step.case_id} {quantity(round(share, 2), '%')}"
        for step, share in zip(steps[:5], shares, strict=False)
    ]
    said = f"Extra time explained by {readable(claim.cause)}: {', '.join(parts)}."
    if min(shares) < MOSTLY and max(shares) > LEAST:
        return Ruling(claim=claim, ruling="not supported", why=said, may_say=said)
    return _ruled(claim, min(shares) >= MOSTLY, said)


def _sum(claim: Claim, summary: RunSummary) -> Ruling:
    """Rule "end to end is the sum of its stages" by their means, which add up."""
    whole = summary.latency.e2e.mean.value
    parts = [stage.mean.value for stage in summary.latency.stages]
    if whole is None or not parts or None in parts:
        return _unmeasured(claim, "not all of these were timed", "The times do not add up to it.")
    apart = abs(whole - sum(part for part in parts if part is not None))
    said = "The means of the stages add up to the mean end to end"
    if apart > _ROUNDING_S:
        return _ruled(claim, False, f"{said}, except for {quantity(apart, 's')}.")
    why = f"{said}. End to end is computed so, or no time passes between stages."
    return _ruled(claim, True, why, "End to end is the sum of its stages.")


def _association(claim: Claim, summary: RunSummary) -> Ruling:
    """Rule "fast, or slow, goes with failure": of a few events no test can show anything."""
    right, n = summary.answers.right, summary.answers.graded
    said = f"{right:,} of {counted(n, 'answer')} {be(right)} right"
    least = 2 / math.comb(n, right) if n else 1.0  # an exact rank test gives no smaller p
    if least > 0.05:
        why = f"{said}: too few to show whether times go with failure"
        return _unmeasured(claim, why, f"{said}.")
    why = f"{said}; whether times of {stage_words(claim.stage)} go with failure was not tested."
    return Ruling(claim=claim, ruling="not supported", why=why, may_say=f"{said}.")


def _works(claim: Claim, summary: RunSummary) -> Ruling:
    """Rule "works for these": one named case that is never right speaks against it."""
    trials = summary.run.trials
    names, outcomes = labels(trials, "case_id").astype(str), labels(trials, "outcome")
    tried = [case for case in claim.cases if case in set(names)]
    if not tried:
        return _unmeasured(claim, "none of these prompts was asked", "They were not asked.")
    never = [case for case in tried if not (outcomes[names == case] == "pass").any()]
    ever, which = len(tried) - len(never), ", ".join(never[:5])
    said, listed = f"This prompt {'was' if ever else 'was never'} answered right", f": {which}"
    if len(tried) > 1:
        was, listed = "was" if ever < 2 else "were", f"; never right: {which}"
        said = f"{ever or 'None'} of these {len(tried):,} prompts {was} answered right"
    if never:
        return _ruled(claim, False, f"{said}{listed}.", f"{said}.")
    return _ruled(claim, True, f"{said}.", caveat="as a count only")


def _ruled(claim: Claim, holds: bool, why: str, may_say: str = "", *, caveat: str = "") -> Ruling:
    """Return what holds as supported, else as contradicted; `why` may be said if nothing else."""
    ruling: Verdict = "supported" if holds else "contradicted"
    return Ruling(claim=claim, ruling=ruling, why=why, may_say=may_say or why, caveat=caveat)


def _unmeasured(claim: Claim, why: str, may_say: str) -> Ruling:
    return Ruling(claim=claim, ruling="not measurable", why=f"{why}.", may_say=may_say)


_OTHERS: dict[Other, Callable[[Claim, RunSummary], Ruling]] = {
    "change": _change,
    "explained": _explained,
    "sum": _sum,
    "association": _association,
    "works": _works,
}
