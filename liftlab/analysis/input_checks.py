"""What every interval asks of its values first: a sample that can carry a number."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from liftlab.analysis.columns import Bools, Floats

Indices = NDArray[np.intp]

CONFIDENCE = 0.95  # of every interval on a page
THIS_RUN = "values like these, if they are independent"
PROMPTS = "prompts like these"
SMALLEST, LARGEST = 1e-100, 1e100  # outside, arithmetic overflows, and no time or cost is meant


def checked(x: ArrayLike, clusters: ArrayLike | None) -> tuple[Floats, Indices, int]:
    """Return values, the number of the case of each, and how many cases there are.

    Without clusters every value is a case of its own.
    """
    values = as_array(x)
    if clusters is None:
        return values, np.arange(len(values)), len(values)
    index, cases = indexed(clusters)
    if len(index) != len(values):
        raise ValueError(f"{len(index)} clusters for {len(values)} values")
    return values, index, cases


def per_cluster(
    x: ArrayLike, clusters: ArrayLike | None, reduce: Literal["median", "mean"]
) -> tuple[Floats, str]:
    """Return one value a cluster, and the population that such values speak for."""
    values, index, groups = checked(x, clusters)
    if groups == len(values):
        return values, THIS_RUN if clusters is None else PROMPTS
    if reduce == "median":
        return group_medians(values, index, groups), PROMPTS
    return group_sums(values, index, groups) / np.bincount(index), PROMPTS


def indexed(names: ArrayLike) -> tuple[Indices, int]:
    """Return for each name the number of its group, and how many groups there are.

    Examples
    --------
    >>> index, groups = indexed(["b", "a", "b"])
    >>> index.tolist(), groups
    ([0, 1, 0], 2)
    """
    index, found = pd.factorize(np.asarray(names).ravel(), use_na_sentinel=False)
    return index.astype(np.intp), len(found)


def case_weights(cases: ArrayLike) -> Floats:
    """Return the weight of each row: every case counts the same, however often it was asked.

    Examples
    --------
    >>> case_weights(["a", "a", "b"]).tolist()
    [0.5, 0.5, 1.0]
    """
    index, _ = indexed(cases)
    weights: Floats = 1 / np.bincount(index)[index]
    return weights


def group_sums(values: Floats | Bools, index: Indices, groups: int) -> Floats:
    """Return the sum of each group's values; 0 where it has none."""
    return np.bincount(index, values, groups).astype(np.float64)


def group_medians(values: Floats, index: Indices, groups: int) -> Floats:
    """Return the median of each group's values; NaN where it has none, or one is missing.

    Examples
    --------
    >>> group_medians(np.array([3.0, 1.0, 9.0, 2.0]), np.array([0, 0, 1, 0]), 2).tolist()
    [2.0, 9.0]
    """
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


def check_confidence(confidence: float) -> None:
    """Raise ValueError unless 0 < confidence < 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: it lies between 0 and 1")


def unfit(values: Floats) -> str:
    """Say why these values give no number; empty if they do."""
    if len(values) == 0:
        return "no data"
    missing = int(np.isnan(values).sum())
    if missing:
        return f"{missing} of {len(values)} values missing"
    wrong = int((values <= 0).sum())
    if wrong:
        return f"{wrong} of {len(values)} values are not positive"
    strange = int((np.isfinite(values) & ~in_range(values)).sum())
    if strange:
        return f"{strange} of {len(values)} values are out of any range"
    return "a value is infinite" if np.isinf(values).any() else ""


def in_range(values: Floats) -> Bools:
    """Return which values can be times, sizes or money: positive, finite, no nonsense."""
    return (values > SMALLEST) & (values < LARGEST)
