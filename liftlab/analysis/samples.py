"""What every interval asks of its values first: a sample that can carry a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from liftlab.analysis.columns import Bools, Floats

THIS_RUN = "values like these, if they are independent"
PROMPTS = "prompts like these"
SMALLEST, LARGEST = 1e-100, 1e100  # outside, arithmetic overflows, and no time or cost is meant


def per_cluster(
    x: ArrayLike, clusters: ArrayLike | None, reduce: Callable[[Floats], Any]
) -> tuple[Floats, str]:
    """Return one value a cluster, and the population that such values speak for."""
    values = as_array(x)
    if clusters is None:
        return values, THIS_RUN
    labels = np.asarray(clusters).astype(str)
    if len(labels) != len(values):
        raise ValueError(f"{len(labels)} clusters for {len(values)} values")
    names, index = np.unique(labels, return_inverse=True)
    if len(names) == len(values):
        return values, PROMPTS
    order = np.argsort(index, kind="stable")
    groups = np.split(values[order], np.cumsum(np.bincount(index))[:-1])
    return np.array([float(reduce(group)) for group in groups]), PROMPTS


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
        return "no values"
    missing = int(np.isnan(values).sum())
    if missing:
        return f"{missing} of {len(values)} values missing"
    wrong = int((values <= 0).sum())
    if wrong:
        return f"{wrong} of {len(values)} values are not positive"
    strange = int((np.isfinite(values) & ~in_range(values)).sum())
    return f"{strange} of {len(values)} values are out of any range" if strange else ""


def in_range(values: Floats) -> Bools:
    """Return which values can be times, sizes or money: positive, finite, no nonsense."""
    return (values > SMALLEST) & (values < LARGEST)
