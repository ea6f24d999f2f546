"""A run as a whole: the finding, and a scorecard for each thing that a reader asks."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.targets import JudgedTarget
from liftlab.reporting.scorecards import Scorecard, scorecards
from liftlab.reporting.sections.base import Section
from liftlab.reporting.since import change
from liftlab.reporting.text import answers, findings, run, targets
from liftlab.reporting.text.coverage import not_covered
from liftlab.reporting.text.numbers import likely, value
from liftlab.settings.targets import SESSION_METRIC
from liftlab.summary.provenance import warning_of
from liftlab.summary.run import RunSummary


def section(summary: RunSummary) -> Section:
    """Return what a run comes to, with its scorecards."""
    cards = [*_cards(summary)]
    return Section(
        title=findings.title(summary),
        sentences=(change(summary), *findings.sentences(summary)),
        parts=(scorecards(cards),) if cards else (),
        notes=(not_covered(summary),),
        line=run.line(summary.run),
        warning=warning_of(summary.run),
        run_id=summary.run.run.run_id,
    )


def _cards(summary: RunSummary) -> Iterator[Scorecard]:
    if summary.load is not None:
        return
    if summary.sessions is not None:
        critical, target = summary.sessions.critical, summary.targets.of(SESSION_METRIC)
        yield _card("Critical failures", value(critical), critical, target)
        return
    found, times, spent = summary.answers, summary.latency, summary.cost
    of = summary.targets.of
    right, median, tail = found.success.estimate, times.e2e.p50, times.e2e.p95
    count = answers.count(found.success) if found.graded else value(right)
    yield _card("Right answers", count, right, of("success_rate"))
    if found.errors:
        failed = answers.error_count(found)
        yield _card("Failed at the endpoint", failed, found.error_rate, of("error_rate"))
    yield _card("End to end, median", value(median), median, of("e2e_median_s"))
    yield _card("End to end, P95", value(tail), tail, of("e2e_p95_s"))
    yield _card("Cost of a right answer", value(spent.right), spent.right, of("cost_per_pass_usd"))


def _card(what: str, number: str, estimate: Estimate, target: JudgedTarget | None) -> Scorecard:
    if target is None:
        verdict = "" if estimate.value is not None else "not measurable"
        return Scorecard(what=what, number=number, why=likely(estimate), verdict=verdict)
    why = [likely(estimate), targets.decides(target)]
    return Scorecard(
        what=what,
        number=number,
        why="; ".join(part for part in why if part),
        verdict=targets.verdict(target),
        target=f"target {targets.limit(target)}",
    )
