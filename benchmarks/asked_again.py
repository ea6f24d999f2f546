"""Requests of prompts that repeat, whose truth is known: quantiles, rates, what would decide.

Used by `calibration.py`. Every generator is an assumption: real endpoints differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.compare import SuccessChange, success
from liftlab.analysis.intervals import proportion, quantile
from liftlab.analysis.targets import TargetResult, judge

Rng = np.random.Generator
Names = np.ndarray  # the case of each request, 0, 0, 1, …
Rows = Iterator[list[object]]

LAYOUTS: dict[str, list[int]] = {
    "10 × 2": [2] * 10,
    "20 × 2": [2] * 20,
    "20 × 50": [50] * 20,
    "40, unequal": [1] * 16 + [2] * 10 + [5] * 8 + [20] * 6,
    "80 × 2": [2] * 80,
}


def shared(share: float) -> Callable[[Rng, Names], np.ndarray]:
    """Return lognormal times of which prompts hold such a share of the variance."""

    def draw(rng: Rng, names: Names) -> np.ndarray:
        case = rng.normal(0, math.sqrt(share), names[-1] + 1)[names]
        return 6 * np.exp(0.5 * (case + rng.normal(0, math.sqrt(1 - share), len(names))))

    return draw


def slow_prompts(share: float, times: float) -> Callable[[Rng, Names], np.ndarray]:
    """Return gamma times (CV .1), of such a share of the prompts so many times as long."""

    def draw(rng: Rng, names: Names) -> np.ndarray:
        slow = rng.random(names[-1] + 1) < share
        return np.where(slow, times, 1.0)[names] * rng.gamma(100, 0.04, len(names))

    return draw


def slow_now_and_then(rng: Rng, names: Names) -> np.ndarray:
    """Draw times, some three times as long: each prompt has its own chance of that."""
    chance = rng.beta(0.3, 2.2, names[-1] + 1)[names]
    return rng.gamma(16, 0.25, len(names)) * np.where(rng.random(len(names)) < chance, 3, 1)


def heavy(rng: Rng, names: Names) -> np.ndarray:
    """Draw tails heavier than any power of the time, each request its own."""
    return 5 * np.exp(0.3 * rng.standard_t(3, len(names)))


def heavy_prompts(rng: Rng, names: Names) -> np.ndarray:
    """Draw a floor and a heavy tail, one for each prompt."""
    return (3 + rng.pareto(1.2, names[-1] + 1))[names] * rng.gamma(100, 0.01, len(names))


TIMES: dict[str, Callable[[Rng, Names], np.ndarray]] = {
    "lognormal, ICC .3": shared(0.3),
    "lognormal, ICC .95": shared(0.95),
    "1 prompt in 3 × 2.5": slow_prompts(1 / 3, 2.5),
    "1 prompt in 8 × 2.5": slow_prompts(1 / 8, 2.5),
    "some requests × 3": slow_now_and_then,
    "ln: .3 × t, 3 df": heavy,
    "floor and Lomax(1.2) by prompt": heavy_prompts,
}


def named(sizes: list[int]) -> Names:
    """Return the case of each request."""
    return np.repeat(np.arange(len(sizes)), sizes)


def outcomes(rng: Rng, rate: float, share: float, names: Names) -> np.ndarray:
    """Draw outcomes of cases whose own rates differ, with an intra-class correlation."""
    odds = (1 - share) / share
    return rng.random(len(names)) < rng.beta(rate * odds, (1 - rate) * odds, names.max() + 1)[names]


def always(rng: Rng, rate: float, share: float, names: Names) -> np.ndarray:
    """Draw outcomes of which a share of the cases has the same one each time."""
    cases = names.max() + 1
    fixed, same = rng.random(cases) < share, rng.random(cases) < rate
    return np.where(fixed[names], same[names], rng.random(len(names)) < rate)


def request_quantiles(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of quantiles of requests, where prompts repeat."""
    wanted = [(q, name) for q in (0.5, 0.9, 0.95) for name in LAYOUTS]
    wanted = [(q, n) for q, n in wanted if q == 0.5 or len(LAYOUTS[n]) >= 20]
    wanted = [(q, n) for q, n in wanted if q != 0.9 or n in ("20 × 2", "40, unequal")]
    wanted = [(q, n) for q, n in wanted if q != 0.95 or n in ("20 × 50", "80 × 2")]
    levels = (0.5, 0.9, 0.95)
    true = {
        kind: dict(zip(levels, np.quantile(draw(rng, np.arange(400_000)), levels), strict=True))
        for kind, draw in TIMES.items()
    }
    for q, layout in wanted:
        names, row = named(LAYOUTS[layout]), [f"P{100 * q:.0f}, {layout}"]
        for kind, draw in TIMES.items():
            inside = 0
            for _ in range(replicates):
                found = quantile(draw(rng, names), q, clusters=names)
                high = math.inf if found.high is None else found.high
                inside += found.low <= true[kind][q] <= high
            row.append(inside / replicates)
        yield row


