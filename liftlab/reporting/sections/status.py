"""A run as a whole: the finding, its targets and claims, what to do next, where it is from."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.targets import JudgedTarget
from liftlab.reporting.html import tag
from liftlab.reporting.sections.base import Section, cell, interval_cell, of_run, shown
from liftlab.reporting.tables import Scorecard, facts_table, scorecards, table, verdict
from liftlab.reporting.text import answers, capacity, findings, targets, words
from liftlab.reporting.text import provenance as source_text
from liftlab.reporting.text import recommendations as recommendations_text
from liftlab.reporting.text.base import capitalised, code, likely, value
from liftlab.settings.targets import GOODPUT, SESSION_METRIC
from liftlab.store import RunData
from liftlab.summary.claims import Claims
from liftlab.summary.provenance import Provenance, Published, Source, warning_of
from liftlab.summary.run import RunSummary
from liftlab.summary.targets import Recommendations, Targets
from liftlab.words import be, counted

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
        sentences=(findings.change(summary), *findings.sentences(summary)),
        parts=(scorecards(cards),) if cards else (),
        notes=(findings.not_covered(summary),),
        line=source_text.line(summary.run),
        warning=warning_of(summary.run),
        run_id=summary.run.run.run_id,
    )


def _cards(summary: RunSummary) -> Iterator[Scorecard]:
    of = summary.targets.of
    if summary.load is not None:
        return
    if summary.sessions is not None:
        critical = summary.sessions.critical
        yield _card("Critical failures", value(critical), critical, of(SESSION_METRIC))
        return
    if (found := summary.capacity) is not None:
        highest, bare = found.goodput, capacity.bare
        yield _card("Right answers a second, in time", bare(highest), highest, of(GOODPUT))
        yield _card("Knee: requests at once", bare(found.knee), found.knee, None)
        said = "get worse" if found.worse else "no change seen"
        where = f"seen {capacity.at_once(found.worse[0])}" if found.worse else ""
        yield Scorecard(what="Answers under load", number=said, why=where)
        return
    asked, times, spent = summary.answers, summary.latency, summary.cost
    right, median, tail = asked.success.estimate, times.e2e.p50, times.e2e.p95
    count = answers.count(asked.success) if asked.graded else value(right)
    yield _card("Right answers", count, right, of("success_rate"))
    if asked.errors:
        failed = answers.error_count(asked)
        yield _card("Failed at the endpoint", failed, asked.error_rate, of("error_rate"))
    yield _card("End to end, median", value(median), median, of("e2e_median_s"))
    yield _card("End to end, P95", value(tail), tail, of("e2e_p95_s"))
    yield _card("Cost of a right answer", value(spent.right), spent.right, of("cost_per_pass_usd"))


def _card(what: str, number: str, estimate: Estimate, target: JudgedTarget | None) -> Scorecard:
    if target is None:
        verdict = "" if estimate.value is not None else "not measurable"
        return Scorecard(what=what, number=number, why=likely(estimate), verdict=verdict)
    known = estimate if estimate.value is not None else target.result.estimate
    return Scorecard(
        what=what,
        number=number,
        why="; ".join(filter(None, (likely(known), targets.decides(target)))),
        verdict=targets.verdict(target),
        target=f"target {targets.limit(target)}",
    )


@shown.register
def _(found: Targets) -> Section:
    """Return each target with its verdict, and what would decide the open ones."""
    rows = [
        {
            "Target": capitalised(row.result.name) + ("" if row.required else " (not required)"),
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
    return of_run(
        found,
        parts=(table(frame.drop(columns="95 % interval")),),
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
    return of_run(
        claims,
        title=f"{kept:,} of {counted(len(rows), 'claim')} {be(kept)} supported by the run's rows",
        details=(("Each claim with its ruling, and what may be said", table(rows)),),
    )


@shown.register
def _(published: Published) -> Section:
    """Return each published figure beside the recomputed one."""
    if not published.rows:
        return of_run(published, title="Nothing was published of this run", is_empty=True)
    verdicts = [verdict(*_VERDICTS[row.survives]) for row in published.rows]
    rows = [
        row | {"Verdict": word}
        for row, word in zip(published_rows(published), verdicts, strict=True)
    ]
    columns = ["field", "unit", "published", "comes_out_as", "recomputed", "rule", "survives"]
    full = pd.DataFrame(
        [{name: getattr(row, name) for name in [*columns, "explanation"]} for row in published.rows]
    )
    shown = table(rows, csv="published.csv", full=full)
    return of_run(
        published,
        title=published_title(published),
        details=(("Each published figure beside the recomputed one", shown),),
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
    rows = []
    for row in published.rows:
        limits = published.targets.of(row.field, required=True)
        limit = next((limit for _, limit in limits), None)
        what = row.what
        for stage in stages:  # written as on every page
            what = what.replace(words.readable(stage), words.stage(stage))
        rows.append(
            {
                "Figure": capitalised(what.replace("e2e", "end to end")),
                "Published": _amount(row.published, row.unit),
                "Recomputed": _amount(row.recomputed, row.unit, limit),
                "Verdict": _VERDICTS[row.survives][1],
                "Why": row.explanation,
            }
        )
    return rows


def _amount(value: float | None, unit: str, limit: float | None = None) -> str:
    """Write a figure with the digits that a published one has."""
    if value is None:
        return "–"
    if not unit and value == int(value):
        return f"{value:,.0f}"
    if unit == "ms":
        value, unit = value / 1e3, "s"
    return quantity(value, unit, limit=limit)


@shown.register
def _(provenance: Provenance) -> Section:
    """Return what there is to know of a run, name by name."""
    data, run = provenance.run, provenance.run.run
    graders = data.counted("grade", "grader_version")["grader_version"].dropna()
    sampling = {
        "temperature": run.temperature,
        "top-p": run.top_p,
        "max tokens": None if run.max_tokens is None else f"{run.max_tokens:,}",
        "seed": run.sampling_seed,
    }
    rows = {
        "Run": code(run.run_id),
        "Status": run.status,
        "Suite": source_text.with_digest(run.suite, run.suite_sha256),
        "Pipeline": source_text.with_digest(run.pipeline, run.pipeline_sha256),
        "Endpoint": code(run.endpoint or ""),
        "Protocol": code(run.protocol or ""),
        "Model": code(run.model or ""),
        "Hardware": run.hardware,
        "Sampling": ", ".join(f"{k} {v}" for k, v in sampling.items() if v is not None),
        "Left out of requests": run.left_out,
        "Load": source_text.load(run),
        "Order": f"shuffled, seed {run.order_seed}" if run.order_seed is not None else None,
        "Started": source_text.moment(run.started_at),
        "Finished": source_text.moment(run.finished_at),
        "Source": source_text.source(run),
        "Segments": source_text.segments(provenance.segments),
        "File": provenance.source.get("file"),
        "Read as": "; ".join(provenance.source.get("notes", [])),
        "Price": source_text.price(provenance.price),
        "Isolation": source_text.isolation(provenance.isolation),
        "Controls": source_text.controls(provenance),
        "Caches": provenance.caches,
        "Own work": "; ".join(provenance.own_work),
        "Grader version": ", ".join(graders),
        "Timing uncertainty": source_text.seconds(run.timing_uncertainty_s),
        "Clock resolution": source_text.seconds(run.clock_resolution_s),
        "Event loop lag, P50": source_text.seconds(run.loop_lag_p50_s),
        "Event loop lag, P99": source_text.seconds(run.loop_lag_p99_s),
        "Client memory, peak": f"{run.client_peak_mb:.1f} MB" if run.client_peak_mb else None,
        "Client CPU": quantity(run.client_cpu_share, "%") if run.client_cpu_share else None,
        "liftlab": run.liftlab_version,
        "Commit": run.git_commit,
        "Python": run.python,
        "Platform": run.platform,
    }
    details = (("Run, settings, versions", facts_table(rows)),)
    return of_run(provenance, details=details, is_end=True, owes=_has_all(data))


@shown.register
def _(source: Source) -> Section:
    """Return nothing but the line that every page has in its head, and where there is more."""
    more = "All settings, versions and digests of the run stand at the end of the status page."
    return of_run(source, notes=(more,), is_end=True, owes=_has_all(source.run))


def _has_all(run: RunData) -> bool:
    """Say whether a run has what figures are drawn from: answers with a verdict, and times."""
    timed = run.columns("trial", "outcome", "e2e_s", known="e2e_s")
    return bool(timed["outcome"].isin(["pass", "fail"]).any())
