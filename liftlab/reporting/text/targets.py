"""Verdicts on targets, and what would decide the open ones."""

from __future__ import annotations

from liftlab.analysis.decide import Decision
from liftlab.analysis.estimate import as_set
from liftlab.analysis.targets import RATES, JudgedTarget
from liftlab.reporting.text import answers
from liftlab.reporting.text.base import Text, joined, marked, write
from liftlab.reporting.text.numbers import interval, value
from liftlab.summary.answers import Answers
from liftlab.words import counted


def verdict(target: JudgedTarget) -> Text:
    """Return the verdict's word, marked as the target's."""
    return marked(target.verdict, f"target.{target.key}")


def aim(target: JudgedTarget) -> str:
    """Return the limit, as "70 %"."""
    return as_set(target.result.limit, target.result.estimate.unit)


def limit(target: JudgedTarget) -> str:
    """Return the limit with its sign, as "≥ 70 %"."""
    return f"{'≤' if target.result.at_most else '≥'} {aim(target)}"


def name(target: JudgedTarget) -> str:
    """Return what the target is about."""
    return target.result.name


def clause(target: JudgedTarget) -> Text:
    """Return the verdict as a clause: "the target of 15 s is met"."""
    wanted = aim(target)
    words = {
        "met": f"the target of {wanted} is met",
        "not met": f"the target of {wanted} is not met",
        "undecided": f"not enough prompts yet to say whether {question(target)}",
        "not measurable": f"the target of {wanted} is not measurable",
    }[target.verdict]
    if own := _own_test(target):
        words = tested(own)
    return marked(words, f"target.{target.key}", target.verdict)


def question(target: JudgedTarget) -> str:
    """Return what the verdict answers, after "whether"."""
    if target.result.at_most:
        return f"it stays within {aim(target)}"
    return f"{aim(target)} is reached"


def tested(decision: Decision) -> str:
    """Return what a run that was made until decided says of its limit, as a clause."""
    aim = as_set(decision.target, "%")
    if decision.verdict == "go on":
        return f"not decided whether {aim} is reached"
    reached = "is" if decision.verdict == "above" else "is not"
    return f"{aim} {reached} reached, {_decided(decision)}"


def _decided(decision: Decision) -> str:
    return f"decided after {counted(decision.decided_after or 0, 'trial')}"


def _own_test(target: JudgedTarget) -> Decision | None:
    """Return the test that a run was made for, where the target is what it tests."""
    found, limit = target.result.estimate.decision, target.result.limit
    return found if found is not None and found.target == limit else None


def decides(target: JudgedTarget) -> str:
    """Return what would decide an open target, or after how many trials the run's test did."""
    own = _own_test(target)
    if own is not None and own.decided_after is not None:
        return _decided(own)
    return f"{target.result.needs} would decide" if target.result.needs else ""


def out_of(target: JudgedTarget, found: Answers) -> Text:
    """Return of how many a target's rate is; empty for other targets, and where none failed."""
    return answers.out_of(found) if target.metric in RATES else Text()


def sentence(target: JudgedTarget, found: Answers) -> Text:
    """Return a target with its verdict, its value, and what would decide, on one line."""
    estimate = target.result.estimate
    known = joined([interval(estimate), out_of(target, found)], "; ")
    tail = f"; {decides(target)}" if decides(target) else ""
    return write(
        "{} {}: {}{}{}{}.",
        name(target),
        limit(target),
        verdict(target),
        write(", {}", value(estimate)) if estimate.value is not None else "",
        write(" ({})", known) if known else "",
        tail,
    )
