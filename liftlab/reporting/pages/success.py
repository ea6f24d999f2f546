"""The page on success: how often it is right, what goes wrong, and which fix buys most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from liftlab.analysis.columns import labels
from liftlab.analysis.estimate import quantity
from liftlab.analysis.fixes import WORTH, Fixes, which_fix
from liftlab.analysis.latency import TargetResult, judge
from liftlab.analysis.passk import PassAtK, pass_at_k_of
from liftlab.analysis.success import FailureShare, SuccessRate, judgeable, success_by_group
from liftlab.reporting import figures, messages
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.html import Finding, Html, join, tag
from liftlab.reporting.pages.answers import answers
from liftlab.reporting.pages.decisions import by_group as decisions
from liftlab.reporting.pages.decisions import by_time, decision_words
from liftlab.reporting.pages.parts import estimate_words, provenance
from liftlab.reporting.pages.parts import finding as any_finding
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import Tile, verdict
from liftlab.reporting.tiles import tiles as tile_row

__all__ = [
    "answers",
    "by_time",
    "changes",
    "decisions",
    "finding",
    "fixes_table",
    "gather",
    "groups",
    "passk_table",
    "provenance",
    "tiles",
]

TRIES = (1, 2, 3, 5, 10, 25, 50, 100)  # the k of pass@k that are told, as far as repeats allow


def finding(facts: Facts) -> Finding:
    """Return how many are right, and what spoils most of the others."""
    return any_finding(facts, _title(facts), _sentences(facts))


def tiles(facts: Facts) -> Html:
    """Return the rate, pass@k, what the first fix could buy, and what was not judged."""
    return tile_row([_rate_tile(facts), _passk_tile(facts), _fix_tile(facts), _apart_tile(facts)])


def groups(facts: Facts) -> Html:
    """Return success by category and by difficulty, with what could not be judged."""
    shown = [_group(facts, "category")]
    if len({name for name in labels(facts.data.trials, "difficulty") if name is not None}) > 1:
        shown.append(_group(facts, "difficulty"))
    else:
        shown.append(tag("p", "The cases differ in no difficulty.", cls="note"))
    note = "Intervals count cases where repeats share one. Among many groups some differ by chance."
    return join([*shown, tag("p", note, cls="note")])


def passk_table(facts: Facts) -> Html:
    """Return pass@k for every k that the repeats allow."""
    told, least, most = _passk(facts)
    if not told:
        return tag("p", "Nothing was judged, so there is no pass@k.")
    rows = [
        {
            "": f"pass@{each.k}",
            "Value": quantity(each.estimate.value, "%"),
            "Interval": estimate_words(each.estimate),
            "Answers": each.samples,
            "Cases": each.cases,
        }
        for each in told
    ]
    note = "pass@k: the chance that at least one of k answers to a case is right, cases alike."
    if least < most:
        note += f" Cases have {least:,} to {most:,} judged answers; k goes as far as the fewest."
    if least == 1:
        note += " Some case has one judged answer: for k = 2 let every case be repeated."
    return join([table(pd.DataFrame(rows)), tag("p", note, cls="note")])


def fixes_table(facts: Facts) -> Html:
    """Return each failure class: the share of graded answers it spoils, and of the failures."""
    shares = facts.failures
    if not shares:
        return tag("p", "No answer failed." if facts.passed.trials else "Nothing was judged.")
    rows = [
        {
            "What went wrong": share.failure_class.replace("_", " "),
            "Answers": share.count,
            "Of graded": quantity(share.of_trials.value, "%"),
            "95 % interval": estimate_words(share.of_trials).replace("95 % interval ", ""),
            f"> {quantity(WORTH, '%')}": _answer(_rule(share).verdict),
            "Of failures": quantity(share.of_failures.value, "%"),
            "95 % interval ": estimate_words(share.of_failures).replace("95 % interval ", ""),
            "Cases": ", ".join(share.cases[:4]) + (", …" if len(share.cases) > 4 else ""),
        }
        for share in shares
    ]
    note = (
        f"The rule: a class that spoils more than {quantity(WORTH, '%')} of graded answers is "
        "fixed this week, any other is documented; only a whole interval decides. A share is the "
        "most that a fix can buy, for the next fault may lie beneath. Endpoint errors are in none."
    )
    shown = table(pd.DataFrame(rows), csv="failure_classes.csv", full=_shares_frame(shares))
    return join([shown, tag("p", note, cls="note")])


def changes(facts: Facts) -> Html:
    """Return what would change the conclusion, each with how far away it is."""
    said = [*_target_changes(facts), *_fix_changes(facts), *_count_changes(facts)]
    if not said:
        return tag("p", "A first judged answer: so far there is no conclusion to change.")
    return tag("ul", *(tag("li", each) for each in said))


def _shares_frame(shares: list[FailureShare]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "failure_class": share.failure_class,
            "answers": share.count,
            "share_of_graded": share.of_trials.value,
            "of_graded_low": share.of_trials.low,
            "of_graded_high": share.of_trials.high,
            "rule": _rule(share).verdict,
            "share_of_failures": share.of_failures.value,
            "of_failures_low": share.of_failures.low,
            "of_failures_high": share.of_failures.high,
            "cases": " ".join(share.cases),
        }
        for share in shares
    )


def _title(facts: Facts) -> str:
    passed = facts.passed
    if len(facts.data.trials) == 0:
        return "No trials yet: nothing can be said of success"
    if passed.trials == 0:
        only_errors = passed.errors and not passed.ungraded
        return "The endpoint gave no usable answer" if only_errors else "No answer was judged"
    if passed.successes == passed.trials:
        return (
            f"All {passed.trials:,} judged answers are right"
            if passed.trials > 1
            else ("The one judged answer is right")
        )
    count = (
        f"{passed.successes:,} of {passed.trials:,} answers {messages.be(passed.successes)} right"
    )
    if not facts.failures:
        return count
    first = facts.failures[0]
    share = quantity(first.of_trials.value, "%")
    ahead = _fixes(facts).clearly_first
    lead = "spoils most" if ahead else "seems to spoil most"
    return f"{count}; {_name(first)} {lead}, {share} of them"


def _sentences(facts: Facts) -> list[str]:
    passed, said = facts.passed, []
    if len(facts.data.trials) == 0:
        return ["The run has no finished trial."]
    if passed.trials:
        parsed = facts.parsed
        said.append(
            f"Right: {passed.estimate}. That an answer parses is less: "
            f"{parsed.successes:,} of {parsed.trials:,} do."
        )
    if facts.failures:
        first = facts.failures[0]
        said.append(
            f"Answers that {messages.failure_words(first.failure_class)} are "
            f"{first.of_trials.point} of those graded and {first.of_failures.point} of failures; "
            f"{_SURE[_rule(first).verdict]} more than {quantity(WORTH, '%')} of graded answers."
        )
    rates = [r for r in success_by_group(facts.data.trials, "category") if r.trials]
    if len(rates) > 1:
        low, high = (f(rates, key=lambda r: r.successes / r.trials) for f in (min, max))
        if low is not high and low.successes * high.trials != high.successes * low.trials:
            said.append(f"By category it goes from {_counted(low)} to {_counted(high)}.")
    if words := decision_words(facts):
        said.append(words)
    apart = _apart(facts)
    if apart:
        said.append(f"Not judged, and in no share: {apart}.")
    return said


def _counted(rate: SuccessRate) -> str:
    return f"{rate.successes:,} of {rate.trials:,} ({rate.group.replace('_', ' ')})"


def _apart(facts: Facts) -> str:
    passed = facts.passed
    errors, ungraded = passed.errors, passed.ungraded
    told = [
        f"{errors:,} endpoint {messages.plural('error', errors)}" if errors else "",
        f"{ungraded:,} not graded" if ungraded else "",
    ]
    return " and ".join(part for part in told if part)


def _rate_tile(facts: Facts) -> Tile:
    rate, judged = facts.passed, facts.success_verdict()
    number = f"{rate.successes:,} / {rate.trials:,}" if rate.trials else "–"
    why = estimate_words(rate.estimate) if rate.trials else "nothing was judged"
    if judged is None or not rate.trials:
        return Tile(what="Right", number=number, why=why)
    aim = f"target ≥ {quantity(judged.limit, '%')}"
    told = "; ".join(part for part in (why, judged.needs) if part)
    return Tile(what="Right", number=number, why=told, verdict=judged.verdict, target=aim)


def _passk_tile(facts: Facts) -> Tile:
    told, _, most = _passk(facts)
    if not told:
        return Tile(what="pass@k", number="–", why="nothing was judged", verdict="not measurable")
    last = told[-1]
    why = estimate_words(last.estimate)
    if last.k == 1:
        more = "cases have one answer each" if most == 1 else "some case has one answer only"
        why += f"; {more}, k = 2 needs repeats"
    what = f"pass@{last.k}"
    return Tile(what=what, number=quantity(last.estimate.value, "%"), why=why)


def _fix_tile(facts: Facts) -> Tile:
    what = "What one fix could buy, at most"
    if not facts.failures:
        why = "nothing failed" if facts.passed.trials else "nothing was judged"
        return Tile(what=what, number="–", why=why)
    first = facts.failures[0]
    rule = _rule(first)
    why = f"of graded answers: {_name(first)}; {estimate_words(first.of_trials)}"
    aim = f"more than {quantity(WORTH, '%')}"
    if rule.verdict == "undecided":  # the others judge nobody: no colour
        return Tile(
            what=what, number=first.of_trials.point, why=why, verdict=rule.verdict, target=aim
        )
    return Tile(
        what=what, number=first.of_trials.point, why=why, verdict=f"{aim}: {_WORDS[rule.verdict]}"
    )


def _apart_tile(facts: Facts) -> Tile:
    passed = facts.passed
    why = "endpoint errors, kept apart: in no share"
    if passed.ungraded:
        why += f"; {passed.ungraded:,} more not graded"
    return Tile(
        what="Without a usable answer",
        number=f"{passed.errors:,} / {len(facts.data.trials):,}",
        why=why,
    )


def _group(facts: Facts, column: str) -> Html:
    rates = success_by_group(facts.data.trials, column)
    if column == "difficulty":
        rank = {"easy": 0, "medium": 1, "hard": 2}
        rates.sort(key=lambda rate: (rank.get(rate.group, 3), rate.group))
    shown = [replace(facts.passed, group="all"), *rates]
    rows = [
        {
            column.capitalize(): rate.group.replace("_", " "),
            "Right": rate.successes,
            "Judged": rate.trials,
            "Rate": quantity(rate.estimate.value, "%"),
            "Interval": estimate_words(rate.estimate),
            "Cases": rate.cases,
            "Endpoint errors": rate.errors,
            "Not graded": rate.ungraded,
        }
        for rate in shown
    ]
    return figures.success_by_category(
        shown,
        facts.success_limit,
        caption=_group_caption(rates, column),
        table=behind(table(pd.DataFrame(rows), csv=f"success_by_{column}.csv")),
    ).html()


def _group_caption(rates: list[SuccessRate], column: str) -> str:
    judged = [rate for rate in rates if rate.trials]
    if not judged:
        return f"Nothing was judged, so nothing is known by {column}"
    if len(judged) == 1:
        return f"One {column} only: {_counted(judged[0])} right"
    # The pair that is furthest apart by its intervals, not by its rates.
    best = max(judged, key=lambda rate: rate.estimate.low or 0.0)
    worst = min(judged, key=lambda rate: 1.0 if rate.estimate.high is None else rate.estimate.high)
    if (best.estimate.low or 0.0) > (worst.estimate.high or 1.0):
        return f"By {column}, {_counted(best)} are right and {_counted(worst)}: intervals apart"
    return f"No {column} stands apart: all intervals overlap"


def _passk(facts: Facts) -> tuple[list[PassAtK], int, int]:
    """Return pass@k, and the fewest and the most judged answers that a case has."""
    trials = facts.data.trials
    known, _, _ = judgeable(trials, "pass")
    _, counts = np.unique(labels(trials, "case_id")[known].astype(str), return_counts=True)
    if len(counts) == 0:
        return [], 0, 0
    least, most = int(counts.min()), int(counts.max())
    tries = [k for k in TRIES if k <= least]
    return [pass_at_k_of(trials, k, mixed=True) for k in tries], least, most


def _fixes(facts: Facts) -> Fixes:
    return which_fix(facts.data.trials)


def _rule(share: FailureShare) -> TargetResult:
    """Judge whether a class spoils more than the share from which it is fixed."""
    return judge(share.of_trials, WORTH, "share of graded answers", at_most=False)


_SURE = {
    "met": "that is surely",
    "not met": "that is surely not",
    "undecided": "it is undecided whether that is",
    "not measurable": "it cannot be told whether that is",
}
_WORDS = {"met": "yes", "not met": "no", "not measurable": "not measurable"}


def _answer(word: str) -> Html:
    """Return a verdict on a share as an answer; only one that is open has a colour."""
    return verdict(word if word == "undecided" else "", _WORDS.get(word, word))


def _name(share: FailureShare) -> str:
    return share.failure_class.replace("_", " ")


def _target_changes(facts: Facts) -> list[str]:
    result = facts.success_verdict()
    if result is None or not facts.passed.trials:
        return []
    aim = f"the target of {quantity(result.limit, '%')}"
    if result.verdict == "undecided":
        return [f"Whether {aim} is reached: counted in cases, {result.needs}."]
    span = estimate_words(result.estimate)
    return [
        f"That {aim} is {result.verdict}: the whole {span} lies on one side. More runs like these "
        "would hardly change it; other prompts or another model could."
    ]


def _fix_changes(facts: Facts) -> list[str]:
    if not facts.failures:
        return []
    first, rest, said = facts.failures[0], facts.failures[1:], []
    rule = _rule(first)
    bar = quantity(WORTH, "%")
    if rule.verdict == "undecided":
        said.append(
            f"Whether {_name(first)} spoils more than {bar}: counted in cases, {rule.needs}."
        )
    if rest and not _fixes(facts).clearly_first:
        said.append(
            f"Which fix comes first: {_name(first)} ({first.count:,}) is not clearly ahead of "
            f"{_name(rest[0])} ({rest[0].count:,}) by the sign test over cases."
        )
    return said


def _count_changes(facts: Facts) -> list[str]:
    passed, said = facts.passed, []
    lost = passed.errors + passed.ungraded
    if lost:
        total = passed.trials + lost
        low, high = passed.successes / total, (passed.successes + lost) / total
        said.append(
            f"What was not judged ({_apart(facts)}): all wrong or all right, the rate of this run "
            f"would be {quantity(low, '%')} or {quantity(high, '%')}."
        )
    grades = facts.data.grades
    freed = grades[(grades["outcome"] == "pass") & (grades["raw_outcome"] == "fail")]
    if len(freed):
        said.append(
            f"Taking answers as they came: {len(freed):,} {messages.be(len(freed))} right only "
            "with what surrounds the code taken off."
        )
    if passed.trials:
        said.append(
            f"Other prompts: {passed.trials:,} judged of {passed.cases:,} "
            f"{messages.plural('case', passed.cases)} speak for cases like these only."
        )
    return said
