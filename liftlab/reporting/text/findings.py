"""What a run comes to, in sentences that anyone understands, and what its report lacks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from liftlab.errors import LiftlabError
from liftlab.jobs import comparing, opening
from liftlab.records import CAPACITY, LOAD, SESSIONS
from liftlab.reporting.text import (
    answers,
    capacity,
    comparison,
    cost,
    latency,
    load,
    sessions,
    slow,
    targets,
)
from liftlab.reporting.text.base import Text, joined, value, write
from liftlab.store.listing import latest_sessions
from liftlab.summary.comparison import Comparison
from liftlab.summary.run import RunSummary, summarize


class _Words(Protocol):
    """What says a kind of run that has words of its own."""

    def title(self, summary: RunSummary) -> Text: ...
    def sentences(self, summary: RunSummary) -> tuple[Text, ...]: ...
    def numbers(self, summary: RunSummary) -> list[tuple[str, Text]]: ...
    def message(self, summary: RunSummary) -> Text: ...
    def technical(self, summary: RunSummary) -> Text: ...


def own(summary: RunSummary) -> _Words | None:
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
    if not found.answered:
        return answers.unanswered(found)
    if not found.graded:
        return write("{} (timed, not graded)", latency.title(summary.latency))
    target = summary.targets.of("success_rate")
    clause = targets.clause(target) if target is not None else ""
    failed = answers.failed(found) if found.errors else ""
    return joined([answers.right(found), clause, failed], "; ")


def sentences(summary: RunSummary) -> tuple[str, ...]:
    """Return up to five sentences that anyone understands."""
    if (words := own(summary)) is not None:
        return words.sentences(summary)
    if not summary.answers.answered:
        return (answers.NOTHING_JUDGED,)
    said = (
        answers.wrong(summary.answers),
        answers.weighed(summary.answers),
        latency.typical(summary.latency, summary.targets.of("e2e_median_s")),
        slow.headline(summary.slow),
        cost.request(summary.cost),
    )
    return tuple(filter(None, said))


def numbers(summary: RunSummary) -> list[tuple[str, Text]]:
    """Return the numbers of a status update by name."""
    if (words := own(summary)) is not None:
        return words.numbers(summary)
    found, times, spent = summary.answers, summary.latency.e2e, summary.cost
    rows: list[tuple[str, Text]] = []
    if found.graded:
        rows += [("Right", value(found.success.estimate)), ("Parsed", value(found.parsed.estimate))]
    if found.errors:
        rows.append(("Failed at the endpoint", answers.error_count(found)))
    if times.p50.value is not None:
        rows += [("End to end, median", value(times.p50)), ("End to end, P95", value(times.p95))]
    if spent.request.value is not None:
        rows.append(("Cost of a request", value(spent.request)))
        rows.append(("Cost of a right answer", value(spent.right)))
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
        timed = summary.cost.model == "tokens" or len(summary.cost.service.seconds)
        yield f"costs ({'set a price' if timed else 'record the times of HTTP requests'})"
    if found.trials and found.trials == found.cases:
        yield "how much times vary when a prompt is asked again (--repeats 3)"


@lru_cache(maxsize=4)
def last_comparable(summary: RunSummary) -> Comparison | None:
    """Return a run beside its baseline, else beside the newest run that was made alike.

    None where there is no such run, or where it cannot be read: no report fails for that.
    """
    row = summary.run.run
    alone = row.load == CAPACITY or row.pipeline in (LOAD, SESSIONS)
    if row.provenance != "measured" or alone:
        return None
    try:
        return comparing.compare_runs(summary.project, second=summary.run)
    except LiftlabError:
        return None


def change(summary: RunSummary) -> Text:
    """Say what changed since the last comparable run; empty where there is none."""
    compared = last_comparable(summary)
    return comparison.since(compared) if compared else Text()


def session_checks(summary: RunSummary) -> Text:
    """Say what the newest session checks came to; empty where there are none, or for their own."""
    if summary.sessions is not None or summary.run.run.provenance != "measured":
        return Text()
    run_id = latest_sessions(summary.project.path("runs"))
    if run_id is None:
        return Text()
    try:
        run = opening.open_run(run_id, project=summary.project)
    except LiftlabError:
        return Text()
    return sessions.beside(summarize(run, summary.project))
