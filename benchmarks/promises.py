"""Made-up data whose truth is known, and how often each method keeps its promise on it.

Used by `calibration.py`. Every generator is an assumption: real endpoints differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import planted
from scipy import stats

from liftlab.analysis import (
    decide,
    intervals,
    outliers,
    paired,
    sequential,
    timecourse,
    timeouts,
    variance,
)
from liftlab.analysis.estimate import Estimate

RUN_SD, WEEK_SD, CASE_SD = 0.10, 0.05, 0.4  # of ln seconds

Rng = np.random.Generator
Draw = Callable[[Rng, tuple[int, ...]], np.ndarray]
Rows = Iterator[list[object]]


def retry_mix(rng: Rng, size: tuple[int, ...]) -> np.ndarray:
    """Draw around 10 s; one in ten takes 2 to 4 times as long."""
    slow = np.where(rng.random(size) < 0.1, rng.uniform(2, 4, size), 1)
    return 10 * rng.lognormal(0, 0.1, size) * slow


def cold_mix(rng: Rng, size: tuple[int, ...]) -> np.ndarray:
    """Draw around 10 s; one in twenty waits another 20 to 60 s."""
    return 10 * rng.lognormal(0, 0.2, size) + (rng.random(size) < 0.05) * rng.uniform(20, 60, size)


def two_servers(rng: Rng, size: tuple[int, ...]) -> np.ndarray:
    """Draw from two machines, one of them 1.6 times as slow."""
    return 10 * rng.lognormal(0, 0.1, size) * np.where(rng.random(size) < 0.4, 1.6, 1)


GENERATORS: dict[str, Draw] = {
    "normal(10, .5)": lambda rng, size: rng.normal(10, 0.5, size),
    "lognormal σ .35": lambda rng, size: 10 * rng.lognormal(0, 0.35, size),
    "retries, 10 % × 2–4": retry_mix,
    "5 + 2·Lomax(1.5)": lambda rng, size: 5 + 2 * rng.pareto(1.5, size),
    "lognormal, 5 % cold": cold_mix,
    "gamma, shape 4": lambda rng, size: rng.gamma(4, 2.5, size),
    "floor 5 s + Weibull 1.3": lambda rng, size: 5 + 3 * rng.weibull(1.3, size),
    "two servers, 1 : 1.6": two_servers,
}


def covers(draw: Draw, rng: Rng, q: float, n: int, replicates: int) -> float:
    """Return how often the interval, or bound, of a quantile holds the true one."""
    truth = float(np.quantile(draw(rng, (1_000_000,)), q))
    inside = 0
    for sample in draw(rng, (replicates, n)):
        inside += _covers(intervals.quantile(sample, q), truth)
    return inside / replicates


def quantiles(rng: Rng, replicates: int) -> Rows:
    """Yield coverage by generator."""
    for name, draw in GENERATORS.items():
        medians = [covers(draw, rng, 0.5, n, replicates) for n in (6, 10, 20, 100)]
        yield [name, *medians, *(covers(draw, rng, 0.95, n, replicates) for n in (59, 72, 100))]


def clustered_medians(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of the median of prompts like these, where cases repeat."""
    for repeats in (2, 5):
        row: list[object] = [f"20 × {repeats}"]
        for share in (0.2, 0.5, 0.9):
            names, inside = np.repeat(np.arange(20), repeats), 0
            for _ in range(replicates):
                case = rng.normal(0, 0.35 * math.sqrt(share), 20)[names]
                own = rng.normal(0, 0.35 * math.sqrt(1 - share), len(names))
                found = intervals.median(10 * np.exp(case + own), clusters=names)
                inside += found.low <= 10 <= found.high
            row.append(inside / replicates)
        yield row


def outcomes(rng: Rng, rate: float, share: float, names: np.ndarray) -> np.ndarray:
    """Draw outcomes of cases whose own rates differ, with an intra-class correlation."""
    shape = np.array([rate, 1 - rate]) * (1 - share) / share
    return rng.random(len(names)) < rng.beta(*shape, names.max() + 1)[names]


