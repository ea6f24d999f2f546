"""What to do next: a lead and a reason each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from liftlab.analysis.estimate import quantity
from liftlab.reporting.text import answers, targets, words
from liftlab.reporting.text.base import Text, capitalised, marked, write
from liftlab.summary.targets import FixClass, FixEndpoint, Investigate, Recommendations, Settle
from liftlab.words import counted

_MINUTE_S, _HOUR_S = 90.0, 5400.0  # from here on people count in minutes, and in hours


def steps(recommendations: Recommendations) -> Iterator[tuple[Text, Text]]:
    """Yield what to do and why, the most useful first."""
    for row in recommendations.rows:
        yield _step(row)


def first(recommendations: Recommendations) -> Text:
    """Return what to do first, as a sentence; empty where nothing stands out."""
    return next((lead for lead, _ in steps(recommendations)), Text())


def duration(seconds: float) -> str:
    """Write a duration as people say it.

    Examples
    --------
    >>> duration(45), duration(600), duration(7200)
    ('45 s', '10 min', '2.0 h')
    """
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < _HOUR_S else f"{seconds / 3600:,.1f} h"


@singledispatch
def _step(row: object) -> tuple[Text, Text]:
    raise TypeError(f"no words for {type(row).__name__}")


@_step.register
def _(row: FixEndpoint) -> tuple[Text, Text]:
    failed = marked(f"{row.errors:,} of {row.trials:,}", "count:error_rate")
    noun = "request" if row.trials == 1 else "requests"
    why = write("{} {} failed there{}.", failed, noun, answers.how(row.classes))
    return Text("Look at the endpoint."), why


@_step.register
def _(row: FixClass) -> tuple[Text, Text]:
    share = marked(
        f"{row.share.count:,} of {row.failures:,}", f"count:{row.share.of_failures.quantity}"
    )
    lead = write("Fix {} first.", words.cause(row.share.failure_class))
    return lead, write("They cause {} failures.", share)


@_step.register
def _(row: Settle) -> tuple[Text, Text]:
    what, limit = targets.name(row.target), targets.aim(row.target)
    verb = "stays within" if row.target.result.at_most else "reaches"
    lead = write("Find out whether the {} {} {}.", what, verb, limit)
    fewest = row.target.result.more[0] if row.target.result.more else 0
    verb = "s" * (fewest == 1)
    effort = [f"take{verb} {duration(row.seconds)}"] if row.seconds is not None else []
    effort += [f"cost{verb} {quantity(row.usd, 'USD')}"] if row.usd else []
    least = f"; {counted(fewest, 'prompt')} {' and '.join(effort)}" if effort and fewest else ""
    return lead, capitalised(write("{}{}.", targets.decides(row.target), least))


@_step.register
def _(row: Investigate) -> tuple[Text, Text]:
    lost = quantity(row.seconds, "s")
    why = f"{counted(row.steps, 'slow step')} took {lost} longer than their known causes explain."
    return Text("Look into the slow steps."), Text(why)
