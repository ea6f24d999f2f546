"""Requests of prompts that repeat, whose truth is known: quantiles, rates, what would decide.

Used by `calibration.py`. Every generator is an assumption: real endpoints differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from liftlab.analysis.intervals import proportion, quantile
from liftlab.analysis.verdicts import TargetResult, judge

Rng = np.random.Generator
Names = np.ndarray  # the case of each request, 0, 0, 1, …
Rows = Iterator[list[object]]

LAYOUTS: dict[str, list[int]] = {
    "10 × 2": [2] * 10,
    "20 × 2": [2] * 20,
    "20 × 50": [50] * 20,
    "40, unequal": [1, 2, 3, 10] * 10,
    "80 × 2": [2] * 80,
}


def shared(share: float) -> Callable[[Rng, Names], np.ndarray]:
    """Return lognormal times of which prompts hold such a share of the variance."""

    def draw(rng: Rng, names: Names) -> np.ndarray:
        case = rng.standard_normal(names[-1] + 1)[names]
        own = rng.standard_normal(len(names))
        return np.exp(0.35 * (math.sqrt(share) * case + math.sqrt(1 - share) * own))

    return draw


def bimodal(rng: Rng, names: Names) -> np.ndarray:
    """Draw three prompts of ten around 10 s, the others around 4 s."""
    slow = rng.random(names[-1] + 1) < 0.3
    return np.where(slow, 10.0, 4.0)[names] * rng.lognormal(0, 0.05, len(names))


def heavy(rng: Rng, names: Names) -> np.ndarray:
    """Draw 5 s and a heavy tail, each request its own."""
    return 5 + 2 * rng.pareto(1.5, len(names))


def heavy_prompts(rng: Rng, names: Names) -> np.ndarray:
    """Draw 5 s and a heavy tail, one for each prompt."""
    tails = 5 + 2 * rng.pareto(1.5, names[-1] + 1)
    return tails[names] * rng.lognormal(0, 0.05, len(names))


TIMES: dict[str, Callable[[Rng, Names], np.ndarray]] = {
    "lognormal, ICC .2": shared(0.2),
    "lognormal, ICC .9": shared(0.9),
    "bimodal by prompt": bimodal,
    "5 + 2·Lomax(1.5)": heavy,
    "the same by prompt": heavy_prompts,
}


def named(sizes: list[int]) -> Names:
    """Return the case of each request."""
    return np.repeat(np.arange(len(sizes)), sizes)


def outcomes(rng: Rng, rate: float, share: float, names: Names) -> np.ndarray:
    """Draw outcomes of cases whose own rates differ, with an intra-class correlation."""
    shape = np.array([rate, 1 - rate]) * (1 - share) / share
    return rng.random(len(names)) < rng.beta(*shape, names.max() + 1)[names]


def request_quantiles(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of quantiles of requests, where prompts repeat."""
    wanted = [(q, name) for q in (0.5, 0.9, 0.95) for name in LAYOUTS]
    wanted = [(q, n) for q, n in wanted if q == 0.5 or len(LAYOUTS[n]) >= 20]
    wanted = [(q, n) for q, n in wanted if q != 0.9 or n in ("20 × 2", "40, unequal")]
    wanted = [(q, n) for q, n in wanted if q != 0.95 or n in ("20 × 50", "80 × 2")]
    for q, layout in wanted:
        names, row = named(LAYOUTS[layout]), [f"P{100 * q:.0f}, {layout}"]
        for draw in TIMES.values():
            truth = float(np.quantile(draw(rng, np.arange(400_000)), q))
            inside = 0
            for _ in range(replicates):
                found = quantile(draw(rng, names), q, clusters=names)
                inside += found.low <= truth <= (math.inf if found.high is None else found.high)
            row.append(inside / replicates)
        yield row


def rates(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of a success rate, where prompts repeat."""
    for layout, sizes in LAYOUTS.items():
        for rate in (0.7, 0.95):
            names, row = named(sizes), [f"{layout}, rate {rate}"]
            for share in (0.05, 0.2, 0.5, 0.8):
                drawn = (outcomes(rng, rate, share, names) for _ in range(replicates))
                found = [proportion(each, clusters=names) for each in drawn]
                row.append(float(np.mean([each.low <= rate <= each.high for each in found])))
            yield row


def _decided(found: list[TargetResult]) -> float:
    return float(np.mean([each.verdict in ("met", "not met") for each in found]))


def rates_decided(rng: Rng, replicates: int) -> Rows:
    """Yield how often the number of prompts that was named decides about a rate."""
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


def quantiles_decided(rng: Rng, replicates: int) -> Rows:
    """Yield the same about quantiles: the truth is the share within the limit."""
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
