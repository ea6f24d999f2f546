"""What is wrong with the answers that are not right."""

from __future__ import annotations

from liftlab.analysis.success import FailureShare
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, capitalised, marked, write
from liftlab.reporting.text.numbers import with_likely
from liftlab.summary.answers import Failures


def title(failures: Failures) -> Text:
    """Return which class causes most failures."""
    if not failures.rows:
        graded = "pass" in set(failures.run.counted("trial", "outcome")["outcome"])
        return Text("No answer failed" if graded else "No answer was graded")
    first = failures.rows[0]
    cause = words.cause(first.failure_class)
    if failures.count == 1:
        return Text(f"One answer failed: {cause}")
    if len(failures.rows) == 1:
        return Text(f"{capitalised(cause)} cause all {failures.count:,} failures")
    if first.count == failures.rows[1].count:
        return Text(f"{failures.count:,} answers fail in {len(failures.rows):,} different ways")
    if 2 * first.count > failures.count:
        return write("{} cause most failures: {}", capitalised(cause), count(failures, first))
    return write("The most frequent fault is {}: {} failures", cause, count(failures, first))


def first(failures: Failures) -> Text:
    """Say how much of all graded answers the most frequent class spoils, and how sure that is."""
    if not failures.rows:
        return Text()
    row = failures.rows[0]
    tied = len(failures.rows) > 1 and row.count == failures.rows[1].count
    what = capitalised(words.cause(row.failure_class)) if tied else "They"
    said = write("{} spoil {} of all graded answers.", what, with_likely(row.of_trials))
    if len(failures.rows) > 1 and not failures.clearly_first:
        second = words.cause(failures.rows[1].failure_class)
        return write("{} That is not clearly more than {}.", said, second)
    return said


def count(failures: Failures, row: FailureShare) -> Text:
    """Return how many of the failures a class causes."""
    return marked(f"{row.count:,} of {failures.count:,}", f"count:{row.of_failures.quantity}")
