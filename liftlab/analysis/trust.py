"""Whether a run's own client kept up with what it measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liftlab.analysis.columns import floats
from liftlab.analysis.estimate import as_set, plain, quantity
from liftlab.analysis.latency import answered
from liftlab.records import Run
from liftlab.words import work_note

LAG_LIMIT = 0.05  # of the median measured: what the event loop may lag at P99
CPU_LIMIT = 0.70  # of one core: beyond it work waits for work, which a lag would show


def client_warning(run: Run, trials: pd.DataFrame) -> str:
    """Say that the client was the bottleneck, by how much and what to do; empty if it was not.

    What the event loop lagged counts against the median of the times measured.

    Examples
    --------
    >>> trials = pd.DataFrame({"e2e_s": [0.5]})
    >>> client_warning(Run(run_id="r", suite="s", loop_lag_p99_s=0.02), trials)
    ''
    >>> client_warning(Run(run_id="r", suite="s", loop_lag_p99_s=0.05), trials)
    'The client was the bottleneck: its event loop lagged 50 ms at P99, 10 % of the median time \
(5 % is the limit). Times of this run are too long by an unknown part; run it on a quieter \
machine, or with less concurrency.'
    """
    said, lag = "", run.loop_lag_p99_s
    times = floats(trials, "e2e_s")[answered(trials)]
    times = times[times > 0]
    if lag is not None and len(times):
        share = lag / float(np.median(times))
        if share > LAG_LIMIT:
            of, limit = quantity(round(share, 3), "%"), as_set(LAG_LIMIT, "%")
            said = (
                f"its event loop lagged {_ms(lag)} at P99, {of} of the median time "
                f"({limit} is the limit)"
            )
    elif run.client_cpu_share is not None and run.client_cpu_share > CPU_LIMIT:
        of, limit = quantity(run.client_cpu_share, "%"), as_set(CPU_LIMIT, "%")
        said = f"it used {of} of a core ({limit} is the limit)"
    if not said:
        return ""
    if run.timing_uncertainty_s is None:
        off = "are too long by an unknown part"
    else:
        off = f"may be off by {_ms(run.timing_uncertainty_s)}"
    return (
        f"The client was the bottleneck: {said}. Times of this run {off}; "
        "run it on a quieter machine, or with less concurrency."
    )


def work_warnings(stages: pd.DataFrame) -> list[str]:
    """Say which stages of the user's own do work that no time shows: its median, over 5 ms."""
    told = stages[["stage", "work_s"]].dropna().groupby("stage", sort=False)["work_s"].median()
    return [text for name, seconds in told.items() if (text := work_note(str(name), seconds))]


def trust_sentence(run: Run) -> str:
    """Say how far the run's times can be trusted; empty where that was not measured."""
    if run.timing_uncertainty_s is None:
        return ""
    why = []
    if run.loop_lag_p50_s is not None and run.loop_lag_p99_s is not None:
        lags = f"{_ms(run.loop_lag_p50_s)} at P50 and {_ms(run.loop_lag_p99_s)} at P99"
        why.append(f"the client's event loop lagged {lags}")
    if run.client_cpu_share is not None:
        why.append(f"the client used {quantity(run.client_cpu_share, '%')} of a core")
    known = f"Times are known to ± {_ms(run.timing_uncertainty_s)}"
    return f"{known}{': ' if why else ''}{', and '.join(why)}."


def _ms(seconds: float) -> str:
    return f"{plain(1000 * seconds, 2)} ms"
