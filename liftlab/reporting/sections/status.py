"""A run as a whole: the finding, its targets and claims, what to do next, where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.published import PublishedFigure
from liftlab.analysis.targets import JudgedTarget
from liftlab.records import Run
from liftlab.reporting.html import Html, tag
from liftlab.reporting.sections.base import Section, cell, has_all, interval_cell, of_run, shown
from liftlab.reporting.since import change
from liftlab.reporting.tables import Scorecard, facts_table, scorecards, table, verdict
from liftlab.reporting.text import answers, capacity, findings, run, targets, words
from liftlab.reporting.text import recommendations as recommendations_text
from liftlab.reporting.text.base import capitalised, code
from liftlab.reporting.text.findings import not_covered
from liftlab.reporting.text.numbers import likely, value
from liftlab.reporting.text.provenance import (
    controls,
    isolation,
    load,
    moment,
    price,
    seconds,
    segments,
    source,
    with_digest,
)
from liftlab.settings.targets import GOODPUT, SESSION_METRIC
from liftlab.summary.capacity import Capacity
from liftlab.summary.claims import Claims
from liftlab.summary.provenance import Provenance, Published, Source, warning_of
from liftlab.summary.run import RunSummary
from liftlab.summary.targets import Recommendations, Targets

_VERDICTS = {
    "yes": ("met", "holds"),
    "no": ("not met", "does not hold"),
    "cannot be checked": ("not measurable", "cannot be checked"),
}


@shown.register
def _(summary: RunSummary) -> Section:
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
    if summary.capacity is not None:
        yield from _capacity_cards(summary, summary.capacity)
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


def _capacity_cards(summary: RunSummary, found: Capacity) -> Iterator[Scorecard]:
    highest, target = found.goodput, summary.targets.of(GOODPUT)
    yield _card("Right answers a second, in time", capacity.bare(highest), highest, target)
    yield _card("Knee: requests at once", capacity.bare(found.knee), found.knee, None)
    worse = found.worse[0] if found.worse else None
    said = "get worse" if worse else "no change seen"
    where = f"seen {capacity.at_once(worse)}" if worse else ""
    yield Scorecard(what="Answers under load", number=said, why=where)


def _card(what: str, number: str, estimate: Estimate, target: JudgedTarget | None) -> Scorecard:
    if target is None:
        verdict = "" if estimate.value is not None else "not measurable"
        return Scorecard(what=what, number=number, why=likely(estimate), verdict=verdict)
    known = estimate if estimate.value is not None else target.result.estimate
    why = [likely(known), targets.decides(target)]
    return Scorecard(
        what=what,
        number=number,
        why="; ".join(part for part in why if part),
        verdict=targets.verdict(target),
        target=f"target {targets.limit(target)}",
    )


@shown.register
def _(found: Targets) -> Section:
    """Return each target with its verdict, and what would decide the open ones."""
    rows = [
        {
            "Target": capitalised(targets.name(row)) + ("" if row.required else " (not required)"),
            "Limit": targets.limit(row),
            "Value": cell(row.result.estimate),
            "95 % interval": interval_cell(row.result.estimate),
            "Verdict": verdict(row.verdict, targets.verdict(row)),
            "What would decide": row.result.needs,
        }
        for row in found.rows
    ]
    if not rows:
        return of_run(found, title="No targets are set: [targets] in liftlab.toml", is_empty=True)
    frame = pd.DataFrame(rows)
    shown = table(frame.drop(columns="95 % interval"))
    return of_run(
        found,
        parts=(shown,),
        details=(("With intervals (table, CSV)", table(frame, csv="targets.csv")),),
    )


@shown.register
def _(recommendations: Recommendations) -> Section:
    """Return what to do and why, the most useful first."""
    steps = [
        tag("li", tag("strong", lead), " ", why)
        for lead, why in recommendations_text.steps(recommendations)
    ]
    if not steps:
        return of_run(recommendations, title="Nothing needs to be done next")
    return of_run(recommendations, parts=(tag("ol", *steps),))


@shown.register
def _(claims: Claims) -> Section:
    """Return each claim with its ruling."""
    rows = [
        {
            "Claim": tag("span", f"“{row.claim.statement}”"),
            "Ruling": verdict(row.ruling),
            "What may be said": tag("span", row.may_say),  # whole, however long
        }
        for row in claims.rows
    ]
    if not rows:
        return of_run(claims, title="No claims are on file for this run", is_empty=True)
    kept = sum(row.ruling == "supported" for row in claims.rows)
    shown = table(pd.DataFrame(rows))
    return of_run(
        claims,
        title=f"{kept:,} of {len(rows):,} claims are supported by the run's rows",
        details=(("Each claim with its ruling, and what may be said", shown),),
    )


@shown.register
def _(published: Published) -> Section:
    """Return each published figure beside the recomputed one."""
    if not published.rows:
        return of_run(published, title="Nothing was published of this run", is_empty=True)
    return of_run(
        published,
        title=published_title(published),
        details=(("Each published figure beside the recomputed one", _table(published)),),
        notes=(
            "Recomputed from all answered requests; right means that every check agreed; money "
            "is at the endpoint's price.",
        ),
    )


def published_title(published: Published) -> str:
    """Return how many published figures are the same when recomputed."""
    same = sum(row.survives == "yes" for row in published.rows)
    count = len(published.rows)
    return f"{same:,} of {count:,} published figures are the same when recomputed"


def published_rows(published: Published) -> list[dict[str, str]]:
    """Return each published figure with the recomputed one, in words."""
    stages = published.run.counted("stage", "stage")["stage"].tolist()
    return [
        {
            "Figure": _name(row.what, stages),
            "Published": _amount(row.published, row.unit),
            "Recomputed": _amount(row.recomputed, row.unit, _limit(published, row)),
            "Verdict": _VERDICTS[row.survives][1],
            "Why": row.explanation,
        }
        for row in published.rows
    ]


def _table(published: Published) -> Html:
    shown = pd.DataFrame(published_rows(published))
    verdicts: Any = [verdict(*_VERDICTS[row.survives]) for row in published.rows]
    shown["Verdict"] = verdicts
    columns = ["field", "unit", "published", "comes_out_as", "recomputed", "rule", "survives"]
    full = pd.DataFrame(
        [{name: getattr(row, name) for name in [*columns, "explanation"]} for row in published.rows]
    )
    return table(shown, csv="published.csv", full=full)


def _name(what: str, stages: list[str]) -> str:
    """Write the stages in a figure's name as on every page."""
    for stage in stages:
        what = what.replace(words.readable(stage), words.stage(stage))
    return capitalised(what.replace("e2e", "end to end"))


