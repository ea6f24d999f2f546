"""What a run comes to, in sentences that anyone understands, and what its report lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from liftlab.reporting.since import last_comparable
from liftlab.reporting.text import (
    answers,
    capacity,
    cost,
    latency,
    load,
    sessions,
    slow,
    targets,
)
from liftlab.reporting.text.base import Text, joined, write
from liftlab.reporting.text.numbers import sentences as told
from liftlab.reporting.text.numbers import value
from liftlab.summary.run import RunSummary


class Words(Protocol):
    """What says a kind of run that has words of its own."""

    def title(self, summary: RunSummary) -> Text:
        """Return the finding in one line."""

    def sentences(self, summary: RunSummary) -> tuple[Text, ...]:
        """Return what else anyone should know."""

    def numbers(self, summary: RunSummary) -> list[tuple[str, Text]]:
        """Return the numbers of a status update by name."""

    def message(self, summary: RunSummary) -> Text:
        """Return the finding as a paragraph."""

    def technical(self, summary: RunSummary) -> Text:
        """Return what the technical team needs."""


def own(summary: RunSummary) -> Words | None:
    """Return the words of session checks, of a capacity run and of a load; None for other runs."""
    if summary.sessions is not None:
        return sessions
    if summary.capacity is not None:
        return capacity
    return load if summary.load is not None else None


def title(summary: RunSummary) -> Text:
    """Return the finding in one line."""
    if (words := own(summary)) is not None:
        return words.title(summary)
    found = summary.answers
    if not found.trials:
        return Text("No request has ended yet")
    if not found.answered:
        return answers.unanswered(found)
    if not found.graded:
        return write("Timed, not graded: {}", latency.title(summary.latency))
    said = answers.right(found)
    target = summary.targets.of("success_rate")
    if target is not None:
        said = write("{}; {}", said, targets.clause(target))
    if found.errors:
        said = write("{}; {}", said, answers.failed(found))
    return said


def sentences(summary: RunSummary) -> tuple[str, ...]:
    """Return up to five sentences that anyone understands."""
    if (words := own(summary)) is not None:
        return words.sentences(summary)
    if not summary.answers.answered:
        return (answers.NOTHING_JUDGED,)
    return told(
        answers.wrong(summary.answers),
        answers.weighed(summary.answers),
        latency.typical(summary.latency, summary.targets.of("e2e_median_s")),
        slow.headline(summary.slow),
        cost.request(summary.cost),
    )


def numbers(summary: RunSummary) -> list[tuple[str, Text]]:
    """Return the numbers of a status update by name."""
    if (words := own(summary)) is not None:
        return words.numbers(summary)
    found, times, spent = summary.answers, summary.latency, summary.cost
    rows: list[tuple[str, Text]] = []
    if found.graded:
        rows += [("Right", answers.rate(found.success)), ("Parsed", answers.rate(found.parsed))]
    if found.errors:
        rows.append(("Failed at the endpoint", answers.error_count(found)))
    if times.e2e.p50.value is not None:
        rows += [
            ("End to end, median", value(times.e2e.p50)),
            ("End to end, P95", value(times.e2e.p95)),
        ]
    if spent.request.value is not None:
        rows += [
            ("Cost of a request", value(spent.request)),
            ("Cost of a right answer", value(spent.right)),
        ]
    return [(name, said) for name, said in rows if said != "–"]


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
