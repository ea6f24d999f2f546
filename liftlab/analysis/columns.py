"""Columns of a table as plain arrays; what is missing is NaN, whatever pandas made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liftlab.records import STALE

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def floats(frame: pd.DataFrame, name: str) -> Floats:
    """Return a numeric column as floats; null and a missing column are NaN.

    Examples
    --------
    >>> floats(pd.DataFrame({"e2e_s": [1.5, None]}), "e2e_s").tolist()
    [1.5, nan]
    """
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    column: Any = pd.to_numeric(frame[name], errors="coerce")
    values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def is_true(frame: pd.DataFrame, name: str) -> Bools:
    """Return where a column is known to be true; null and a missing column are not.

    Examples
    --------
    >>> is_true(pd.DataFrame({"ok": [True, None, False]}), "ok").tolist()
    [True, False, False]
    """
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=np.bool_)
    column: Any = frame[name]
    flags: Bools = (column == True).to_numpy(dtype=np.bool_, na_value=False)  # noqa: E712  # elementwise
    return flags


def labels(frame: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Return a text column as objects; null and a missing column are None."""
    if name not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    column: Any = frame[name]
    values: NDArray[np.object_] = column.to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy()] = None
    return values


def is_retry(attempts: pd.DataFrame) -> Bools:
    """Return which attempts are retries: all after a stage's first, but for a stale connection.

    Examples
    --------
    >>> reasons = {"attempt": [1, 2, 3], "retry_reason": [None, "stale_connection", "http_429"]}
    >>> is_retry(pd.DataFrame(reasons)).tolist()
    [False, False, True]
    """
    again = (floats(attempts, "attempt") > 1) & (labels(attempts, "retry_reason") != STALE)
    return np.asarray(again, dtype=np.bool_)


def client_counts(trials: pd.DataFrame) -> bool:
    """Whether liftlab's own work took a share of any trial that is worth a column: over 2 %.

    Examples
    --------
    >>> client_counts(pd.DataFrame({"e2e_s": [1.0, 2.0], "client_s": [0.001, 0.1]}))
    True
    """
    return bool((floats(trials, "client_s") > 0.02 * floats(trials, "e2e_s")).any())
