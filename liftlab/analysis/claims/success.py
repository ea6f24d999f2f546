"""Rules for claims about how often it is right."""

from __future__ import annotations

import math
from dataclasses import replace

from liftlab.analysis import decide
from liftlab.analysis.claims.model import Claim, Evidence, Ruling, Verdict, listing
from liftlab.analysis.columns import labels
from liftlab.analysis.estimate import as_set, quantity, span
from liftlab.analysis.plans import sample_size
from liftlab.analysis.success import Measure, SuccessRate, judgeable, success_rate
from liftlab.words import counted

NARROW = 0.10  # half width from which a rate speaks for more than its own count


def rate(claim: Claim, evidence: Evidence, measure: Measure) -> Ruling:
    """Rule "x % succeed": a count is a count, a rate needs a narrow interval."""
    found = success_rate(_of_cases(claim, evidence).trials, measure)
    estimate = found.estimate
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return _unjudged(claim, measure, found)
    half = (estimate.high - estimate.low) / 2
    n_needed = None
    faults: tuple[str, ...] = ()
    ruling: Verdict = "contradicted"
    if claim.matches(estimate.value):
        if half <= NARROW:
            ruling = "supported"
        else:
            ruling = "supported as a count only"
            n_needed = sample_size(estimate.value, half_width=NARROW).trials
            faults = ("bare_rate",)
    elif estimate.low <= claim.figure <= estimate.high:
        ruling, faults = "not supported", ("bare_rate",)
        n_needed = sample_size(estimate.value, half_width=NARROW).trials
    else:
        faults = ("wrong",)
    if found.cases < found.trials:
        faults = (*faults, "repeats_as_cases")
    whole = success_rate(evidence.trials, measure)
    apart = f" Of all answers it is {whole.successes:,} of {whole.trials:,}." if claim.cases else ""
    named = f"Of {listing(claim.cases)}: " if claim.cases else ""
    once = " once each: prompt and luck cannot be told apart" if found.cases == found.trials else ""
    return Ruling(
        claim=claim,
        measure=measure,
        ruling=ruling,
        why=(
            f"{found.successes:,} of {found.trials:,}, {found.cases:,} cases{once}; "
            f"{estimate}.{apart}"
        ),
        may_say=f"{named}{found.sentence()}{apart}",
        n_needed=n_needed,
        needed=f"independent trials, for ± {as_set(NARROW, '%')},",
        faults=faults,
    )


def target(claim: Claim, evidence: Evidence, measure: Measure) -> Ruling:
    """Rule "at least x % succeed": only what holds at every look may be claimed, or denied."""
    trials = _of_cases(claim, evidence).trials
    found = success_rate(trials, measure)
    if found.trials == 0:
        return _unjudged(claim, measure, found)
    decision = decide.of_run(trials, claim.figure, measure=measure)
    limit = as_set(claim.figure, "%")
    ratio = f"log likelihood ratio {decision.log_ratio:+.3f}, decided at ±{decision.bound:.3f}"
    ruling: Verdict = "not supported"
    if decision.may_claim == "below":
        ruling = "contradicted"
    elif decision.may_claim == "above":
        ruling = "supported"
    if ruling != "not supported":
        return Ruling(
            claim=claim,
            measure=measure,
            ruling=ruling,
            why=f"The sequential test says stop, {decision.may_claim} {limit} ({ratio}); "
            f"at any look the rate is {_interval(decision)}.",
            may_say=decision.sentence(),
            faults=("wrong",) if ruling == "contradicted" else (),
        )
    course = decision.if_above
    stop = decision.verdict != "go on"
    step = f"stop, {decision.verdict} {limit}" if stop else "go on"
    return Ruling(
        claim=claim,
        measure=measure,
        ruling=ruling,
        why=(
            f"The sequential test says {step} ({ratio}); at any look the rate is "
            f"{_interval(decision)}{'' if stop else _fewest(decision)}."
        ),
        may_say=f"{found.sentence()} Whether {limit} is reached is not settled yet.",
        n_needed=_to_publish(decision) if stop else found.trials + math.ceil(course.mean_trials),
        needed=f"independent trials, if the truth is {quantity(_assumed(decision), '%')},",
        faults=("interval_holds_limit", "read_while_collecting"),
    )


def works(claim: Claim, evidence: Evidence, measure: Measure) -> Ruling:
    """Rule "works well for these": one named case that never succeeds speaks against it."""
    trials = _of_cases(claim, evidence).trials
    found = success_rate(trials, measure)
    known, good, _ = judgeable(trials, measure)
    if found.trials == 0:
        return _unjudged(claim, measure, found)
    names, classes = labels(trials, "case_id").astype(str), labels(trials, "failure_class")
    tried = list(dict.fromkeys(names[known]))
    never = [name for name in tried if not good[known & (names == name)].any()]
    wrong = [str(name) for name in dict.fromkeys(classes[known & ~good]) if name is not None]
    reasons = f" ({', '.join(wrong)})" if wrong else ""
    right = "parse" if measure == "parsed" else "are right"
    count = f"{found.successes:,} of {found.trials:,} answers for {listing(tried)} {right}"
    if never:
        return Ruling(
            claim=claim,
            measure=measure,
            ruling="contradicted",
            why=f"{len(never):,} of {len(tried):,} cases never do: {listing(never)}{reasons}.",
            may_say=f"{count}{reasons}.",
            faults=("wrong",),
        )
    enough = found.estimate.low is not None and found.estimate.low >= 1 - 2 * NARROW
    return Ruling(
        claim=claim,
        measure=measure,
        ruling="supported" if enough else "supported as a count only",
        why=f"{found.estimate}{reasons}.",
        may_say=f"{count}.",
        n_needed=None if enough else sample_size(0.9, half_width=NARROW).trials,
        faults=() if enough else ("bare_rate",),
    )


def _of_cases(claim: Claim, evidence: Evidence) -> Evidence:
    if not claim.cases:
        return evidence
    trials = evidence.trials
    chosen = trials[trials["case_id"].isin(claim.cases)]
    return replace(evidence, trials=chosen)


def _unjudged(claim: Claim, measure: Measure, found: SuccessRate) -> Ruling:
    return Ruling(
        claim=claim,
        measure=measure,
        ruling="not measurable",
        why="No trial was judged.",
        may_say=found.sentence(),
    )


def _interval(decision: decide.Decision) -> str:
    low, high = decision.published.low, decision.published.high
    return "unknown" if low is None or high is None else span(low, high, "%")


def _fewest(decision: decide.Decision) -> str:
    return (
        "; fewest further trials to decide: "
        f"{counted(decision.to_above, 'success', 'successes')} in a row, or "
        f"{counted(decision.to_below, 'failure')}"
    )


def _assumed(decision: decide.Decision) -> float:
    """Return the rate that what is still needed is reckoned for."""
    course = decision.if_below if decision.verdict == "below" else decision.if_above
    return course.rate


def _to_publish(decision: decide.Decision) -> int | None:
    """Return the n from which a fixed interval excludes the target, if that rate is shown."""
    return sample_size(_assumed(decision), against=decision.target).trials
