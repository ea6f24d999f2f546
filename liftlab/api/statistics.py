"""The statistics of the front door: they take a column of a table as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from liftlab.analysis import intervals, outliers
from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.outliers import Outliers
from liftlab.errors import UsageError

Column: TypeAlias = "Sequence[Any] | np.ndarray[Any, Any] | pd.Series[Any]"


def quantile(x: Column, q: float = 0.5, *, cases: Column | None = None, unit: str = "") -> Estimate:
    """Estimate a quantile, such as P95, with an interval that holds at small n.

    Parameters
    ----------
    x : (n,)
        Positive values; missing ones are left out.
    q
        Which quantile: 0.5 is the median, 0.95 is P95.
    cases : (n,), optional
        The prompt of each value: then prompts are the sample, and each counts the same.
    unit
        What the values are in, such as "s"; it is printed.

    Returns
    -------
    Estimate
        Or the reason why the values give none.

    Examples
    --------
    >>> import liftlab
    >>> print(liftlab.quantile([4.1, 4.2, 4.2, 4.3, 4.4, 17.1], unit="s").point)
    4.2 s
    """
    values, names = _columns(x, cases, "quantile")
    if not isinstance(q, float | int) or not 0 < q < 1:
        raise UsageError(f"a quantile lies between 0 and 1, such as 0.95, not {q!r}")
    return intervals.quantile(values, q, clusters=names, unit=unit)


def mean(x: Column, *, cases: Column | None = None, unit: str = "") -> Estimate:
    """Estimate the mean, with an interval where no heavy tail is seen.

    Parameters
    ----------
    x : (n,)
        Positive values; missing ones are left out.
    cases : (n,), optional
        The prompt of each value: then prompts are the sample, and each counts the same.
    unit
        What the values are in, such as "s"; it is printed.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.mean([4.0, 5.0, 6.0]).value
    5.0
    """
    values, names = _columns(x, cases, "mean")
    return intervals.mean(values, clusters=names, unit=unit)


def proportion(
    successes: int | Column, n: int | None = None, *, cases: Column | None = None
) -> Estimate:
    """Estimate a share with an interval that holds at small n.

    Parameters
    ----------
    successes
        How many there were; or a column of true and false, missing ones left out.
    n
        Of how many; not with a column.
    cases : (n,), optional
        The prompt of each value of a column: then prompts are the sample, and each counts the same.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.proportion(4, 5).value, liftlab.proportion([True, False]).value
    (0.8, 0.5)
    """
    if n is not None:
        right, trials = _count(successes, "successes"), _count(n, "n")
        if not 0 <= right <= trials:
            raise UsageError(f"{right:,} successes of {trials:,}: a count lies between 0 and n")
        return intervals.proportion(right, trials)
    if isinstance(successes, int):
        raise UsageError("proportion takes successes and n, or a column of true and false")
    values, names = _columns(successes, cases, "proportion")
    return intervals.proportion(values != 0, clusters=names)


def flag(x: Column, *, cases: Column | None = None, tokens: Column | None = None) -> Outliers:
    """Flag values that are slow beyond chance: a clean set gets a flag once in 20.

    Parameters
    ----------
    x : (n,)
        Times in seconds. Those that are missing or not positive are not judged.
    cases : (n,), optional
        The prompt of each value.
    tokens : (n,), optional
        Output tokens of each value.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.flag([4.12, 4.19, 4.16, 17.08]).mask.tolist()
    [False, False, False, True]
    """
    names = None if cases is None else np.asarray(cases)
    sizes = None if tokens is None else _numbers(tokens, "flag")
    return outliers.flag(_numbers(x, "flag"), names, sizes)


def _columns(x: Column, cases: Column | None, who: str) -> tuple[Floats, Any]:
    """Return the values that are there, and their cases."""
    values = _numbers(x, who)
    known = ~np.isnan(values)
    if cases is None:
        return values[known], None
    names = np.asarray(cases).ravel()
    if len(names) != len(values):
        raise UsageError(f"there are {len(values):,} values, and {len(names):,} cases")
    return values[known], names[known]


def _count(number: Any, name: str) -> int:
    if not isinstance(number, int | np.integer):
        raise UsageError(f"proportion takes a count as {name}, not {type(number).__name__}")
    return int(number)


def _numbers(x: Any, who: str) -> Floats:
    if isinstance(x, pd.DataFrame):
        first = next(iter(x.select_dtypes("number").columns), "e2e_s")
        raise UsageError(f"{who} takes one column, not a table: try its [{first!r}]")
    try:
        return pd.to_numeric(pd.Series(x)).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{who} takes a column of numbers: {error}") from None
