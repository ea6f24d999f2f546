"""What to do next: a lead and a reason each."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import quantity
from liftlab.reporting.text import answers, targets, words
from liftlab.reporting.text.base import Text, capitalised, marked, write
from liftlab.summary.targets import (
    FixClass,
    FixEndpoint,
    Investigate,
    MeasureAgain,
    Recommendations,
    Settle,
)
from liftlab.words import counted


def steps(recommendations: Recommendations) -> Iterator[tuple[Text, Text]]:
    """Yield what to do and why, the most useful first."""
    for row in recommendations.rows:
        match row:
            case FixEndpoint():
                failed = marked(f"{row.errors:,} of {row.trials:,}", "count:error_rate")
                noun = "request" if row.trials == 1 else "requests"
                why = write("{} {} failed there{}.", failed, noun, answers.how(row.classes))
                yield Text("Look at the endpoint."), why
            case FixClass():
                of = f"count:{row.share.of_failures.quantity}"
                share = marked(f"{row.share.count:,} of {row.failures:,}", of)
                lead = write("Fix {} first.", words.cause(row.share.failure_class))
                yield lead, write("They cause {} failures.", share)
            case Settle():
                yield _settle(row)
            case Investigate():
                many, lost = counted(row.steps, "slow step"), quantity(row.seconds, "s")
                why = Text(f"{many} took {lost} longer than their known causes explain.")
                yield Text("Look into the slow steps."), why
            case MeasureAgain():
                lead = Text("Run it again on a quieter machine, or with less concurrency.")
                yield lead, Text("The client was the bottleneck.")


def first(recommendations: Recommendations) -> Text:
    """Return what to do first, as a sentence; empty where nothing stands out."""
    return next((lead for lead, _ in steps(recommendations)), Text())


def _settle(row: Settle) -> tuple[Text, Text]:
    what, limit = row.target.result.name, targets.aim(row.target)
    verb = "stays within" if row.target.result.at_most else "reaches"
    lead = write("Find out whether the {} {} {}.", what, verb, limit)
    fewest = row.target.result.more[0] if row.target.result.more else 0
    verb = "s" * (fewest == 1)
    effort = [f"take{verb} {targets.duration(row.seconds)}"] if row.seconds is not None else []
    effort += [f"cost{verb} {quantity(row.usd, 'USD')}"] if row.usd else []
    least = f"; {counted(fewest, 'prompt')} {' and '.join(effort)}" if effort and fewest else ""
    return lead, capitalised(write("{}{}.", targets.decides(row.target), least))
