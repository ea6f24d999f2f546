"""How long requests and their stages take, how that varies, and by when answers are right."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.drift import Drift as TimeDrift
from liftlab.analysis.estimate import as_set, quantity
from liftlab.analysis.targets import JudgedTarget
from liftlab.records import LOAD
from liftlab.reporting.text import targets, words
from liftlab.reporting.text.base import (
    Text,
    capitalised,
    joined,
    marked,
    value,
    with_interval,
    with_likely,
    write,
)
from liftlab.summary.latency import Drift, Latency, RightBy, Spread
from liftlab.words import counted

ROWS = "Times of answered requests; one that timed out counts as longer than its limit."
CORRELATED = 0.2  # of neighbours: from here on repeats say visibly less than as many new prompts


def title(latency: Latency) -> Text:
    """Return how long the median request takes."""
    median = latency.e2e.p50
    if median.value is None:
        return Text("No request was answered, so there are no times")
    return write("The median request takes {}", value(median))


def typical(latency: Latency, target: JudgedTarget | None) -> Text:
    """Say how long the median request takes, and what that means for its target."""
    if latency.e2e.p50.value is None or target is None:
        return write("{}.", title(latency))
    return write("{}; {}.", title(latency), targets.clause(target))


def tail(latency: Latency) -> Text:
    """Say what P95 is, or why there is none."""
    p95 = latency.e2e.p95
    if not latency.e2e.n or latency.run.run.pipeline == LOAD:  # a load names those it has seen
        return Text()
    if p95.value is None:
        return capitalised(f"{p95.reason}.") if p95.reason else Text()
    return write("P95 is {}.", with_likely(p95))


def sentences(latency: Latency) -> Iterator[Text]:
    """Yield P95, the median of right answers where that is another, and what has no time."""
    yield tail(latency)
    median, left_out = latency.right.p50, latency.e2e.left_out
    if median.value is not None and median.point != latency.e2e.p50.point:
        yield write("The median right answer takes {}.", value(median))
    if left_out:
        have = "has" if left_out == 1 else "have"
        failed = counted(left_out, "request")
        yield Text(f"{failed} failed at the endpoint and {have} no time here.")


def right_by_title(right_by: RightBy) -> Text:
    """Return how many have a right answer in the end, and by when."""
    curve = right_by.curve
    if len(curve.seconds) == 0:
        return Text("No request has a right answer, however long one waits")
    last = float(curve.seconds[-1])
    found, when = curve.at(last), quantity(last, "s")
    if found.value == 1:
        return write("All have a right answer within {}", when)
    return write("{} have a right answer within {}; the others never get one", value(found), when)


def right_within(right_by: RightBy) -> Iterator[Text]:
    """Yield how many are right within each target."""
    for _, seconds in right_by.limits:
        found = right_by.curve.at(seconds)
        yield write("Right within {}: {}.", as_set(seconds, "s"), with_interval(found))


def spread_title(spread: Spread) -> Text:
    """Return which stage varies most for the same prompt, or that this is not known."""
    known = [(what, parts) for what, parts in spread.rows if not parts.reason and what != "e2e"]
    if not known:
        return Text("Prompts and repeats cannot be told apart yet")
    what, parts = max(known, key=lambda row: row[1].repeat.value or 0.0)
    return write(
        "{} varies most: by {} when a prompt is asked again", words.stage(what), value(parts.repeat)
    )


def between_prompts(spread: Spread) -> Text:
    """Say how much of the variance end to end lies between prompts, or what would tell."""
    parts = next((parts for what, parts in spread.rows if what == "e2e"), None)
    if parts is None:
        return Text()
    if parts.reason:
        return Text(f"Telling them apart {parts.reason}.") if "needs" in parts.reason else Text()
    said = "{} of the variance end to end lies between prompts, the rest between repeats."
    return write(said, value(parts.share))


def drift_title(drift: Drift) -> Text:
    """Return which times changed over the run, each by how much."""
    times = drift.times
    if not times.ordered:
        return Text("The order of measuring is not known, so drift is not measurable")
    if times.e2e.p is None and not times.drifting:
        return Text("Not enough repeats to see whether times changed over the run")
    if not times.drifting:
        return Text("No change of times over the run was seen")
    return joined([_change(row) for row in times.drifting], "; ")


def neighbours(drift: Drift) -> Text:
    """Say that neighbouring requests go together, where they do."""
    low = drift.times.e2e.neighbours.low
    if not drift.times.ordered or low is None or low <= CORRELATED:
        return Text()
    return Text(
        "Requests sent near each other took similar times, so repeats tell less than new prompts."
    )


def drifts(row: TimeDrift) -> str:
    """Return whether a time drifts."""
    if row.p is None:
        return "undecided"
    return "drifts" if row.drifts else "none seen"


def _change(row: TimeDrift) -> Text:
    value = row.ratio.value
    assert value is not None
    by = marked(quantity(abs(value - 1), "%"), row.ratio.quantity)
    way = "longer" if value > 1 else "less"
    return write(
        "{} took {} {} at the end of the run than at its start", words.stage(row.what), by, way
    )
