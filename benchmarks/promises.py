"""Made-up data whose truth is known, and how often each method keeps its promise on it.

Used by `calibration.py`. Every generator is an assumption: real endpoints differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pandas as pd
import planted
from asked_again import outcomes
from scipy import stats

from liftlab.analysis import (
    by_case,
    compare,
    decide,
    drift,
    intervals,
    outliers,
    paired,
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


def two_servers(rng: Rng, size: tuple[int, ...]) -> np.ndarray:
    """Draw from two machines, one of them 1.6 times as slow."""
    return 10 * rng.lognormal(0, 0.1, size) * np.where(rng.random(size) < 0.4, 1.6, 1)


GENERATORS: dict[str, Draw] = {
    "lognormal σ .35": lambda rng, size: 10 * rng.lognormal(0, 0.35, size),
    "retries, 10 % × 2–4": retry_mix,
    "5 + 2·Lomax(1.5)": lambda rng, size: 5 + 2 * rng.pareto(1.5, size),
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
    """Yield how often a planted cause is named, by what was not recorded."""
    own, cache = ("prefill_s",), ("prefill_s", "cached_tokens")
    bare = (*cache, "server_s", "queue_s")
    rows = [(cause, own, False, "") for cause in planted.PLANTED if cause != "unexplained"] + [
        ("retry", (*cache, "output_tokens", "prompt_tokens"), False, ""),
        ("back_off", (*own, "backoff_before_s"), False, ""),
        ("queue", (*own, "queue_s"), False, ""),
        ("cold_start", (*own, "cold_s"), False, ""),
        ("uncached_prompt", (), False, ""),
        ("uncached_prompt", cache, True, ""),
        ("uncached_prompt", cache, False, ""),
        ("unexplained", (*own, "server_s", "queue_s"), False, ""),
        ("unexplained", bare, True, ""),
        ("unexplained", bare, True, "uncached_prompt"),
    ]
    for cause, left_out, streamed, wanted in rows:
        name = f"{cause}; no {', '.join(left_out)}" if left_out else cause
        name += "; streamed" if streamed else ""
        name += f"; called {wanted}" if wanted else ""
        found = [
            planted.share_named(
                rng, layout, cause, replicates, left_out, streamed=streamed, wanted=wanted
            )
            for layout in ("20 × 1", "20 × 3")
        ]
        yield [name, *(share for share, _ in found), sum(seen for _, seen in found)]


def alarms(rng: Rng, replicates: int) -> Rows:
    """Yield how often a run without a cause has a step that is called beyond chance."""
    quiet, *others = planted.NOISES
    kinds = ["cached", "first", "some", "uncached", "by tokens", "by case"]
    rows = [(kind, quiet) for kind in kinds] + [("some", noise) for noise in others]
    layouts = ["40 × 1", "20 × 2", "20 × 3", "20, unequal", "20 × 50"]
    for kind, noise in rows:
        row: list[object] = [f"{kind}; {noise}"]
        for layout in layouts:
            part = {"floor and Lomax(1.5)": 1, "ln: .2 × t, 3 df": 4}.get(noise, 20)
            runs = max(1, replicates // part // (10 if layout == "20 × 50" else 1))
            told = (kind, layout) != ("by case", "40 × 1")  # only cases that repeat can show it
            row.append(planted.share_of_alarms(rng, layout, kind, runs, noise) if told else "–")
        yield row


def drifts(rng: Rng, replicates: int) -> Rows:
    """Yield false alarms and power of the drift, its coverage, and that of neighbours."""
    for cases, repeats in ((40, 1), (20, 2), (20, 5), (5, 20)):
        alarms, found, inside, apart, begins = [], [], [], [], []
        for _ in range(replicates):
            names = np.concatenate([rng.permutation(cases) for _ in range(repeats)])
            level = rng.normal(2, CASE_SD, cases)[names]
            times = np.exp(level + rng.normal(0, RUN_SD, len(names)))
            still = drift.drift_of(times, names)
            slower = drift.drift_of(times * np.geomspace(1, 1.2, len(names)), names)
            alarms.append(still.drifts)
            found.append(slower.drifts)
            inside.append(_covers(slower.ratio, 1.2))
            apart.append(_covers(still.neighbours, 0.0))
            begins.append(_covers(still.warm_up, 1.0))
        means = (np.mean(each) for each in (alarms, found, inside, apart, begins))
        yield [f"{cases} × {repeats}", *means]


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
            alarms.append(any(change.p < 0.05 for change in paired.together(changes)))
        slow = [f"{100 * (ratio - 1):.1f} %" for ratio in ratios]
        yield [f"{cases} × {repeats}", *slow, np.mean(found), np.mean(alarms)]


# Of ln seconds, in standard deviations of a request; the last has a floor and a heavy tail.
REPEATS: dict[str, Draw] = {
    "normal": lambda rng, size: RUN_SD * rng.standard_normal(size),
    "t, 3 df": lambda rng, size: RUN_SD * rng.standard_t(3, size),
    "one in ten × 3": lambda rng, size: (
        RUN_SD * rng.standard_normal(size) + math.log(3) * (rng.random(size) < 0.1)
    ),
    "floor and Lomax(1.5)": lambda rng, size: np.log(0.8 + 0.3 * rng.pareto(1.5, size)),
}


def equal_runs(rng: Rng, replicates: int) -> Rows:
    """Yield how often two runs of the same code differ: times and success, and any single case."""
    for cases, repeats in ((10, 3), (20, 3), (20, 10), (60, 3)):
        row: list[object] = [f"{cases} × {repeats}"]
        for draw in REPEATS.values():
            any_of_all, any_case = [], []
            for place in range(replicates):
                of_case, rate = rng.normal(2, CASE_SD, (2, cases)), rng.beta(0.8, 0.4, cases)
                logs = [_same_code(rng, of_case, repeats, draw) for _ in range(2)]
                whole = [{str(n): log for n, log in enumerate(_sums(each))} for each in logs]
                changes = by_case.compare_cases(*whole)
                any_case.append(any(change.verdict != "cannot tell" for change in changes))
                if place % 4:  # the other takes longer
                    continue
                found = compare.runs(*(_tables(rng, each, rate) for each in logs))
                verdicts = {change.verdict for change in found.times} | {found.success.verdict}
                any_of_all.append(bool(verdicts & {"faster", "slower", "better", "worse"}))
            row += [np.mean(any_of_all), np.mean(any_case)]
        yield row


def _sums(logs: np.ndarray) -> np.ndarray:
    """Return ln seconds end to end."""
    return np.log(np.exp(logs).sum(axis=0))


def _same_code(rng: Rng, of_case: np.ndarray, repeats: int, draw: Draw) -> np.ndarray:
    """Draw ln seconds of one run: (stages, cases, repeats)."""
    level = of_case + rng.normal(0, WEEK_SD, of_case.shape)
    return level[:, :, None] + draw(rng, (*of_case.shape, repeats))


def _tables(rng: Rng, logs: np.ndarray, rate: np.ndarray) -> SimpleNamespace:
    """Make the tables of one run: end to end is the sum of its stages; and what is right."""
    _, cases, repeats = logs.shape
    keys = {
        "run_id": "r",
        "case_id": np.repeat([f"c{i}" for i in range(cases)], repeats),
        "repeat": np.tile(np.arange(1, repeats + 1), cases),
    }
    seconds = np.exp(logs).reshape(len(logs), -1)
    frames = [
        pd.DataFrame(
            keys | {"stage": f"stage_{n}", "position": n, "ok": True, "latency_s": seconds[n]}
        )
        for n in range(len(logs))
    ]
    right = rng.random(cases * repeats) < np.repeat(rate, repeats)
    whole = {"e2e_s": seconds.sum(axis=0), "outcome": np.where(right, "pass", "fail")}
    return SimpleNamespace(
        trials=pd.DataFrame(keys | whole), stages=pd.concat(frames, ignore_index=True)
    )


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
                    decide.confidence_sequence(int(hits[n - 1]), int(n))
                    for n in looks
                    if n <= len(hits)
                ]
                missed += any(not each.low <= rate <= each.high for each in at)
            counts = pd.Series(verdicts).value_counts(normalize=True)
            kind = "independent" if not share else "2 repeats, ICC .8"
            ends = [float(counts.get(verdict, 0.0)) for verdict in ("above", "below")]
            yield [f"{rate}, {kind}", *ends, f"{np.mean(used):.0f}", missed / replicates]
