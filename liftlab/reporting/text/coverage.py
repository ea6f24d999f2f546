"""What a report does not cover, and how to get it."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.reporting.since import last_comparable
from liftlab.reporting.text.base import Text, joined, write
from liftlab.reporting.text.findings import own
from liftlab.summary.run import RunSummary


def not_covered(summary: RunSummary) -> Text:
    """Say in one line what is not in a run's report, each with what it takes; empty if all is."""
    missing = [] if own(summary) else [*_missing(summary)]
    return write("Not in this report: {}.", joined(missing, "; ")) if missing else Text()


def _missing(summary: RunSummary) -> Iterator[str]:
    found, times = summary.answers, summary.latency
    if not last_comparable(summary) and summary.run.run.provenance == "measured":
        yield "the change since an earlier run (run the same suite again under the same conditions)"
    if found.answered and not found.graded:
        yield "how many answers are right (give the suite checks)"
    if times.e2e.n and times.e2e.p95.value is None:
        yield "P95 (run at least 20 prompts)"
    if found.answered and summary.cost.request.value is None:
        yield "costs (set a price)"
    if found.trials and found.trials == found.cases:
        yield "how much times vary when a prompt is asked again (--repeats 3)"
