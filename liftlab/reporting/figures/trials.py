"""Where the time goes: a bar a trial, a block an attempt; many trials as curves; levers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd

from liftlab.analysis.budget import StageEffect
from liftlab.analysis.columns import floats, is_true, labels
from liftlab.analysis.estimate import nearest, quantity
from liftlab.analysis.latency import stage_names
from liftlab.reporting.figures import base
from liftlab.reporting.figures.bars import Bar, Bars, Part
from liftlab.reporting.figures.base import Around, Figure
from liftlab.reporting.figures.curves import curves, reached
from liftlab.reporting.text import words
from liftlab.store import RunData

MOST_BARS = 60
MOST_TRIALS = 20_000  # of more, a mean of each prompt would need all attempts in memory
MOST_CASES, SLOWEST = 200, 40  # beyond so many prompts curves say more; of fewer these are drawn
LATER = "later stages"
_KEY = ["case_id", "repeat"]


def stage_bars(run: RunData, targets: Mapping[str, float], **around: Unpack[Around]) -> Figure:
    """Show where the time went, slowest first: up to 60 trials, else prompts, or curves."""
    names = stage_names(run.counted("stage", "stage", "position"))
    by_case = run.size("trial") > MOST_BARS
    cases = run.columns("trial", "case_id")["case_id"].nunique() if by_case else 1
    if by_case and (not 1 < cases <= MOST_CASES or run.size("trial") > MOST_TRIALS):
        return _curves(run, names, targets, **around)
    aims = tuple(targets.values())
    if by_case:
        rows, later = case_bars(run, names, aims), floats(run.attempts, "attempt") > 1
        guessed = bool(_untimed(run.attempts)[later].any())
        axis = ["seconds end to end, mean of a prompt's requests"]
        axis += [f"the {len(rows)} slowest of {cases} prompts"] * (len(rows) < cases)
    else:
        rows, axis = trial_bars(run, names, aims), ["seconds end to end"]
        guessed = any(part.hatched and part.start is None for row in rows for part in row.parts)
    axis += ["attempts without times of their own are drawn equally long"] * guessed
    hues = _hues(_kinds(names))
    shown = Bars(rows=rows, hues=hues, axis=axis, hatch="asked again", targets=targets)
    whose = "mean of each prompt" if by_case else "each request"
    return shown.figure(f"End-to-end seconds by stage, {whose}, slowest first", **around)


def trial_bars(run: RunData, names: Sequence[str], limits: Sequence[float] = ()) -> list[Bar]:
    """Return a bar a trial, slowest first; attempts whose times are unknown share evenly."""
    trials, kinds = run.trials, _kinds(names)
    repeated = trials["repeat"].nunique() > 1
    stages: dict[Any, pd.DataFrame] = dict(iter(run.stages.groupby(_KEY, sort=False)))
    attempts: dict[Any, pd.DataFrame] = dict(
        iter(run.attempts.groupby([*_KEY, "stage"], sort=False))
    )
    bars: list[tuple[float, Bar]] = []
    columns = (trials.itertuples(), floats(trials, "e2e_s"), is_true(trials, "completed"))
    trial: Any
    stage: Any
    for trial, e2e, done in zip(*columns, strict=True):
        key = (trial.case_id, trial.repeat)
        own = stages.get(key, run.stages.head(0)).sort_values("position")
        parts: list[Part] = []
        told = []
        for stage in own.itertuples():
            rows = attempts.get((*key, stage.stage), run.attempts.head(0))
            at = Bar(name="", parts=tuple(parts)).end
            if mine := _parts(stage, rows, at, kinds[str(stage.stage)]):
                parts += mine
                took = quantity(float(stage.latency_s), "s")
                tries = f" in {len(mine)} attempts" if len(mine) > 1 else ""
                told.append(f"{words.stage(str(stage.stage))} {took}{tries}")
        failed = _failed(trial, bool(done), own)
        seconds = quantity(e2e, "s", limit=nearest(limits, e2e)) if np.isfinite(e2e) else "no time"
        bar = Bar(
            name=base.label(f"{trial.case_id} {trial.repeat}" if repeated else trial.case_id, 28),
            parts=tuple(parts),
            beside=f"{seconds}  {failed}".rstrip(),
            is_bad=bool(failed),
            words=", ".join(told),
        )
        bars.append((e2e if np.isfinite(e2e) else -1.0, bar))
    return [bar for _, bar in sorted(bars, key=lambda pair: -pair[0])]


def case_bars(run: RunData, names: Sequence[str], limits: Sequence[float] = ()) -> list[Bar]:
    """Return a bar a prompt, slowest first: the mean of its trials that have a time."""
    trials = run.trials[np.isfinite(floats(run.trials, "e2e_s"))]
    right = trials["outcome"] == "pass"
    graded = trials["outcome"].isin(["pass", "fail"])
    cases = trials.assign(right=right, graded=graded).groupby("case_id")
    sums = cases[["right", "graded"]].sum()
    each = sums.assign(n=cases.size(), mean=cases["e2e_s"].mean())
    spent, kinds = _spent(run, trials), _kinds(names)
    bars = []
    case: Any
    for case in each.sort_values("mean", ascending=False, kind="stable").head(SLOWEST).itertuples():
        parts: list[Part] = []
        told, at = [], 0.0
        for name in names:
            if (case.Index, name) not in spent.index:
                continue
            took, first, again = (float(s) / case.n for s in spent.loc[(case.Index, name)])
            last = at + took - again
            parts.append(Part(kind=kinds[name], start=at, amount=first))
            parts.append(Part(kind=kinds[name], start=last, amount=again, hatched=True))
            told.append(f"{words.stage(name)} {quantity(took, 's')}")
            at += took
        is_bad = bool(case.right < case.graded)
        seconds = quantity(float(case.mean), "s", limit=nearest(limits, float(case.mean)))
        verdict = f"  {case.right} of {case.graded} right" if is_bad else ""
        bars.append(
            Bar(
                name=base.label(case.Index, 28),
                parts=tuple(parts),
                beside=f"{seconds}{verdict}",
                is_bad=is_bad,
                words=", ".join(told),
            )
        )
    return bars


def _spent(run: RunData, trials: pd.DataFrame) -> pd.DataFrame:
    """Return seconds of trials by prompt and stage: in all, of first attempts, of others."""
    keys = [*_KEY, "stage"]
    stages = run.stages.merge(trials[_KEY], on=_KEY).set_index(keys)
    took, tries = floats(stages, "latency_s"), np.fmax(floats(stages, "attempts"), 1)
    own = pd.DataFrame({"took": took, "first": took / tries}, index=stages.index)
    own["again"] = own["took"] - own["first"]
    is_first = floats(run.attempts, "attempt") == 1
    seconds = floats(run.attempts, "last_byte_s") - floats(run.attempts, "sent_s")
    timed = run.attempts.assign(
        first=np.where(is_first, seconds, 0.0), again=np.where(is_first, 0.0, seconds)
    )
    measured = timed[~_untimed(timed)].groupby(keys)[["first", "again"]].sum()
    own.update(measured)
    return own.groupby(["case_id", "stage"]).sum()


def _untimed(attempts: pd.DataFrame) -> pd.Series[bool]:
    """Return which attempts are of a step that has one without times."""
    seconds = floats(attempts, "last_byte_s") - floats(attempts, "sent_s")
    unknown = pd.Series(~np.isfinite(seconds), index=attempts.index)
    steps = [attempts[key] for key in (*_KEY, "stage")]  # none of warm-up
    return unknown.groupby(steps, dropna=False).transform("any")


def _kinds(names: Sequence[str]) -> dict[str, str]:
    """Return the name of each stage in the legend; those beyond the hues share one."""
    own = len(base.HUES) if len(names) <= len(base.HUES) else len(base.HUES) - 1
    return {name: words.stage(name) if n < own else LATER for n, name in enumerate(names)}


def _hues(kinds: Mapping[str, str]) -> dict[str, str]:
    return dict(zip(dict.fromkeys(kinds.values()), base.HUES, strict=False))


def _parts(stage: Any, rows: pd.DataFrame, at: float, kind: str) -> list[Part]:
    """Return a step's attempts, each where it was; equally long where their times are unknown."""
    began, ended = floats(rows, "sent_s"), floats(rows, "last_byte_s")
    if len(rows) and np.isfinite(began).all() and np.isfinite(ended).all():
        return [
            Part(kind=kind, start=at + a - began[0], amount=b - a, hatched=place > 0)
            for place, (a, b) in enumerate(zip(began, ended, strict=True))
        ]
    if not np.isfinite(stage.latency_s):
        return []
    count = 1 if pd.isna(stage.attempts) else max(int(stage.attempts), 1)
    amount = float(stage.latency_s) / count
    return [Part(kind=kind, amount=amount, hatched=place > 0) for place in range(count)]


