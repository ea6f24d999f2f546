"""Columns of a table as plain arrays; what is missing is NaN, whatever pandas made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
    """Return where a column is known to be true; null and a missing column are not."""
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=np.bool_)
    column: Any = frame[name]
    flags: Bools = np.array([value is not None and value == True for value in column.fillna(False)])  # noqa: E712
    return flags.astype(np.bool_)


def is_false(frame: pd.DataFrame, name: str) -> Bools:
    """Return where a column is known to be false; null and a missing column are not."""
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=np.bool_)
    known: Any = frame[name].notna()
    return np.asarray(known.to_numpy() & ~is_true(frame, name), dtype=np.bool_)


def labels(frame: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Return a text column as objects; null and a missing column are None."""
    if name not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    column: Any = frame[name]
    return np.array([None if pd.isna(value) else value for value in column], dtype=object)
