"""Bring the times of a sped-up simulator to real length, where tables are read."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from liftlab.records import Run

if TYPE_CHECKING:
    import pandas as pd

_SECONDS = "_s"  # how the name of every column of seconds ends


def rescale(frame: pd.DataFrame, scale: float | None) -> pd.DataFrame:
    """Return a table with its columns of seconds multiplied; no scale, or NaN, counts as 1."""
    if scale is None or math.isnan(scale) or scale == 1:
        return frame
    seconds = [name for name in frame.columns if name.endswith(_SECONDS)]
    return frame.assign(**{name: frame[name] * scale for name in seconds})


def rescale_run(run: Run) -> Run:
    """Return a run's row with a time scale of 1: its client's errors weigh as its times do."""
    scale = run.time_scale
    if scale is None or scale == 1:
        return run
    known: dict[str, Any] = {
        field.name: value * scale
        for field in fields(run)
        if field.name.endswith(_SECONDS) and (value := getattr(run, field.name)) is not None
    }
    return replace(run, time_scale=1.0, **known)