def rates(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of a success rate, where prompts repeat."""
    for layout, sizes in LAYOUTS.items():
        for rate in (0.7, 0.95):
            names, row = named(sizes), [f"{layout}, rate {rate}"]
            kinds = [(outcomes, share) for share in (0.05, 0.2, 0.5, 0.8)] + [(always, 0.5)]
            for draw, share in kinds:
                drawn = (draw(rng, rate, share, names) for _ in range(replicates))
                found = [proportion(each, clusters=names) for each in drawn]
                row.append(float(np.mean([each.low <= rate <= each.high for each in found])))
            yield row


# Repeats of each prompt in the first run and in the second.
PAIRS: dict[str, tuple[list[int], list[int]]] = {
    "20 × 1": ([1] * 20, [1] * 20),
    "20 × 2": ([2] * 20, [2] * 20),
    "20 × 5": ([5] * 20, [5] * 20),
    "20 × 50": ([50] * 20, [50] * 20),
    "100 × 3": ([3] * 100, [3] * 100),
    "40, unequal": (LAYOUTS["40, unequal"], LAYOUTS["40, unequal"]),
    "20 × 2, then 20 × 5": ([2] * 20, [5] * 20),
}


def rate_changes(rng: Rng, replicates: int) -> Rows:
    """Yield how two runs whose prompts repeat compare in success, by what changed."""
    rate, mended, broken = 0.7, 0.5, 0.1
    for layout, sizes in PAIRS.items():
        row: list[object] = [layout]
        for share in (0.2, 0.5):
            same = [_changed(rng, sizes, rate, share) for _ in range(replicates)]
            row.append(float(np.mean([each.verdict != "cannot tell" for each in same])))
        found = [_changed(rng, sizes, rate, 0.5, mended=mended) for _ in range(replicates)]
        width = np.mean([each.difference.high - each.difference.low for each in found])
        row += [_holds(found, mended * (1 - rate)), f"{100 * width:.0f}"]
        row.append(float(np.mean([each.verdict == "better" for each in found])))
        wholly = [_changed(rng, sizes, rate, 0.999, broken=broken) for _ in range(replicates)]
        yield [*row, _holds(wholly, -broken * rate)]


def _changed(
    rng: Rng,
    sizes: tuple[list[int], list[int]],
    rate: float,
    share: float,
    *,
    mended: float = 0.0,
    broken: float = 0.0,
) -> SuccessChange:
    """Compare two runs; prompts lose a share of their errors, or by chance all right answers."""
    odds, cases = (1 - share) / share, len(sizes[0])
    first = rng.beta(rate * odds, (1 - rate) * odds, cases)
    second = np.where(rng.random(cases) < broken, 0.0, first + mended * (1 - first))
    runs = []
    for of_case, repeats in zip((first, second), sizes, strict=True):
        names = named(repeats)
        right = rng.random(len(names)) < of_case[names]
        runs.append(pd.DataFrame({"case_id": names, "outcome": np.where(right, "pass", "fail")}))
    return success(*runs)


def _holds(found: list[SuccessChange], truth: float) -> float:
    inside = [one.difference.low <= truth <= one.difference.high for one in found]
    return float(np.mean(inside))


def _decided(found: list[TargetResult]) -> float:
    return float(np.mean([each.verdict in ("met", "not met") for each in found]))


def decided(rng: Rng, replicates: int) -> Rows:
    """Yield how often the number of prompts that was named decides: rates, then quantiles."""
    yield from _rates_decided(rng, replicates)
    yield from _quantiles_decided(rng, replicates)


def _rates_decided(rng: Rng, replicates: int) -> Rows:
    for right, n, limit in ((4, 5, 0.7), (17, 20, 0.7), (28, 40, 0.6), (5, 20, 0.4), (38, 40, 0.9)):
        estimate = proportion(right, n)
        named_n = judge(estimate, limit, at_most=False).more
        assert named_n is not None
        far = estimate.high if right / n > limit else estimate.low
        row: list[object] = [f"{right} of {n}, limit {100 * limit:.0f} %"]
        for truth, more in zip((far, (right / n + limit) / 2), named_n, strict=True):
            if more is None:
                row += ["over 1,000", "–"]
                continue
            counts = rng.binomial(n + more, truth, replicates)
            found = [judge(proportion(int(k), n + more), limit, at_most=False) for k in counts]
            row += [n + more, _decided(found)]
        yield row


def _quantiles_decided(rng: Rng, replicates: int) -> Rows:
    seen_at = ((0.5, 24, 40), (0.5, 14, 40), (0.5, 58, 100), (0.9, 75, 80), (0.95, 72, 80))
    for q, within, n in seen_at:
        x = np.sort(rng.lognormal(0, 0.35, n))
        limit = float(x[within - 1 : within + 1].mean())
        estimate = quantile(x, q)
        named_n, test = judge(estimate, limit).more, estimate.tested
        assert named_n is not None
        assert test is not None
        seen = test(limit)
        assert seen is not None
        far = seen.high if seen.rate > q else seen.low
        row: list[object] = [f"P{100 * q:.0f}, {within} of {n} within"]
        for truth, more in zip((far, (seen.rate + q) / 2), named_n, strict=True):
            if more is None:
                row += ["over 1,000", "–"]
                continue
            scale = limit / math.exp(0.35 * float(stats.norm.ppf(truth)))
            drawn = scale * rng.lognormal(0, 0.35, (replicates, n + more))
            row += [n + more, _decided([judge(quantile(each, q), limit) for each in drawn])]
        yield row