def _failed(trial: Any, done: bool, stages: pd.DataFrame) -> str:
    """Say in a few words what went wrong with a trial; nothing if it is right or not judged."""
    if done and trial.outcome not in ("fail", "error"):
        return ""
    errors = [error for error in labels(stages, "error_class") if error is not None]
    said = "not finished"
    if errors and trial.outcome in ("error", None):
        said = words.request_error(str(errors[-1]))
    elif isinstance(trial.failure_class, str) and trial.failure_class:
        said = words.cause(trial.failure_class)
    tries = 0 if done or not len(stages) else np.nan_to_num(floats(stages, "attempts")).max()
    return base.label(f"failed after {int(tries)} attempts: {said}" if tries > 1 else said, 64)


def _curves(
    run: RunData, names: Sequence[str], targets: Mapping[str, float], **around: Unpack[Around]
) -> Figure:
    """Show many trials: for each stage and end to end, the share that was done by a time."""
    kinds = _kinds(names)
    hues = {"end to end": base.INK, **_hues(kinds)}
    series = {"end to end": floats(run.columns("trial", "e2e_s"), "e2e_s")}
    stages = run.columns("stage", "stage", "latency_s")
    for name, kind in kinds.items():
        if kind != LATER and len(names) > 1:  # one stage is all there is end to end
            series[kind] = floats(stages[stages["stage"] == name], "latency_s")
    series = {name: values[np.isfinite(values)] for name, values in series.items()}
    lines = [reached(name, hues[name], values) for name, values in series.items() if len(values)]
    return curves(lines, targets, axis=["seconds"], **around)


def stage_levers(effects: Sequence[StageEffect], **around: Unpack[Around]) -> Figure:
    """Show how much sooner the median request would end if a stage took half as long."""
    rows = []
    for effect in effects:
        saved = max(0.0, effect.saves_p50_s)
        waited = f"  waited for in {quantity(effect.critical, '%')} of requests"
        kind = "planned" if effect.planned else "measured"
        rows.append(
            Bar(
                name=words.stage(effect.name),
                parts=(Part(kind=kind, amount=saved),),
                beside=quantity(saved, "s") + (waited if effect.critical < 1 else ""),
                words=kind,
            )
        )
    hues = {"measured": base.BLUE, "planned": base.ORANGE}
    axis = ["seconds that the median request would end sooner"]
    shown = Bars(rows=rows, hues=hues, axis=axis, targets={})
    return shown.figure("Time saved at half a stage's time", **around)
