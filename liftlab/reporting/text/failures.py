"""What is wrong with the answers that are not right."""

from __future__ import annotations

from liftlab.analysis.success import FailureShare
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, capitalised, marked, write
from liftlab.reporting.text.numbers import with_interval
from liftlab.summary.failures import Failures


def title(failures: Failures) -> Text:
    """Return which class causes most failures."""
    if not failures.rows:
        return Text("No answer failed")
    first = failures.rows[0]
    cause = capitalised(words.cause(first.failure_class))
    if failures.count == 1:
        return write("{} cause the one failure", cause)
    if len(failures.rows) == 1:
        return write("{} cause all {} failures", cause, f"{failures.count:,}")
    if first.count == failures.rows[1].count:
        return Text(f"{failures.count:,} answers fail in {len(failures.rows):,} different ways")
    return write("{} cause most failures: {}", cause, count(failures, first))


def first(failures: Failures) -> Text:
    """Say how much of all graded answers the most frequent class spoils, and how sure that is."""
    if not failures.rows:
        return Text()
    share = failures.rows[0].of_trials
    said = write("They spoil {} of all graded answers.", with_interval(share))
    if len(failures.rows) > 1 and not failures.clearly_first:
        second = words.cause(failures.rows[1].failure_class)
        return write("{} That is not clearly more than {}.", said, second)
    return said


def count(failures: Failures, row: FailureShare) -> Text:
    """Return how many of the failures a class causes."""
    return marked(f"{row.count:,} of {failures.count:,}", f"count:{row.of_failures.quantity}")
