"""Whether a run's own client kept up with what it measured."""

from __future__ import annotations

from liftlab.analysis.estimate import plain, quantity
from liftlab.records import Run

LAG_LIMIT_S = 5e-3  # the event loop's P99: beyond it the client acts late, and may stamp late
CPU_LIMIT = 0.70  # of one core: beyond it work waits for work


def client_warning(run: Run) -> str:
    """Say that the client was the bottleneck, by how much and what to do; empty if it was not.

    Examples
    --------
    >>> client_warning(Run(run_id="r", suite="s", loop_lag_p99_s=0.002, client_cpu_share=0.3))
    ''
    >>> client_warning(Run(run_id="r", suite="s", loop_lag_p99_s=0.002, client_cpu_share=0.9))
    'The client was the bottleneck: it used 90 % of a core (70 % is the limit). Times of \
this run are too long by an unknown part; run it on a quieter machine, or with less concurrency.'
    """
    said = []
    if run.loop_lag_p99_s is not None and run.loop_lag_p99_s > LAG_LIMIT_S:
        lag, limit = _ms(run.loop_lag_p99_s), _ms(LAG_LIMIT_S)
        said.append(f"its event loop lagged {lag} at P99 ({limit} is the limit)")
    if run.client_cpu_share is not None and run.client_cpu_share > CPU_LIMIT:
        share, limit = quantity(run.client_cpu_share, "%"), quantity(CPU_LIMIT, "%")
        said.append(f"it used {share} of a core ({limit} is the limit)")
    if not said:
        return ""
    if run.timing_uncertainty_s is None:
        off = "are too long by an unknown part"
    else:
        off = f"may be off by {_ms(run.timing_uncertainty_s)}"
    return (
        f"The client was the bottleneck: {', and '.join(said)}. Times of this run {off}; "
        "run it on a quieter machine, or with less concurrency."
    )


def trust_sentence(run: Run) -> str:
    """Say how far the run's times can be trusted; empty where that was not measured."""
    if run.timing_uncertainty_s is None:
        return ""
    return (
        f"Times are known to {_ms(run.timing_uncertainty_s)}: the client's event loop lagged "
        f"{_ms(run.loop_lag_p50_s)} at P50 and {_ms(run.loop_lag_p99_s)} at P99, "
        f"and it used {quantity(run.client_cpu_share, '%')} of a core."
    )


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{plain(1000 * seconds, 2)} ms"
