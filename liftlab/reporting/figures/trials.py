"""Where the time goes: a bar a trial, a block an attempt; many trials as curves; levers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from liftlab.analysis.budget import StageEffect
from liftlab.analysis.columns import floats, is_true, labels
from liftlab.analysis.estimate import quantity
from liftlab.analysis.latency import stage_names
from liftlab.reporting.figures import base
from liftlab.reporting.figures.bars import Bar, Bars, Part
from liftlab.reporting.figures.base import Figure
from liftlab.reporting.figures.curves import Curve, curves, reached
from liftlab.reporting.html import Html
from liftlab.reporting.text import words
from liftlab.store import RunData

MOST_BARS = 60
LATER = "later stages"
_KEY = ["case_id", "repeat"]


def stage_bars(
    run: RunData, targets: Mapping[str, float], *, caption: str, table: Html | None = None
) -> Figure:
    """Show where each trial's time went: up to 60 as bars, slowest first; more as curves."""
    names = stage_names(run.counted("stage", "stage", "position"))
    if run.size("trial") > MOST_BARS:
        return _curves(run, names, targets, caption=caption, table=table)
    rows = trial_bars(run, names)
    guessed = any(part.hatched and part.start is None for row in rows for part in row.parts)
    note = ["attempts without times of their own are drawn equally long"] if guessed else []
    shown = Bars(
        rows=rows,
        hues=_hues(names),
        axis=["seconds end to end", *note],
        hatch="asked again",
        targets=targets,
    )
    return shown.figure("End-to-end times, slowest first", caption=caption, table=table)


def trial_bars(run: RunData, names: Sequence[str]) -> list[Bar]:
    """Return a bar a trial, slowest first; attempts whose times are unknown share evenly."""
    trials = run.trials
    repeated = trials["repeat"].nunique() > 1
    stages: dict[Any, pd.DataFrame] = dict(iter(run.stages.groupby(_KEY, sort=False)))
    attempts: dict[Any, pd.DataFrame] = dict(
        iter(run.attempts.groupby([*_KEY, "stage"], sort=False))
    )
    kinds = dict(zip(names, _kinds(names), strict=True))
    bars: list[tuple[float, Bar]] = []
    trial: Any
    stage: Any
    for trial, e2e, done in zip(
        trials.itertuples(), floats(trials, "e2e_s"), is_true(trials, "completed"), strict=True
    ):
        key = (trial.case_id, trial.repeat)
        own = stages.get(key, run.stages.head(0)).sort_values("position")
        parts: list[Part] = []
        told = []
        for stage in own.itertuples():
            rows = attempts.get((*key, stage.stage), run.attempts.head(0))
            at = Bar(name="", parts=tuple(parts)).end
            mine = _parts(stage, rows, at, kinds[str(stage.stage)])
            parts += mine
            tries = f" in {len(mine)} attempts" if len(mine) > 1 else ""
            if mine:
                took = quantity(float(stage.latency_s), "s")
                told.append(f"{words.stage(str(stage.stage))} {took}{tries}")
        failed = _failed(trial, bool(done), own)
        seconds = quantity(e2e, "s") if np.isfinite(e2e) else "no time"
        bar = Bar(
            name=base.label(f"{trial.case_id} {trial.repeat}" if repeated else trial.case_id, 28),
            parts=tuple(parts),
            beside=f"{seconds}  {failed}".rstrip(),
            is_bad=bool(failed),
            words=", ".join(told),
        )
        bars.append((e2e if np.isfinite(e2e) else -1.0, bar))
    return [bar for _, bar in sorted(bars, key=lambda pair: -pair[0])]


def _kinds(names: Sequence[str]) -> list[str]:
    own = len(base.HUES) if len(names) <= len(base.HUES) else len(base.HUES) - 1
    return [words.stage(name) if place < own else LATER for place, name in enumerate(names)]


def _hues(names: Sequence[str]) -> dict[str, str]:
    return dict(zip(dict.fromkeys(_kinds(names)), base.HUES, strict=False))


def _parts(stage: Any, rows: pd.DataFrame, at: float, kind: str) -> list[Part]:
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
    run: RunData,
    names: Sequence[str],
    targets: Mapping[str, float],
    *,
    caption: str,
    table: Html | None,
) -> Figure:
    """Show many trials: for each stage and end to end, the share that was done by a time."""
    series = {"end to end": floats(run.columns("trial", "e2e_s"), "e2e_s")}
    stages = run.columns("stage", "stage", "latency_s")
    for name, kind in zip(names, _kinds(names), strict=True):
        if kind != LATER:
            series[kind] = floats(stages[stages["stage"] == name], "latency_s")
    series = {name: values[np.isfinite(values)] for name, values in series.items()}
    hues = {"end to end": base.INK, **_hues(names)}
    lines = [
        Curve(name=name, hue=hues[name], x=reached(values)[0], y=reached(values)[1])
        for name, values in series.items()
        if len(values)
    ]
    return curves(lines, targets, axis=["seconds"], caption=caption, table=table)


def stage_levers(
    effects: Sequence[StageEffect], *, caption: str, table: Html | None = None
) -> Figure:
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
    shown = Bars(
        rows=rows,
        hues={"measured": base.BLUE, "planned": base.ORANGE},
        axis=["seconds that the median request would end sooner"],
        targets={},
    )
    return shown.figure("Time saved at half a stage's time", caption=caption, table=table)
