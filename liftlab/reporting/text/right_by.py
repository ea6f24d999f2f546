"""By when a request has a right answer."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import as_set, quantity
from liftlab.reporting.text.base import Text, write
from liftlab.reporting.text.numbers import value, with_interval
from liftlab.summary.latency import RightBy


def title(right_by: RightBy) -> Text:
    """Return how many have a right answer in the end, and by when."""
    curve = right_by.curve
    if len(curve.seconds) == 0:
        return Text("No request has a right answer, however long one waits")
    last = float(curve.seconds[-1])
    found, when = curve.at(last), quantity(last, "s")
    if found.value == 1:
        return write("All have a right answer within {}", when)
    return write("{} have a right answer within {}; the others never get one", value(found), when)


def within(right_by: RightBy) -> Iterator[Text]:
    """Yield how many are right within each target."""
    for _, seconds in right_by.limits:
        found = right_by.curve.at(seconds)
        yield write("Right within {}: {}.", as_set(seconds, "s"), with_interval(found))
