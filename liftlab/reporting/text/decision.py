"""What a run that was made until decided comes to."""

from __future__ import annotations

from liftlab.analysis.decide import Decision
from liftlab.analysis.estimate import as_set, quantity
from liftlab.reporting.text.recommendations import duration
from liftlab.reporting.text.targets import tested
from liftlab.words import be, counted


def sentence(decision: Decision) -> str:
    """Return the count, the decision with its interval, and what would settle an open one."""
    known = decision.published.interval
    right = f"{decision.successes:,} of {counted(decision.trials, 'answer')}"
    said = [f"{right} {be(decision.successes)} right: {tested(decision)}"]
    if known:
        said.append(f"{known}, however often it is looked at")
    if decision.verdict == "go on":
        said.append(_settles(decision))
    if decision.left_out:
        said.append(f"{decision.left_out:,} repeated or ungraded not counted")
    return "; ".join(said) + "."


def _settles(decision: Decision) -> str:
    high, low = decision.if_above, decision.if_below
    most = decision.more
    takes = effort(
        None if decision.seconds is None else most * decision.seconds,
        None if decision.usd is None else most * decision.usd,
    )
    return (
        f"settled by {decision.to_above:,} right answers in a row, or "
        f"{counted(decision.to_below, 'wrong one')}; about {most:,} more prompts{takes} if the "
        f"truth is {as_set(high.rate, '%')} or {as_set(low.rate, '%')}"
    )


def effort(seconds: float | None, usd: float | None) -> str:
    """Write what trials take, in brackets; empty where neither is known.

    Examples
    --------
    >>> effort(900, 0.1), effort(None, None)
    (' (15 min, 0.10 USD)', '')
    """
    parts = [] if seconds is None else [duration(seconds)]
    parts += [] if usd is None else [quantity(usd, "USD")]
    return f" ({', '.join(parts)})" if parts else ""
