"""Sections on what a run decides: by category, and by when an answer is there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liftlab.analysis.categories import SPOILED, TARGET, CategoryDecision, by_category
from liftlab.analysis.columns import floats, labels
from liftlab.analysis.decide import Decision
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.latency import SuccessCurve, e2e_summary, succeeded, success_by
from liftlab.analysis.rates import per_success
from liftlab.analysis.success import success_by_group
from liftlab.analysis.timeouts import TimeToSuccess
from liftlab.analysis.timeouts import e2e as time_to_success
from liftlab.reporting import figures
from liftlab.reporting.facts import Facts
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.pages.parts import estimate_words
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import verdict


def by_group(facts: Facts) -> Html:
    """Return both decisions of a release, for all cases and by category."""
    found = decided(facts)
    if not found:
        return tag("p", "Nothing was judged, so nothing can be decided.")
    split = _split(facts, found)
    aim, most = quantity(_target(facts), "%"), quantity(SPOILED, "%")
    rows = [
        {
            "": each.category.replace("_", " ") or "all",
            "Cases": each.success.trials,
            "Right": each.success.successes,
            f"≥ {aim}?": _open() if each.category in split else _chip(each.success, good="above"),
            "May be published": _published(each.success),
            "Most frequent fault": (each.failure_class or "none").replace("_", " "),
            f"Spoils > {most}?": _chip(each.spoiled, good="below") if each.spoiled else "–",
            f"≥ {aim} is settled by": _SPLIT if each.category in split else _settled(each),
        }
        for each in found
    ]
    note = (
        "A case's first trial counts: repeats are not independent, so more means new cases. "
        "Decided by a sequential test; what may be published is its confidence sequence, which "
        "holds however often it is looked at. Decisions made together share one chance of error, "
        "so a category needs more than all cases together. A tile reads one fixed interval, "
        "once; this test may be read after every trial, and asks for more."
    )
    return join([table(pd.DataFrame(rows)), tag("p", note, cls="note")])


def decided(facts: Facts) -> list[CategoryDecision]:
    """Decide for all cases, then by category; empty where nothing was judged."""
    if facts.passed.trials == 0:
        return []
    return by_category(facts.data.trials, _target(facts))


def decision_words(facts: Facts) -> str:
    """Return how many categories are decided, in a sentence; empty where there are none."""
    groups = decided(facts)[1:]
    if not groups:
        return ""
    done = [each for each in groups if each.success.verdict != "go on"]
    aim = quantity(_target(facts), "%")
    if not done:
        return f"Whether any category reaches {aim} cannot be told yet."
    above = [each.category.replace("_", " ") for each in done if each.success.verdict == "above"]
    below = [each.category.replace("_", " ") for each in done if each.success.verdict == "below"]
    told = [f"reached by {', '.join(above)}"] if above else []
    told += [f"missed by {', '.join(below)}"] if below else []
    rest = len(groups) - len(done)
    return f"{aim} is {' and '.join(told)}" + (f"; {rest:,} not decided." if rest else ".")


def by_time(facts: Facts) -> Html:
    """Return how many have an answer by when, and what a right answer takes in all."""
    trials = facts.data.trials
    if facts.passed.trials == 0:
        return tag("p", "Nothing was judged, so no answer is known to be right by any time.")
    seconds = floats(trials, "e2e_s")
    curves = {
        "right": success_by(seconds, succeeded(trials)),
        "parses": success_by(seconds, succeeded(trials, "parsed")),
    }
    figure = figures.success_by_time(
        curves,
        facts.time_targets,
        caption=_by_time_caption(curves["right"]),
        table=behind(table(pd.DataFrame(_time_rows(facts, curves["right"])))),
    )
    cut = time_to_success(trials, facts.data.stages, facts.data.attempts)
    return join([figure.html(), tag("p", _cut_words(cut), cls="note")])


def _target(facts: Facts) -> float:
    return facts.success_limit or TARGET


_SPLIT = "first trials and repeats disagree: new cases"


def _split(facts: Facts, found: list[CategoryDecision]) -> set[str]:
    """Return the groups whose first trials say what the interval of all trials denies."""
    trials, aim = facts.data.trials, _target(facts)
    rates = {rate.group: rate.estimate for rate in success_by_group(trials, "category")}
    rates[""] = facts.passed.estimate
    split = set()
    for each in found:
        verdict, rate = each.success.verdict, rates.get(each.category)
        if rate is None or rate.low is None or rate.high is None:
            continue
        if (verdict == "above" and rate.high < aim) or (verdict == "below" and rate.low >= aim):
            split.add(each.category)
    return split


def _open() -> Html:
    return verdict("undecided", "cannot tell")


def _chip(found: Decision, good: str) -> Html:
    if found.verdict == "go on":
        return _open()
    word = "yes" if found.verdict == "above" else "no"
    return verdict("met" if found.verdict == good else "not met", word)


def _published(found: Decision) -> str:
    low, high = found.published.low, found.published.high
    if low is None or high is None:
        return found.published.reason
    return f"{100 * low:.0f}–{100 * high:.0f} %"


def _settled(each: CategoryDecision) -> str:
    found = each.success
    if found.verdict != "go on":
        return f"settled after {found.decided_after:,}"
    return f"{found.to_above:,} more right in a row, or {found.to_below:,} wrong"


def _by_time_caption(curve: SuccessCurve) -> str:
    final = float(curve.share[-1]) if len(curve.share) else 0.0
    if len(curve.seconds) == 0:
        return "No answer is right, however long one waits"
    last = quantity(float(curve.seconds[-1]), "s")
    return f"{quantity(final, '%')} are right in the end, the last after {last}; a failure never is"


def _time_rows(facts: Facts, curve: SuccessCurve) -> list[dict[str, object]]:
    trials = facts.data.trials
    cases = labels(trials, "case_id").astype(str)
    seconds, good = floats(trials, "e2e_s"), succeeded(trials)
    kept = np.isfinite(seconds)
    each = per_success(seconds[kept], good[kept], cases[kept])
    never = e2e_summary(trials, "never", "pass")
    rows = [
        (f"Right within {quantity(limit, 's')} ({name})", curve.at(limit))
        for name, limit in facts.time_targets.items()
    ]
    rows += [("Half are right by (a failure counts as never)", never.p50)]
    rows += [("90 % are right by (a failure counts as never)", never.p90)]
    rows += [
        ("Seconds spent for each right answer", each),
        ("USD spent for each right answer", facts.cost_right),
        ("End to end, median of all that ended", facts.e2e.p50),
        ("End to end, median of right answers only", facts.e2e_ok.p50),
    ]
    return [{"": name, "Value": _value(found), "Interval": _words(found)} for name, found in rows]


def _value(found: Estimate) -> str:
    if found.value is not None and np.isinf(found.value):
        return "never"
    return found.point


def _words(found: Estimate) -> str:
    ends = (found.low, found.high)
    if any(end is not None and np.isinf(end) for end in ends):
        return found.reason or "no upper limit: too many failed"
    return estimate_words(found)


def _cut_words(found: TimeToSuccess) -> str:
    if found.timeouts == 0:
        return "The client gave up on none, so no time is cut short."
    return (
        f"The client gave up on {found.timeouts:,} of {found.n:,}, which might have answered later "
        f"(Kaplan and Meier): half are completed by {found.median}. {found.failures:,} others "
        "failed and count as never."
    )
