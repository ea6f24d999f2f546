"""Columns of a table as plain arrays, and what every interval asks of its values first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from liftlab.records import STALE
from liftlab.store.by_column import ROWS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
CONFIDENCE = 0.95  # of every interval on a page
THIS_RUN = "values like these, if they are independent"
PROMPTS = "prompts like these"
AGAIN = "these prompts, asked again"
SMALLEST, LARGEST = 1e-100, 1e100  # outside, arithmetic overflows, and no time or cost is meant


def floats(frame: pd.DataFrame, name: str) -> Floats:
    """Return a numeric column as floats; null and a missing column are NaN."""
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
    flags: Bools = (column == True).to_numpy(dtype=np.bool_, na_value=False)  # noqa: E712  # elementwise
    return flags


def labels(frame: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Return a text column as objects; null and a missing column are None."""
    codes, names = coded(frame, name)
    values: NDArray[np.object_] = names[codes]
    return values


def coded(
    frame: pd.DataFrame, name: str
) -> tuple[NDArray[np.signedinteger[Any]], NDArray[np.object_]]:
    """Return a number for each text of a column, in as few bytes as hold it, and the texts.

    Null and a missing column are -1, and None is the last of the texts.
    """
    if name not in frame.columns:
        return np.full(len(frame), -1, dtype=np.int8), np.array([None], dtype=object)
    codes, names = pd.factorize(frame[name])  # what rows have in common is one object
    narrow = np.min_scalar_type(-len(names) - 1)
    return codes.astype(narrow), np.append(np.asarray(names, dtype=object), [None])


def is_one_of(frame: pd.DataFrame, name: str, wanted: Collection[str]) -> Bools:
    """Return where a text column is one of these; null and a missing column are not."""
    codes, names = coded(frame, name)
    chosen = np.array([*(each in wanted for each in names[:-1]), False], dtype=np.bool_)
    flags: Bools = chosen[codes]
    return flags


def is_retry(attempts: pd.DataFrame) -> Bools:
    """Return which attempts are retries: all after a stage's first, but for a stale connection."""
    again: Bools = floats(attempts, "attempt") > 1
    return again & ~is_one_of(attempts, "retry_reason", [STALE])


def rows(frame: pd.DataFrame) -> Floats:
    """Return how many rows of a table each row stands for: its column `rows`, or one each."""
    return floats(frame, ROWS) if ROWS in frame.columns else np.ones(len(frame))


def client_counts(trials: pd.DataFrame) -> bool:
    """Whether liftlab's own work took a share of any trial that is worth a column: over 2 %."""
    return bool((floats(trials, "client_s") > 0.02 * floats(trials, "e2e_s")).any())


def checked(x: ArrayLike, clusters: ArrayLike | None) -> tuple[Floats, Indices, int]:
    """Return values, the number of the case of each (its own without clusters), and of cases."""
    values = as_array(x)
    if clusters is None:
        return values, np.arange(len(values)), len(values)
    index, cases = indexed(clusters)
    if len(index) != len(values):
        raise ValueError(f"{len(index)} clusters for {len(values)} values")
    return values, index, cases


def indexed(names: ArrayLike) -> tuple[Indices, int]:
    """Return for each name the number of its group, and how many groups there are."""
    index, found = pd.factorize(np.asarray(names).ravel(), use_na_sentinel=False)
    return index.astype(np.intp, copy=False), len(found)


def case_weights(cases: ArrayLike) -> Floats:
    """Return the weight of each row: every case counts the same, however often it was asked."""
    index, _ = indexed(cases)
    weights: Floats = 1 / np.bincount(index)[index]
    return weights


def group_sums(values: Floats | Bools, index: Indices, groups: int) -> Floats:
    """Return the sum of each group's values; 0 where it has none."""
    return np.bincount(index, values, groups).astype(np.float64)


def group_medians(values: Floats, index: Indices, groups: int) -> Floats:
    """Return the median of each group's values; NaN where it has none, or one is missing."""
    counts = np.bincount(index, minlength=groups)
    ordered = values[np.argsort(index, kind="stable")]
    start = np.cumsum(counts) - counts
    medians = np.full(groups, np.nan)
    for size in np.unique(counts[counts > 0]):  # groups of one size make a rectangle
        alike = np.flatnonzero(counts == size)
        medians[alike] = np.median(ordered[start[alike, None] + np.arange(size)], axis=1)
    return medians


def as_array(x: ArrayLike) -> Floats:
    """Return values as a flat array of floats."""
    return np.asarray(x, dtype=np.float64).ravel()


def about_rows(n: int, cases: int, clusters: ArrayLike | None, unit: str) -> dict[str, Any]:
    """Return what an estimate says of the rows that it is from, by its fields."""
    population = THIS_RUN if clusters is None else PROMPTS
    return {"n": n, "cases": cases, "population": population, "unit": unit}


def check_confidence(confidence: float) -> None:
    """Raise ValueError unless 0 < confidence < 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: it lies between 0 and 1")


def unfit(values: Floats) -> str:
    """Say why these values give no number; empty if they do."""
    if len(values) == 0:
        return "no data"
    faults = {
        "missing": np.isnan(values),
        "are not positive": values <= 0,
        "are out of any range": np.isfinite(values) & ~in_range(values),
    }
    for fault, wrong in faults.items():
        if wrong.any():
            return f"{int(wrong.sum())} of {len(values)} values {fault}"
    return "a value is infinite" if np.isinf(values).any() else ""


def in_range(values: Floats) -> Bools:
    """Return which values can be times, sizes or money: positive, finite, no nonsense."""
    return (values > SMALLEST) & (values < LARGEST)
