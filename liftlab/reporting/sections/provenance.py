"""Where the numbers come from: the last part of a page, and the mark of its end."""

from __future__ import annotations

from liftlab.analysis.estimate import quantity
from liftlab.records import Run
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import facts_table
from liftlab.reporting.text.base import code
from liftlab.reporting.text.provenance import (
    controls,
    isolation,
    load,
    price,
    seconds,
    source,
    with_digest,
)
from liftlab.summary.provenance import Provenance


def section(provenance: Provenance) -> Section:
    """Return what there is to know of a run, name by name."""
    run = provenance.run
    rows = {
        **_run(run.run),
        "Source": source(run.run),
        "File": provenance.source.get("file"),
        "Read as": "; ".join(provenance.source.get("notes", [])),
        "Price": price(provenance.price),
        "Isolation": isolation(provenance.isolation),
        "Controls": controls(provenance),
        "Caches": provenance.caches,
        "Own work": "; ".join(provenance.own_work),
        "Grader": ", ".join(run.grades["grader_version"].dropna().unique()),
        **_client(run.run),
    }
    shown = facts_table(rows)
    return of_run(provenance, details=(("Run, settings, versions", shown),), is_end=True)


def _run(run: Run) -> dict[str, object]:
    sampling = {
        "temperature": run.temperature,
        "top-p": run.top_p,
        "max tokens": run.max_tokens,
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
        "Started": run.started_at,
        "Finished": run.finished_at,
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
