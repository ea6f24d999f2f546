"""Whether a run's own client kept up with what it measured, and whether a cache answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import Floats, floats, group_medians, is_one_of, is_true
from liftlab.analysis.estimate import as_set, plain, quantity
from liftlab.analysis.latency import answered
from liftlab.records import Run
from liftlab.words import work_note

LAG_LIMIT = 0.05  # of the median measured: what the event loop may lag at P99
CPU_LIMIT = 0.70  # of one core: beyond it work waits for work, which a lag would show
CASES_NEEDED = 8  # fewer cannot reach the level, whatever they say
LEVEL = 0.01
LEAST_GAIN = 0.05  # a smaller one would change no conclusion


def client_warning(run: Run, trials: pd.DataFrame) -> str:
    """Say that the client was the bottleneck, by how much and what to do; empty if it was not."""
    said, lag = "", run.loop_lag_p99_s
    times = floats(trials, "e2e_s")[answered(trials)]
    times = times[times > 0]
    if lag is not None and len(times):
        share = lag / float(np.median(times))
        if share > LAG_LIMIT:
            of, limit = quantity(round(share, 3), "%"), as_set(LAG_LIMIT, "%")
            said = f"its event loop lagged {off_by(lag)} at P99, {of} of the median time"
    elif run.client_cpu_share is not None and run.client_cpu_share > CPU_LIMIT:
        of, limit = quantity(run.client_cpu_share, "%"), as_set(CPU_LIMIT, "%")
        said = f"it used {of} of a core"
    if not said:
        return ""
    off = "are too long by an unknown part"
    if run.timing_uncertainty_s is not None:
        off = f"may be off by {off_by(run.timing_uncertainty_s)}"
    return (
        f"The client was the bottleneck: {said} ({limit} is the limit). Times of this run {off}; "
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
        lags = f"{off_by(run.loop_lag_p50_s)} at P50 and {off_by(run.loop_lag_p99_s)} at P99"
        why.append(f"the client's event loop lagged {lags}")
    if run.client_cpu_share is not None:
        why.append(f"the client used {quantity(run.client_cpu_share, '%')} of a core")
    known = f"Times are known to ± {off_by(run.timing_uncertainty_s)}"
    return f"{known}{': ' if why else ''}{', and '.join(why)}."


def off_by(seconds: float) -> str:
    """Write by how much times may be off: two significant digits are all that is known of it.

    Examples
    --------
    >>> off_by(0.00042), off_by(2.113)
    ('0.42 ms', '2.1 s')
    """
    return f"{plain(seconds, 2)} s" if seconds >= 1 else f"{plain(1000 * seconds, 2)} ms"


def cache_warning(attempts: pd.DataFrame) -> str:
    """Say that later repeats were systematically faster than a case's first; empty if not.

    Compares, within each case and stage, the first repeat's first attempt with the median of the
    later repeats' first attempts, sent to last byte; a two-sided sign test over cases. A
    cold start or a drift can look alike, so that it says what to do, not what it was. Cold, failed,
    and warm-up attempts are passed over.
    """
    ratios = _ratios(attempts)
    faster, n = int((ratios < 1).sum()), len(ratios)
    if n < CASES_NEEDED or (gain := 1 - float(np.median(ratios))) < LEAST_GAIN:
        return ""
    if stats.binomtest(faster, n, 0.5).pvalue > LEVEL:
        return ""
    return (
        f"Repeats were answered faster than the first time in {faster} of {n} prompts and stages, "
        f"by {quantity(gain, '%')} in the median{_cached(attempts)}: if a cache answers, these "
        "times are not those of new requests. Set `nonce = true` for the endpoint to measure "
        "without."
    )


def _ratios(attempts: pd.DataFrame) -> Floats:
    """Return later repeats' time over the first's, by case and stage."""
    if not len(attempts):
        return np.empty(0)
    kept = is_one_of(attempts, "phase", ["measure"]) & (floats(attempts, "attempt") == 1)
    kept &= is_true(attempts, "transport_ok") & ~is_true(attempts, "cold")
    seconds = floats(attempts, "last_byte_s") - floats(attempts, "sent_s")
    kept &= seconds > 0
    (case, cases), (stage, stages) = (pd.factorize(attempts[name]) for name in ("case_id", "stage"))
    kept &= (case >= 0) & (stage >= 0)
    # In four bytes: of a long run these are the largest there are.
    group = (case * len(stages) + stage)[kept].astype(np.int32)
    del case, stage
    seconds, repeat = seconds[kept], floats(attempts, "repeat")[kept]
    is_first, is_later, groups = repeat == 1, repeat > 1, len(cases) * len(stages)
    del kept, repeat
    later = group_medians(seconds[is_later], group[is_later], groups)
    first = np.full(groups, np.nan)
    at = np.flatnonzero(is_first)[::-1]  # of several the first, written last
    first[group[at]] = seconds[at]
    ratios: Floats = later / first
    return ratios[np.isfinite(ratios)]


def _cached(attempts: pd.DataFrame) -> str:
    """Say which share of later repeats' prompt tokens the server had cached, if it tells."""
    later = attempts[floats(attempts, "repeat") > 1]
    cached, prompt = floats(later, "cached_tokens"), floats(later, "prompt_tokens")
    known = np.isfinite(cached) & np.isfinite(prompt)
    if not known.any() or prompt[known].sum() == 0:
        return ""
    share = float(cached[known].sum() / prompt[known].sum())
    return f" (the server had {quantity(share, '%')} of their prompt tokens cached)"