def _limit(published: Published, row: PublishedFigure) -> float | None:
    limits = published.targets.of(row.field, required=True)
    return next((limit for _, limit in limits), None)


def _amount(value: float | None, unit: str, limit: float | None = None) -> str:
    """Write a figure with the digits that a published one has."""
    if value is None:
        return "–"
    return (
        f"{value:,.0f}" if not unit and value == int(value) else quantity(value, unit, limit=limit)
    )


@shown.register
def _(provenance: Provenance) -> Section:
    """Return what there is to know of a run, name by name."""
    run = provenance.run
    rows = {
        **_run(run.run),
        "Source": source(run.run),
        "Segments": segments(provenance.segments),
        "File": provenance.source.get("file"),
        "Read as": "; ".join(provenance.source.get("notes", [])),
        "Price": price(provenance.price),
        "Isolation": isolation(provenance.isolation),
        "Controls": controls(provenance),
        "Caches": provenance.caches,
        "Own work": "; ".join(provenance.own_work),
        "Grader version": ", ".join(
            run.counted("grade", "grader_version")["grader_version"].dropna()
        ),
        **_client(run.run),
    }
    shown = facts_table(rows)
    details = (("Run, settings, versions", shown),)
    return of_run(provenance, details=details, is_end=True, owes=has_all(run))


@shown.register
def _(source: Source) -> Section:
    """Return nothing but the line that every page has in its head, and where there is more."""
    more = "All settings, versions and digests of the run stand at the end of the status page."
    return of_run(source, notes=(more,), is_end=True, owes=has_all(source.run))


def _run(run: Run) -> dict[str, object]:
    sampling = {
        "temperature": run.temperature,
        "top-p": run.top_p,
        "max tokens": None if run.max_tokens is None else f"{run.max_tokens:,}",
        "seed": run.sampling_seed,
    }
    return {
        "Run": code(run.run_id),
        "Status": run.status,
        "Suite": with_digest(run.suite, run.suite_sha256),
        "Pipeline": with_digest(run.pipeline, run.pipeline_sha256),
        "Endpoint": code(run.endpoint or ""),
        "Protocol": code(run.protocol or ""),
        "Model": code(run.model or ""),
        "Hardware": run.hardware,
        "Sampling": ", ".join(f"{k} {v}" for k, v in sampling.items() if v is not None),
        "Left out of requests": run.left_out,
        "Load": load(run),
        "Order": f"shuffled, seed {run.order_seed}" if run.order_seed is not None else None,
        "Started": moment(run.started_at),
        "Finished": moment(run.finished_at),
    }


def _client(run: Run) -> dict[str, object]:
    return {
        "Timing uncertainty": seconds(run.timing_uncertainty_s),
        "Clock resolution": seconds(run.clock_resolution_s),
        "Event loop lag, P50": seconds(run.loop_lag_p50_s),
        "Event loop lag, P99": seconds(run.loop_lag_p99_s),
        "Client memory, peak": f"{run.client_peak_mb:.1f} MB" if run.client_peak_mb else None,
        "Client CPU": quantity(run.client_cpu_share, "%") if run.client_cpu_share else None,
        "liftlab": run.liftlab_version,
        "Commit": run.git_commit,
        "Python": run.python,
        "Platform": run.platform,
    }
