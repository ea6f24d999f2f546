"""Quantiles of requests, with intervals that assume no shape.

The interval inverts the exact test for P(x ≤ t) at each observed t: a t stays outside only if the
requests up to it are too few, or too many, for the share q; repeats count as what they are worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from liftlab.analysis.columns import (
    Bools,
    Floats,
    Indices,
    about_rows,
    check_confidence,
    checked,
    unfit,
)
from liftlab.analysis.estimate import Estimate, RateTest, plain
from liftlab.analysis.rates import clopper_pearson, effective_n

FEW_CASES = 6  # from here on 95 % is reached at the median
NO_UPPER_LIMIT = "not enough prompts for an upper limit"
_CLOSE = 1e-9  # shares are sums of fractions
_AT_ONCE = 8_192  # places that are tested together


@dataclass(frozen=True)
class _Ordered:
    """Requests from the fastest to the slowest; those that the client gave up come last."""

    values: Floats  # inf where it is known only to be longer than what is recorded
    recorded: Floats
    index: NDArray[np.unsignedinteger[Any]]  # the case of each
    cases: int

    @cached_property
    def sizes(self) -> Floats:
        """Requests of each case; (cases,)."""
        return np.bincount(self.index, minlength=self.cases).astype(np.float64)

    @cached_property
    def shares(self) -> Floats:
        """The share of requests up to each place, every case with the same weight; (n,)."""
        found: Floats = np.minimum(np.cumsum(1 / self.sizes[self.index]) / self.cases, 1.0)
        found[-1] = 1.0
        return found

    @cached_property
    def squares(self) -> Floats:
        """Up to each place, the sum over cases of (requests up to it)² / requests; (n,)."""
        n, sizes = len(self.values), self.sizes
        by_case = np.argsort(self.index, kind="stable")
        odd = np.empty(n)  # 2 rank - 1, where rank is which request of its case it is, from 1
        odd[by_case] = np.arange(1.0, 2 * n, 2)
        odd -= 2 * (np.cumsum(sizes) - sizes)[self.index]
        odd /= sizes[self.index]
        return np.cumsum(odd, out=odd)

    def effective(self, part: slice) -> Floats:
        """How many independent requests tell of the share up to each place of a part."""
        squares = self.squares[part]
        return effective_n(self.sizes, np.arange(1.0, len(squares) + 1) + part.start, squares)

    def ends_tie(self, part: slice) -> Bools:
        """Where the next value is another, at each place of a part."""
        values = self.values[part.start : part.stop + 1]
        found = np.ones(part.stop - part.start, dtype=np.bool_)
        found[: len(values) - 1] = values[1:] > values[:-1]
        return found

    def at(self, q: float) -> tuple[float, bool]:
        """Return the smallest value with a share q up to it, and whether it is only exceeded.

        Where exactly q lies below, the median is the middle of that value and the next.
        """
        place = int(np.searchsorted(self.shares, q - _CLOSE))
        if math.isinf(self.values[place]):
            return float(np.sort(self.recorded)[place]), True
        if q == 0.5 and self.shares[place] < q + _CLOSE and math.isfinite(self.values[place + 1]):
            return float((self.values[place] + self.values[place + 1]) / 2), False
        return float(self.values[place]), False

    def low(self, q: float, miss: float) -> float:
        """Return the largest t for which "q lies below t" is refuted at `miss`, or the smallest."""
        held = next(
            held[0]
            for begin in range(0, len(self.values), _AT_ONCE)
            if len(held := begin + self._held(begin, begin + _AT_ONCE, q, miss, below=True))
        )
        end = float(self.values[held])
        return end if math.isfinite(end) else float(np.sort(self.recorded)[held])

    def high(self, q: float, miss: float) -> float:
        """Return the smallest t from which "q lies above t" is refuted at `miss`; inf if none."""
        known = int(np.searchsorted(self.values, math.inf))  # the others come last
        first = 0
        for end in range(known, 0, -_AT_ONCE):
            begin = max(0, end - _AT_ONCE)
            if len(held := self._held(begin, end, q, miss, below=False)):
                first = begin + int(held[-1]) + 1
                break
        return float(self.values[first]) if first < known else math.inf

    def _held(self, begin: int, end: int, q: float, miss: float, *, below: bool) -> Indices:
        """Return at which places of a part the test at `miss` does not refute q.

        Most are so far from q that a bound refutes them: exp(-n KL(mean, q)), Chernoff's for a
        beta variable.
        """
        part = slice(begin, min(end, len(self.values)))
        shares, effective = self.shares[part], self.effective(part)
        hits, others = shares * effective, (1 - shares) * effective
        one, other = (hits + 1, np.maximum(others, 1e-300)) if below else (hits, others + 1)
        n, mean = one + other, one / (one + other)
        apart = special.rel_entr(mean, q) + special.rel_entr(1 - mean, 1 - q)
        far = (mean < q if below else mean > q) & (n * apart > 1 - math.log(miss))
        open_places = np.flatnonzero(~(far & (shares < 1)) & self.ends_tie(part))
        tail = special.betaincc if below else special.betainc
        refuted = tail(one[open_places], other[open_places], q) <= miss * (1 + _CLOSE)
        if below:
            refuted &= shares[open_places] < 1
        return open_places[~refuted]

    def within(self, q: float, confidence: float, limit: float) -> RateTest | None:
        """Return the test of the share within a limit against q."""
        count = int(np.searchsorted(self.values, limit * (1 + 1e-12), side="right"))
        hits = np.bincount(self.index[:count], minlength=self.cases)
        share = min(1.0, float((hits / self.sizes).sum()) / self.cases)
        counts, squares = np.array([float(count)]), (hits**2 / self.sizes).sum(keepdims=True)
        n = float(effective_n(self.sizes, counts, squares)[0]) if count else float(self.cases)
        low, high = clopper_pearson(share, n, confidence)
        return RateTest(share, low, high, q, n / self.cases, confidence)

    def forget(self) -> None:
        """Give back the room of what only estimating needs: an estimate keeps its requests."""
        for name in ("shares", "squares"):
            self.__dict__.pop(name, None)


def quantile(
    x: ArrayLike,
    q: float,
    confidence: float = 0.95,
    clusters: ArrayLike | None = None,
    *,
    given_up: ArrayLike | None = None,
    unit: str = "s",
) -> Estimate:
    """Estimate the q-quantile of requests.

    The point is the smallest value with at least a share q up to it, every prompt with the same
    weight. At the median of prompts asked once, the interval is that of interpolated order
    statistics (Nyblom 1992, Statistics & Probability Letters 14; Hettmansperger & Sheather 1986,
    ibid. 4). Above the median there is no value below 1 / (1 - q) prompts; then a lower limit only;
    then an upper one; then both. The estimate says what confidence it has.

    `x`, (n,): positive values. `clusters`, (n,): the case of each, as repeats are not independent.
    `given_up`, (n,): where the client gave up at x: the value is longer than that.

    Examples
    --------
    >>> print(quantile([14.92, 14.96, 14.16, 27.10, 26.90], 0.5))
    15.0 s (93.75 % interval 14.2–27.1 s, n = 5)
    >>> print(quantile([14.92, 14.96, 14.16, 27.10, 26.90], 0.95))
    – (n = 5: P95 needs 20 prompts, an upper limit 59)
    """
    [found] = quantiles(x, (q,), confidence, clusters, given_up=given_up, unit=unit)
    return found


def median(
    x: ArrayLike,
    confidence: float = 0.95,
    clusters: ArrayLike | None = None,
    *,
    given_up: ArrayLike | None = None,
    unit: str = "s",
) -> Estimate:
    """Estimate the median of requests: `quantile` at 0.5."""
    return quantile(x, 0.5, confidence, clusters, given_up=given_up, unit=unit)


def quantiles(
    x: ArrayLike,
    of: Sequence[float],
    confidence: float = 0.95,
    clusters: ArrayLike | None = None,
    *,
    given_up: ArrayLike | None = None,
    unit: str = "s",
) -> list[Estimate]:
    """Estimate several quantiles of the same requests, which are sorted once; as `quantile`."""
    for q in of:
        if not 0 < q < 1:
            raise ValueError(f"q is {q}: a quantile lies between 0 and 1")
    check_confidence(confidence)
    values, index, cases = checked(x, clusters)
    later = np.zeros(len(values), np.bool_) if given_up is None else np.ravel(given_up).astype(bool)
    if len(later) != len(values):
        raise ValueError(f"{len(later)} flags for {len(values)} values")
    base = about_rows(len(values), cases, clusters, unit)
    if reason := unfit(values):
        return [Estimate(value=None, reason=reason, **base) for _ in of]
    ordered = _in_order(values, later, index, cases)
    found = []
    for q in of:
        if q < 0.5:
            turned = _in_order(-values, later, index, cases)
            found.append(_mirrored(turned, q, confidence, base, later))
            continue
        estimate = _median if q == 0.5 else partial(_tail, q=q)
        tested = {**base, "tested": partial(ordered.within, q, confidence)}
        found.append(estimate(ordered, confidence=confidence, base=tested))
    ordered.forget()
    return found


def quantile_needs(q: float, confidence: float = 0.95) -> tuple[int, int, int]:
    """Return the prompts from which a quantile has a value, a bound on one side, an interval.

    Examples
    --------
    >>> quantile_needs(0.95), quantile_needs(0.90), quantile_needs(0.99)
    ((20, 59, 72), (10, 29, 36), (100, 299, 368))
    """
    tail, miss = max(q, 1 - q), 1 - confidence
    bound, interval = (math.log(part) / math.log(tail) for part in (miss, miss / 2))
    point, bound, interval = (math.ceil(round(n, 9)) for n in (1 / (1 - tail), bound, interval))
    return point, bound, interval


def _in_order(values: Floats, later: Bools, index: Indices, cases: int) -> _Ordered:
    known = np.where(later, np.inf, values) if later.any() else values
    order = np.lexsort((values, known)) if later.any() else np.argsort(values, kind="stable")
    recorded = values[order]
    ordered = known[order] if later.any() else recorded
    # A large run's estimates keep these: the number of a case has room in two bytes, mostly.
    return _Ordered(ordered, recorded, index.astype(np.min_scalar_type(cases))[order], cases)


def _median(ordered: _Ordered, *, confidence: float, base: dict[str, Any]) -> Estimate:
    cases, method = ordered.cases, "test at each time"
    if cases == 1:
        point, over = ordered.at(0.5)
        return Estimate(value=point, over=over, reason="no interval from one prompt", **base)
    if cases < FEW_CASES and _coverage(1, cases) < confidence:
        low, high = float(ordered.recorded.min()), float(ordered.values[-1])
        confidence, method = _coverage(1, cases), "smallest to largest"
    elif len(ordered.values) == ordered.cases:
        low, high = _interpolated(ordered, confidence)
        method = "interpolated order statistics"
    else:
        miss = (1 - confidence) / 2
        low, high = ordered.low(0.5, miss), ordered.high(0.5, miss)
    base = base | {"confidence": confidence, "method": method}
    return _bounded(ordered, 0.5, low, high, base)


def _coverage(depth: int, n: int) -> float:
    """Return the chance that the median lies between the depth-th values from either end."""
    return float(1 - 2 * stats.binom.cdf(depth - 1, n, 0.5))


def _interpolated(ordered: _Ordered, confidence: float) -> tuple[float, float]:
    values, n = ordered.values, len(ordered.values)
    depth = 1 + int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    while depth > 1 and _coverage(depth, n) < confidence:  # one step, or two
        depth -= 1
    outer, inner = _coverage(depth, n), _coverage(depth + 1, n)
    weight = 0.0
    if outer - inner > 0:
        part = max(0.0, outer - confidence) / (outer - inner)
        weight = (n - depth) * part / (depth + (n - 2 * depth) * part)
    lows = np.where(np.isfinite(values), values, np.sort(ordered.recorded))
    low = (1 - weight) * lows[depth - 1] + weight * lows[depth]
    far, near = values[n - depth], values[n - depth - 1]
    high = far if math.isinf(far) else (1 - weight) * far + weight * near
    return float(low), float(high)


def _tail(ordered: _Ordered, *, q: float, confidence: float, base: dict[str, Any]) -> Estimate:
    for_point, for_bound, for_interval = quantile_needs(q, confidence)
    name, prompts = f"P{plain(100 * q)}", ordered.cases
    if prompts < for_point:
        needs = f"{name} needs {for_point} prompts, an upper limit {for_bound}"
        return Estimate(value=None, reason=f"not enough prompts for {name}", needs=needs, **base)
    miss, needs = 1 - confidence, ""
    low = high = None
    if prompts < for_bound:
        low, needs = ordered.low(q, miss), f"needs {for_bound} prompts for an upper limit"
    elif prompts < for_interval:
        high = ordered.high(q, miss)
    else:
        low, high = ordered.low(q, miss / 2), ordered.high(q, miss / 2)
    base = base | {"confidence": confidence, "method": "test at each time", "needs": needs}
    return _bounded(ordered, q, low, high, base)


def _bounded(
    ordered: _Ordered, q: float, low: float | None, high: float | None, base: dict[str, Any]
) -> Estimate:
    """Return the estimate of a quantile between its limits."""
    point, over = ordered.at(q)
    reason = NO_UPPER_LIMIT if base.get("needs") else ""
    if high is not None and math.isinf(high):
        high, reason = None, "no upper limit: the client gave up on too many"
    elif low is not None and low == high:
        of = f"all {base['n']:,} values" if np.ptp(ordered.values) == 0 else "the values around it"
        reason = f"{of} are the same"
    low, high = None if low is None else min(low, point), None if high is None else max(high, point)
    return Estimate(value=point, over=over, low=low, high=high, reason=reason, **base)


def _mirrored(
    turned: _Ordered, q: float, confidence: float, base: dict[str, Any], later: Bools
) -> Estimate:
    """Estimate a low quantile as the high one of the values turned round."""
    name, mirrored = f"P{plain(100 * (1 - q))}", f"P{plain(100 * q)}"
    if later.any():
        reason = f"{mirrored} is not estimated where the client gave up on some"
        return Estimate(value=None, reason=reason, **base)
    found = _tail(turned, q=1 - q, confidence=confidence, base=base)
    value, low, high = (None if x is None else -x for x in (found.value, found.high, found.low))
    reason, needs = (
        words.replace("upper", "lower").replace(name, mirrored)
        for words in (found.reason, found.needs)
    )
    return replace(found, value=value, low=low, high=high, reason=reason, needs=needs)