def proportions(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of a success rate of .7 with five repeats a case."""
    for cases in (10, 20, 50):
        names = np.repeat(np.arange(cases), 5)
        row: list[object] = [f"{cases} × 5"]
        for share in (0.2, 0.5, 0.8):
            found = [
                intervals.proportion(outcomes(rng, 0.7, share, names), clusters=names)
                for _ in range(replicates)
            ]
            row.append(np.mean([each.low <= 0.7 <= each.high for each in found]))
        yield row


def line_errors(rng: Rng, replicates: int) -> Rows:
    """Yield how far the slope of a sample of attempts lies from the slope of them all."""
    for n in (2_000, 5_000):
        for sigma in (0.1, 0.35):
            off = []
            for _ in range(replicates):  # the full fit compares all pairs: few
                tokens = rng.uniform(70, 160, n)
                seconds = (0.6 + 0.028 * tokens) * rng.lognormal(0, sigma, n)
                whole = stats.theilslopes(seconds, tokens).slope
                off.append(abs(outliers.theil_sen(tokens, seconds)[1] / whole - 1))
            yield [f"{n:,}, σ {sigma}", *(f"{100 * f(off):.1f} %" for f in (np.median, np.max))]


def causes(rng: Rng, replicates: int) -> Rows:
    """Yield how often a planted cause is found; of stalls without a trace, called unexplained."""
    unlike = ("server_s", "max_gap_s")
    singles = [((kind,), ()) for kind in planted.DRAWN]
    singles[-1] = (singles[-1][0], unlike)
    pairs = [("retry", "queue"), ("cold start", "retry"), ("queue", "output tokens")]
    pairs += [("cold start", "stall without a trace"), ("retry", "stall without a trace")]
    pairs += [("output tokens", "stall without a trace"), ("back-off", "server stall")]
    bare = [(("queue",), ("queue_s",)), (("back-off",), ("backoff_before_s",))]
    bare += [(("cold start",), ("cold_s",)), (("retry",), ("output_tokens", "prompt_tokens"))]
    for kinds, without in [*singles, *((pair, ()) for pair in pairs), *bare]:
        name = " + ".join(kinds) + (f"; no {', '.join(without)}" if without else "")
        found = [
            planted.share_right(rng, sigma, kinds, replicates, without) for sigma in (0.05, 0.1)
        ]
        yield [name, *(share for share, _ in found), sum(slow for _, slow in found)]
    clean = [planted.share_of_clean_runs(rng, sigma, replicates) for sigma in (0.05, 0.1)]
    yield ["nothing: any `unexplained` in a run", *clean, 2 * replicates]


def time_courses(rng: Rng, replicates: int) -> Rows:
    """Yield false alarms and power of the drift, its coverage, and that of neighbours."""
    for cases, repeats in ((40, 1), (20, 2), (20, 5), (5, 20)):
        alarms, found, inside, apart, begins = [], [], [], [], []
        for _ in range(replicates):
            names = np.concatenate([rng.permutation(cases) for _ in range(repeats)])
            level = rng.normal(2, CASE_SD, cases)[names]
            times = np.exp(level + rng.normal(0, RUN_SD, len(names)))
            still = timecourse.time_course(times, names)
            slower = timecourse.time_course(times * np.geomspace(1, 1.2, len(names)), names)
            alarms.append(still.drifts)
            found.append(slower.drifts)
            inside.append(_covers(slower.ratio, 1.2))
            apart.append(_covers(still.neighbours, 0.0))
            begins.append(_covers(still.warm_up, 1.0))
        means = (np.mean(each) for each in (alarms, found, inside, apart, begins))
        yield [f"{cases} × {repeats}", *means]


def time_outs(rng: Rng, replicates: int) -> Rows:
    """Yield the median time to success by three ways, and coverage, where clients give up."""
    for n in (20, 50, 100):
        medians, naive, inside = [], [], []
        for _ in range(replicates):
            true, limit = 15 * rng.lognormal(0, 0.4, n), rng.uniform(12, 40, n)
            ok, seconds = true <= limit, np.minimum(true, limit)
            found = timeouts.time_to_success(seconds, ok, ~ok).median
            medians.append(found.value or np.nan)
            naive.append(np.median(seconds[ok]))
            inside.append(_covers(found, 15.0))
        yield [n, f"{np.nanmean(medians):.1f} s", f"{np.mean(naive):.1f} s", np.mean(inside)]


def _covers(found: Estimate, truth: float) -> bool:
    low, high = found.low, found.high
    return (low is None or low <= truth) and (high is None or truth <= high)


def flags(rng: Rng, replicates: int) -> Rows:
    """Yield how often a clean set has any flag, and how often one value × 3 is found."""
    for n in (5, 10, 20, 50, 100):
        row: list[object] = [f"pooled, n = {n}"]
        for sigma in (0.2, 0.35):
            clean = rng.lognormal(0, sigma, (replicates, n))
            row.append(np.mean([outliers.flag(sample).mask.any() for sample in clean]))
            clean[:, 0] *= 3
            row.append(np.mean([outliers.flag(sample).mask[0] for sample in clean]))
        yield row
    for repeats in (3, 5):
        names = np.repeat(np.arange(20), repeats)
        level = np.where(names < 15, 4.2, 10.5)
        row = [f"within, 15 easy and 5 hard × {repeats}"]
        for sigma in (0.2, 0.35):
            clean = level * rng.lognormal(0, sigma, (replicates, len(names)))
            row.append(np.mean([outliers.flag(sample, names).mask.any() for sample in clean]))
            clean[:, 0] *= 3
            row.append(np.mean([outliers.flag(sample, names).mask[0] for sample in clean]))
        yield row


def components(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of the share of variance that cases hold."""
    for cases, repeats in ((5, 3), (10, 3), (20, 2), (20, 5)):
        names = np.repeat(np.arange(cases), repeats)
        row: list[object] = [f"{cases} × {repeats}"]
        for share in (0.2, 0.5, 0.9):
            inside = 0
            for _ in range(replicates):
                case = rng.normal(0, math.sqrt(share), cases)[names]
                times = np.exp(0.3 * (case + rng.normal(0, math.sqrt(1 - share), len(names))))
                found = variance.components(times, names).share
                inside += found.low <= share <= found.high
            row.append(inside / replicates)
        yield row


def week(rng: Rng, of_case: np.ndarray, repeats: int, ratio: float = 1.0) -> np.ndarray:
    """Draw one week of every case: (cases, repeats), in seconds."""
    level = of_case + rng.normal(0, WEEK_SD / math.sqrt(2), len(of_case)) + math.log(ratio)
    return np.exp(level[:, None] + rng.normal(0, RUN_SD, (len(of_case), repeats)))


def comparisons(rng: Rng, replicates: int) -> Rows:
    """Yield detectable slow-downs, the power there, and the false alarms of three stages."""
    for cases, repeats in ((5, 3), (10, 1), (10, 3), (20, 1), (20, 5), (40, 5)):
        medians = np.median(rng.normal(0, RUN_SD, (200_000, repeats)), axis=1)
        deviation = math.sqrt(2 * float(medians.var()) + WEEK_SD**2)
        ratios = [
            math.exp(deviation * paired.detectable_effect(cases, alpha))
            for alpha in (0.05, 0.05 / 3)
        ]
        names, found, alarms = np.repeat(np.arange(cases), repeats), [], []
        for _ in range(replicates):
            of_case = rng.normal(2, CASE_SD, cases)
            first, second = week(rng, of_case, repeats), week(rng, of_case, repeats, ratios[0])
            found.append(paired.times(first.ravel(), names, second.ravel(), names).p < 0.05)
            stages = [[week(rng, of_case, repeats) for _ in range(2)] for _ in range(2)]
            stages.append([stages[0][0] + stages[1][0], stages[0][1] + stages[1][1]])
            changes = [paired.times(a.ravel(), names, b.ravel(), names) for a, b in stages]
            alarms.append(any(change.p < 0.05 for change in paired.holm(changes)))
        slow = [f"{100 * (ratio - 1):.1f} %" for ratio in ratios]
        yield [f"{cases} × {repeats}", *slow, np.mean(found), np.mean(alarms)]


def decisions(rng: Rng, replicates: int) -> Rows:
    """Yield where the sequential test ends, and how often the sequence misses at any look."""
    looks = np.unique(np.geomspace(3, 400, 25).astype(int))
    for rate in (0.6, 0.7, 0.8, 0.9):
        for share in (0.0, 0.8):
            names = np.repeat(np.arange(250), 2)
            verdicts, used, missed = [], [], 0
            for _ in range(replicates):
                made = rng.random(500) < rate if not share else outcomes(rng, rate, share, names)
                order = rng.permutation(500)
                decision = decide.success_rate(made[order], cases=names[order])
                verdicts.append(decision.verdict)
                used.append(decision.decided_after or decision.trials)
                hits = np.cumsum(made[:: 1 if not share else 2])
                at = [
                    sequential.confidence_sequence(int(hits[n - 1]), int(n))
                    for n in looks
                    if n <= len(hits)
                ]
                missed += any(not each.low <= rate <= each.high for each in at)
            counts = pd.Series(verdicts).value_counts(normalize=True)
            kind = "independent" if not share else "2 repeats, ICC .8"
            ends = [float(counts.get(verdict, 0.0)) for verdict in ("above", "below")]
            yield [f"{rate}, {kind}", *ends, f"{np.mean(used):.0f}", missed / replicates]
