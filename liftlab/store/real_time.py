"""Times of a simulator that was sped up, at their real length."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.store.tables import RunData

_SECONDS = "_s"  # how the name of every column of seconds ends


def at_real_length(run: RunData) -> RunData:
    """Return a run whose times are as long as those that its simulator stands for.

    Parameters
    ----------
    run
        The run and its tables; one that was not sped up is returned as it is.

    Returns
    -------
    RunData
        All columns of seconds of attempts, stages and trials multiplied by the time scale, and
        a time scale of 1.
    """
    scale = run.run.time_scale
    if scale is None or scale == 1:
        return run
    off_s = run.run.timing_uncertainty_s
    return replace(
        run,
        run=replace(
            run.run, time_scale=1.0, timing_uncertainty_s=None if off_s is None else off_s * scale
        ),
        attempts=stretched(run.attempts, scale),
        stages=stretched(run.stages, scale),
        trials=stretched(run.trials, scale),
    )


def stretched(frame: pd.DataFrame, scale: float | None) -> pd.DataFrame:
    """Return a table with its columns of seconds multiplied; no scale, or NaN, counts as 1."""
    if scale is None or math.isnan(scale) or scale == 1:
        return frame
    seconds = [name for name in frame.columns if name.endswith(_SECONDS)]
    return frame.assign(**{name: frame[name] * scale for name in seconds})
