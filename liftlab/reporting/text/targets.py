"""Verdicts on targets, what would decide the open ones, and what a test has decided."""

from __future__ import annotations

from liftlab.analysis.decide import Decision
from liftlab.analysis.estimate import as_set, quantity
from liftlab.analysis.targets import RATES, JudgedTarget
from liftlab.reporting.text import answers
from liftlab.reporting.text.base import Text, interval, joined, marked, value, write
from liftlab.summary.answers import Answers
from liftlab.words import be, counted

_MINUTE_S, _HOUR_S = 90.0, 5400.0  # from here on people count in minutes, and in hours


def verdict(target: JudgedTarget) -> Text:
    """Return the verdict's word, marked as the target's."""
    return marked(target.verdict, f"target.{target.key}")


def aim(target: JudgedTarget) -> str:
    """Return the limit, as "70 %"."""
    return as_set(target.result.limit, target.result.estimate.unit)


def limit(target: JudgedTarget) -> str:
    """Return the limit with its sign, as "≥ 70 %"."""
    return f"{'≤' if target.result.at_most else '≥'} {aim(target)}"


def clause(target: JudgedTarget) -> Text:
    """Return the verdict as a clause: "the target of 15 s is met"."""
    words = f"the target of {aim(target)} is {target.verdict}"
    if target.verdict == "undecided":
        aimed = f"{aim(target)} is reached"
        if target.result.at_most:
            aimed = f"it stays within {aim(target)}"
        words = f"not enough prompts yet to say whether {aimed}"
    if own := _own_test(target):
        words = tested(own)
    return marked(words, f"target.{target.key}", target.verdict)


def tested(decision: Decision) -> str:
    """Return what a run that was made until decided says of its limit, as a clause."""
    aim = as_set(decision.target, "%")
    if decision.verdict == "go on":
        return f"not decided whether {aim} is reached"
    reached = "is" if decision.verdict == "above" else "is not"
    return f"{aim} {reached} reached, {_decided(decision)}"


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
        target.result.name,
        limit(target),
        verdict(target),
        write(", {}", value(estimate)) if estimate.value is not None else "",
        write(" ({})", known) if known else "",
        tail,
    )


def decided(decision: Decision) -> str:
    """Return what a run made until decided came to, and what would settle an open one."""
    right = f"{decision.successes:,} of {counted(decision.trials, 'answer')}"
    said = [f"{right} {be(decision.successes)} right: {tested(decision)}"]
    if known := decision.published.interval:
        said.append(f"{known}, however often it is looked at")
    if decision.verdict == "go on":
        takes = effort(
            None if decision.seconds is None else decision.more * decision.seconds,
            None if decision.usd is None else decision.more * decision.usd,
        )
        high, low = (as_set(rate.rate, "%") for rate in (decision.if_above, decision.if_below))
        said.append(
            f"settled by {decision.to_above:,} right answers in a row, or "
            f"{counted(decision.to_below, 'wrong one')}; about {decision.more:,} more "
            f"prompts{takes} if the truth is {high} or {low}"
        )
    if decision.left_out:
        said.append(f"{decision.left_out:,} repeated or ungraded not counted")
    return "; ".join(said) + "."


def effort(seconds: float | None, usd: float | None) -> str:
    """Write what trials take, as " (15 min, 0.10 USD)"; empty where neither is known."""
    parts = [] if seconds is None else [duration(seconds)]
    parts += [] if usd is None else [quantity(usd, "USD")]
    return f" ({', '.join(parts)})" if parts else ""


def duration(seconds: float) -> str:
    """Write a duration as people say it: "45 s", "10 min", "2.0 h"."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < _HOUR_S else f"{seconds / 3600:,.1f} h"


def _decided(decision: Decision) -> str:
    return f"decided after {counted(decision.decided_after or 0, 'trial')}"


def _own_test(target: JudgedTarget) -> Decision | None:
    """Return the test that a run was made for, where the target is what it tests."""
    found, limit = target.result.estimate.decision, target.result.limit
    return found if found is not None and found.target == limit else None
