"""Sections that several pages share: the finding, the tables of times and of origin."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd

from liftlab.analysis.caching import cache_warning
from liftlab.analysis.estimate import Estimate, quantity, span
from liftlab.analysis.latency import LatencySummary
from liftlab.analysis.trust import client_warning
from liftlab.jobs.published import source_of
from liftlab.reporting import messages
from liftlab.reporting.bars import stage_title
from liftlab.reporting.facts import Facts
from liftlab.reporting.html import End, Finding, Html, join, tag
from liftlab.reporting.tables import facts_table, table

ISOLATION = {
    "full": "Answers ran contained: no network, no files, no other processes.",
    "restricted": "Answers ran without network and other processes; they could read files.",
    "limits-only": "Answers ran in a process of their own with limits on time, memory and output. "
    "That is no isolation: they could read files and use the network.",
    "none": "Answers were not run.",
}


def finding(facts: Facts, title: str = "", sentences: Iterable[str] = ()) -> Finding:
    """Return the page's title and the sentences under it; those of the status page if not told."""
    told = list(sentences) or messages.sentences(facts)
    line, run_id = messages.run_line(facts), facts.data.run.run_id
    warning = client_warning(facts.data.run)
    return Finding(title or messages.title(facts), told, line, run_id, warning)


def latency_table(facts: Facts) -> Html:
    """Return mean, median and spread of each stage and end to end, saying what is in them."""
    named = [*facts.stages, facts.e2e, *facts.stages_ok, facts.e2e_ok]
    rows = [_latency_row(summary) for summary in named if summary.n]
    columns = ["", "Rows", "n", "Median, s", "Interval", "Mean, s", "SD, s", "P95, s"]
    shown = table(pd.DataFrame(rows, columns=columns))
    return join([shown, tag("p", _interval_note(facts), cls="note")])


def provenance(facts: Facts) -> End:
    """Return where the numbers come from; as a notebook's last cell it is its mark."""
    run = facts.data.run
    sampling = {
        "temperature": run.temperature,
        "top_p": run.top_p,
        "max tokens": run.max_tokens,
        "seed": run.sampling_seed,
    }
    told = {
        "Run": run.run_id,
        "Status": run.status,
        "Source": {"reference": "published figures, re-analysed", "imported": "imported"}.get(
            run.provenance, "measured by liftlab"
        ),
        "File": source_of(facts.data).get("file"),
        "Read as": "; ".join(source_of(facts.data).get("notes", [])),
        "Suite": _with_digest(run.suite, run.suite_sha256),
        "Pipeline": _with_digest(run.pipeline, run.pipeline_sha256),
        "Endpoint": run.endpoint,
        "Protocol": run.protocol,
        "Model": run.model,
        "Hardware": run.hardware,
        "Sampling": ", ".join(f"{k} {v}" for k, v in sampling.items() if v is not None),
        "Left out of requests": run.left_out or None,
        "Load": _load_words(facts),
        "Order": f"shuffled, seed {run.order_seed}" if run.order_seed is not None else None,
        "Started": run.started_at,
        "Finished": run.finished_at,
        "Prices": ", ".join(_price(facts, name) for name in facts.data.costs["price_id"].unique()),
        "Cost model": ", ".join(facts.data.costs["cost_model"].dropna().unique()),
        "Isolation": isolation(facts),
        "Caches": cache_warning(facts.data.attempts),
        "Timing uncertainty": _seconds(run.timing_uncertainty_s),
        "Clock resolution": _seconds(run.clock_resolution_s),
        "Event loop lag, P50": _seconds(run.loop_lag_p50_s),
        "Event loop lag, P99": _seconds(run.loop_lag_p99_s),
        "Client memory, peak": f"{run.client_peak_mb:.1f} MB" if run.client_peak_mb else None,
        "Client CPU": quantity(run.client_cpu_share, "%") if run.client_cpu_share else None,
        "Grader": ", ".join(facts.data.grades["grader_version"].dropna().unique()),
        "liftlab": run.liftlab_version,
        "Commit": run.git_commit,
        "Python": run.python,
        "Platform": run.platform,
    }
    return End(run.run_id, facts_table(told))


def isolation(facts: Facts) -> str:
    """Say how answers were contained, and what was not isolated."""
    levels = sorted(set(facts.data.trials["isolation"].dropna().astype(str)))
    if not levels:
        return "No answer was run, so nothing had to be contained."
    return " ".join(ISOLATION.get(level, level) for level in levels)


def estimate_words(estimate: Estimate) -> str:
    """Return an estimate's interval, or why it has none."""
    return "; ".join(part for part in (estimate.interval, estimate.reason) if part)


def _latency_row(summary: LatencySummary) -> list[object]:
    median = summary.p50
    bounds = None
    if median.low is not None and median.high is not None:
        bounds = span(median.low, median.high)
        if max(abs(median.low), abs(median.high)) >= 1:
            bounds = f"{median.low:.2f}–{median.high:.2f}"
    return [
        "End to end" if summary.what == "e2e" else stage_title(summary.what),
        summary.rows,
        summary.n,
        median.value,
        bounds,
        summary.mean.value,
        summary.std_s,
        summary.p95.value,
    ]


def _interval_note(facts: Facts) -> str:
    median, tail = facts.e2e.p50, facts.e2e.p95
    said = []
    if median.confidence is not None:
        said.append(f"Interval: of the median, {100 * median.confidence:.4g} % end to end")
    if tail.reason:
        said.append(tail.reason)
    return ". ".join(said)


def _price(facts: Facts, price_id: str) -> str:
    price = facts.prices.get(price_id)
    return f"{price_id} ({price.date}; {price.source})" if price else str(price_id)


def _with_digest(name: str | None, digest: str | None) -> str | None:
    return f"{name} ({digest[:12]})" if name and digest else name


def _load_words(facts: Facts) -> str | None:
    run = facts.data.run
    if run.load == "open":
        return f"open, {run.rate_rps:g} requests a second" if run.rate_rps else "open"
    return f"closed, {run.concurrency} at a time" if run.concurrency else run.load


def _seconds(value: float | None) -> str | None:
    if value is not None and 0 < value < 1e-6:
        return f"{1e9 * value:.0f} ns"
    return None if value is None else quantity(value, "s")


def json_words(text: object) -> str:
    """Return a JSON object's pairs in words; the text itself where it is none."""
    try:
        data = json.loads(str(text))
    except ValueError:
        return str(text)
    if not isinstance(data, dict):
        return str(data)
    return ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in data.items() if value)
