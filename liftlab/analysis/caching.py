"""Whether repeats were answered faster than the first time, as a cache would make them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import Floats, floats, is_true, labels
from liftlab.analysis.estimate import quantity

CASES_NEEDED = 8  # fewer cannot reach the level, whatever they say
LEVEL = 0.01
LEAST_GAIN = 0.05  # a smaller one would change no conclusion


def cache_warning(attempts: pd.DataFrame) -> str:
    """Say that later repeats were systematically faster than a case's first; empty if not.

    Compares, within each case and stage, the first repeat's first attempt with the median of the
    later repeats' first attempts, sent to last byte; a two-sided sign test over cases. A
    cold start or a drift can look alike, so that it says what to do, not what it was. Cold, failed,
    and warm-up attempts are passed over.
    """
    ratios = _ratios(attempts)
    faster, n = int((ratios < 1).sum()), len(ratios)
    if n < CASES_NEEDED or 1 - float(np.median(ratios)) < LEAST_GAIN:
        return ""
    if stats.binomtest(faster, n, 0.5).pvalue > LEVEL:
        return ""
    gain = quantity(1 - float(np.median(ratios)), "%")
    return (
        f"Repeats were answered faster than the first time in {faster} of {n} prompts and stages, "
        f"by {gain} in the median{_cached(attempts)}: if a cache answers, these times are not "
        "those of new requests. Set `nonce = true` for the endpoint to measure without."
    )


def _ratios(attempts: pd.DataFrame) -> Floats:
    """Return later repeats' time over the first's, by case and stage."""
    frame = pd.DataFrame(
        {
            "case": labels(attempts, "case_id"),
            "stage": labels(attempts, "stage"),
            "repeat": floats(attempts, "repeat"),
            "number": floats(attempts, "attempt"),
            "seconds": floats(attempts, "last_byte_s") - floats(attempts, "sent_s"),
            "phase": labels(attempts, "phase"),
        }
    )
    kept = (frame["phase"] == "measure") & (frame["number"] == 1) & (frame["seconds"] > 0)
    kept &= is_true(attempts, "transport_ok") & ~is_true(attempts, "cold")
    frame = frame[kept.to_numpy() & frame["case"].notna().to_numpy()]
    first = frame[frame["repeat"] == 1].set_index(["case", "stage"])["seconds"]
    later = frame[frame["repeat"] > 1].groupby(["case", "stage"])["seconds"].median()
    ratios: Floats = (later / first[~first.index.duplicated()]).dropna().to_numpy(np.float64)
    return ratios


def _cached(attempts: pd.DataFrame) -> str:
    """Say which share of later repeats' prompt tokens the server had cached, if it tells."""
    later = attempts[floats(attempts, "repeat") > 1]
    cached, prompt = floats(later, "cached_tokens"), floats(later, "prompt_tokens")
    known = np.isfinite(cached) & np.isfinite(prompt)
    if not known.any() or prompt[known].sum() == 0:
        return ""
    share = float(cached[known].sum() / prompt[known].sum())
    return f" (the server had {quantity(share, '%')} of their prompt tokens cached)"
