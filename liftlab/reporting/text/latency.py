"""How long requests and their stages take."""

from __future__ import annotations

from liftlab.analysis.latency import LatencySummary
from liftlab.analysis.targets import JudgedTarget
from liftlab.reporting.text import targets, words
from liftlab.reporting.text.base import Text, capitalised, write
from liftlab.reporting.text.numbers import value, with_interval, with_likely
from liftlab.summary.latency import Latency
from liftlab.words import counted

ROWS = "Times of answered requests; one that timed out counts as longer than its limit."


def title(latency: Latency) -> Text:
    """Return how long the median request takes."""
    median = latency.e2e.p50
    if median.value is None:
        return Text("No request was answered, so there are no times")
    return write("The median request takes {}", value(median))


def typical(latency: Latency, target: JudgedTarget | None) -> Text:
    """Say how long the median request takes, and what that means for its target."""
    said = title(latency)
    if latency.e2e.p50.value is None or target is None:
        return write("{}.", said)
    return write("{}; {}.", said, targets.clause(target))


def tail(latency: Latency) -> Text:
    """Say what P95 is, or why there is none."""
    p95 = latency.e2e.p95
    if not latency.e2e.n:
        return Text()
    if p95.value is None:
        return capitalised(f"{p95.reason}.") if p95.reason else Text()
    return write("P95 is {}.", with_likely(p95))


def right(latency: Latency) -> Text:
    """Say how long right answers take, where that is another figure."""
    median = latency.right.p50
    if median.value is None or median.point == latency.e2e.p50.point:
        return Text()
    return write("The median right answer takes {}.", value(median))


def stage(summary: LatencySummary) -> Text:
    """Say how long a stage takes."""
    return write("{}: median {}.", words.stage(summary.what), with_interval(summary.p50))


def left_out(latency: Latency) -> Text:
    """Say how many requests have no time; empty where all have."""
    if not latency.e2e.left_out:
        return Text()
    failed = counted(latency.e2e.left_out, "request")
    have = "has" if latency.e2e.left_out == 1 else "have"
    return Text(f"{failed} failed at the endpoint and {have} no time here.")
