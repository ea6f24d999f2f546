"""Where the time goes: one bar a trial, one block an attempt; many trials as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.columns import floats, is_true, labels
from liftlab.analysis.estimate import quantity
from liftlab.reporting import canvas
from liftlab.reporting.canvas import BACKGROUND, BAD, INK, MUTED, Figure, blank, label
from liftlab.reporting.html import Html
from liftlab.reporting.text import words

MOST_BARS = 60
_FAR = 2.5  # times the longest bar: beyond it a target would squeeze the bars
LABELLED_BARS = 12  # up to so many, each has its time beside it
STAGE_HUES = (
    ("#5a8fbb", "#447aa6", "#30628b"),
    ("#eaa23b", "#dc7b29", "#bb4f28"),
    ("#5aa898", "#41907f", "#2c7566"),
    ("#9b84bd", "#8169a8", "#67508d"),
    ("#b58a66", "#9c704c", "#7f5735"),
    ("#8a98a6", "#6f7e8d", "#566473"),
)
_KEY = ["case_id", "repeat"]
_CLEAR = {"facecolor": BACKGROUND, "edgecolor": "none", "pad": 0.6}  # lines do not cross words
_CHARACTER = 6.9  # pixels of an average character of a label


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One attempt of one stage of a trial, in seconds from the trial's start."""

    stage: int
    attempt: int
    start: float
    seconds: float
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One trial: its blocks, and what is written beside it."""

    name: str
    e2e_s: float
    blocks: tuple[Block, ...]
    failed: str = ""  # why, if the endpoint or the code gave nothing usable
    note: str = ""


def stage_bars(
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    attempts: pd.DataFrame,
    targets: Mapping[str, float],
    *,
    notes: Mapping[tuple[str, int], str] | None = None,
    caption: str,
    table: Html | None = None,
) -> Figure:
    """Show where each trial's time went.

    Parameters
    ----------
    trials, stages, attempts
        The run's tables.
    targets
        Lines to draw, by their label, in seconds.
    notes
        What to write beside a trial's bar, by case and repeat.
    caption
        The answer that the figure gives.
    table
        The numbers behind it.

    Returns
    -------
    Figure
        Up to 60 trials as bars, slowest first; beyond that the distribution of each stage.
    """
    names = stage_names(stages)
    if len(trials) > MOST_BARS:
        return _curves(trials, stages, names, targets, caption=caption, table=table)
    bars = trial_bars(trials, stages, attempts, names, notes or {})
    guessed = any(block.estimated for bar in bars for block in bar.blocks)
    near, far = in_view(targets, max((bar.e2e_s for bar in bars), default=0.0))
    axis = " · ".join([_axis_words(names, guessed), *far])
    return Figure(
        caption=caption,
        alt=_alt(bars, names, targets),
        draw=lambda width: _draw_bars(bars, near, axis, width),
        table=table,
    )


def in_view(targets: Mapping[str, float], longest: float) -> tuple[dict[str, float], list[str]]:
    """Return the targets that a figure has room for, and words for those far beyond its marks.

    Examples
    --------
    >>> in_view({"original": 5.0, "revised": 15.0}, 2.5)
    ({'original': 5.0}, ['revised 15 s is out of view'])
    """
    limit = _FAR * longest if np.isfinite(longest) and longest > 0 else np.inf
    near = {name: seconds for name, seconds in targets.items() if seconds <= limit}
    far = [f"{name} {quantity(s, 's')} is out of view" for name, s in targets.items() if s > limit]
    return near, far


def stage_names(stages: pd.DataFrame) -> list[str]:
    """Return the stages in the order of the pipeline."""
    if len(stages) == 0:
        return []
    order = stages.groupby("stage", sort=False)["position"].min().sort_values(kind="stable")
    return [str(name) for name in order.index]


def trial_bars(
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    attempts: pd.DataFrame,
    names: Sequence[str],
    notes: Mapping[tuple[str, int], str],
) -> list[Bar]:
    """Return a bar a trial, slowest first; attempts whose times are unknown share evenly."""
    repeated = trials["repeat"].nunique() > 1 if len(trials) else False
    of_stage: dict[Any, pd.DataFrame] = dict(iter(stages.groupby(_KEY, sort=False)))
    of_attempt: dict[Any, pd.DataFrame] = dict(iter(attempts.groupby([*_KEY, "stage"], sort=False)))
    bars = []
    trial: Any
    for trial, e2e, done in zip(
        trials.itertuples(), floats(trials, "e2e_s"), is_true(trials, "completed"), strict=True
    ):
        key = (trial.case_id, trial.repeat)
        blocks: list[Block] = []
        for stage in of_stage.get(key, stages.head(0)).sort_values("position").itertuples():
            rows = of_attempt.get((*key, stage.stage), attempts.head(0))
            at = blocks[-1].start + blocks[-1].seconds if blocks else 0.0
            blocks.extend(_blocks(stage, rows, at, names.index(str(stage.stage))))
        name = f"{trial.case_id} {trial.repeat}" if repeated else str(trial.case_id)
        bars.append(
            Bar(
                name=label(name, 28),
                e2e_s=float(e2e),
                blocks=tuple(blocks),
                failed=_failed(trial, bool(done), of_stage.get(key)),
                note=notes.get((str(trial.case_id), int(trial.repeat)), ""),
            )
        )
    return sorted(bars, key=lambda bar: -(bar.e2e_s if np.isfinite(bar.e2e_s) else -1.0))


def _blocks(stage: Any, rows: pd.DataFrame, at: float, index: int) -> list[Block]:
    began, ended = floats(rows, "sent_s"), floats(rows, "last_byte_s")
    timed = len(rows) > 0 and bool(np.isfinite(began).all() and np.isfinite(ended).all())
    if timed:
        return [
            Block(stage=index, attempt=i, start=at + a - began[0], seconds=b - a, estimated=False)
            for i, (a, b) in enumerate(zip(began, ended, strict=True))
        ]
    if not np.isfinite(stage.latency_s):
        return []
    count = 1 if pd.isna(stage.attempts) else max(int(stage.attempts), 1)
    part = float(stage.latency_s) / count
    return [
        Block(stage=index, attempt=i, start=at + i * part, seconds=part, estimated=count > 1)
        for i in range(count)
    ]


def _failed(trial: object, done: bool, stages: pd.DataFrame | None) -> str:
    """Say in a few words what went wrong with a trial; nothing if it is right or not judged."""
    if done and getattr(trial, "outcome", None) not in ("fail", "error"):
        return ""
    kind, error = getattr(trial, "failure_class", None), _stage_error(stages)
    said = "not finished"
    if isinstance(kind, str) and kind:
        said = label(words.cause(kind))
    elif isinstance(error, str) and error:
        said = label(words.request_error(error))
    tries = 0 if stages is None or done else np.nan_to_num(floats(stages, "attempts")).max()
    return f"failed after {int(tries)} attempts: {said}" if tries > 1 else said


def _stage_error(stages: pd.DataFrame | None) -> object:
    errors = [] if stages is None else [e for e in labels(stages, "error_class") if e is not None]
    return errors[-1] if errors else None


def _text(bar: Bar, narrow: bool, many: bool) -> tuple[str, str]:
    """Return what stands beside a bar, and its colour."""
    decimals = 1 if bar.e2e_s >= 10 else 2
    shown = f"{bar.e2e_s:.{decimals}f} s" if bar.e2e_s >= 1 else quantity(bar.e2e_s, "s")
    seconds = shown if np.isfinite(bar.e2e_s) else "no time"
    color = BAD if bar.failed else MUTED if many else INK
    if narrow:
        return seconds, color
    said = bar.failed or ("" if many else bar.note)
    return f"{seconds}  {label(said, 64)}".rstrip(), color


def _draw_bars(
    bars: Sequence[Bar], targets: Mapping[str, float], axis: str, width: float
) -> Drawing:
    narrow, many = width < canvas.WIDE, len(bars) > LABELLED_BARS
    pitch = 19.0 if many else 42.0
    drawing, axes = blank(width, 84 + pitch * max(len(bars), 1) + (20 if narrow else 0))
    texts = [_text(bar, narrow, many) for bar in bars]
    longest = max((bar.e2e_s for bar in bars if np.isfinite(bar.e2e_s)), default=1.0)
    longest = max([longest, *targets.values()])
    aside = max((len(text) for text, _ in texts), default=0) * _CHARACTER
    inner = width - (130 if narrow else 150)
    scale = longest / max(inner - aside, inner * 0.35)
    for row, (bar, (text, color)) in enumerate(zip(bars, texts, strict=True)):
        _draw_bar(axes, row, bar, 0.72 if many else 0.62)
        end = max([bar.e2e_s if np.isfinite(bar.e2e_s) else 0.0, *_ends(bar)])
        size = 11.0 if many else 13.0
        axes.text(end + 6 * scale, row, text, va="center", color=color, fontsize=size, bbox=_CLEAR)
    target_lines(axes, targets, narrow)
    axes.set_ylim(max(len(bars), 1) - 0.5, -0.75)
    names = [bar.name for bar in bars]
    size = 11.0 if many or narrow else 12.5
    axes.set_yticks(range(len(bars)), names, fontfamily="monospace", fontsize=size)
    ticks = MaxNLocator(nbins=7, steps=[1, 2, 5, 10]).tick_values(0, longest)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.spines.bottom.set_bounds(0, ticks[-1])
    axes.set_xlim(0, inner * scale)
    axes.set_xlabel(_wrapped(axis, narrow), loc="left")
    if not bars:
        axes.text(0, 0, "No trials to show", color=MUTED, va="center")
    return drawing


def _draw_bar(axes: Axes, row: int, bar: Bar, height: float) -> None:
    for block in bar.blocks:
        shades = STAGE_HUES[block.stage % len(STAGE_HUES)]
        axes.barh(
            row,
            block.seconds,
            left=block.start,
            height=height,
            color=shades[min(block.attempt, len(shades) - 1)],
            edgecolor=BACKGROUND,
            linewidth=1.4,
        )


def _ends(bar: Bar) -> list[float]:
    return [block.start + block.seconds for block in bar.blocks]


def target_lines(axes: Axes, targets: Mapping[str, float], narrow: bool = False) -> None:
    """Draw a line at each target, its name above it."""
    for number, (name, seconds) in enumerate(sorted(targets.items(), key=lambda item: item[1])):
        style, color = ((0, (4, 3)), INK) if number else ((0, (1, 2.5)), MUTED)
        axes.axvline(seconds, color=color, linestyle=style, linewidth=1.1, zorder=1.5)
        wording = quantity(seconds, "s") if narrow else f"{name} {quantity(seconds, 's')}"
        axes.annotate(
            wording,
            (seconds, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, 1),
            textcoords="offset points",
            fontsize=11.5,
            color=color,
            va="bottom",
        )


def _axis_words(names: Sequence[str], guessed: bool) -> str:
    hues = ("blue", "orange", "green", "violet", "brown", "grey")
    told = [
        f"{words.stage(name)} ({hues[i % len(hues)]}{', a block an attempt' if i else ''})"
        for i, name in enumerate(names)
    ]
    wording = " · ".join(["seconds end to end", *told])
    return f"{wording} · blocks of equal length: attempts not timed singly" if guessed else wording


def _wrapped(text: str, narrow: bool) -> str:
    parts = text.split(" · ")
    if not narrow:
        return text if len(text) < 105 else " · ".join(parts[:-1]) + "\n" + parts[-1]
    return "\n".join(parts)


def _alt(bars: Sequence[Bar], names: Sequence[str], targets: Mapping[str, float]) -> str:
    if not bars:
        return "A bar chart without bars: there are no trials."
    lines = []
    for bar in bars[:20]:
        parts = []
        for index, name in enumerate(names):
            mine = [block for block in bar.blocks if block.stage == index]
            tries = f" in {len(mine)} attempts" if len(mine) > 1 else ""
            if mine:
                total = mine[-1].start + mine[-1].seconds - mine[0].start
                parts.append(f"{words.stage(name)} {quantity(total, 's')}{tries}")
        end = f"; {bar.failed}" if bar.failed else ""
        lines.append(f"{bar.name} {quantity(bar.e2e_s, 's')} ({', '.join(parts)}{end})")
    more = f"; and {len(bars) - 20} faster ones" if len(bars) > 20 else ""
    aims = ", ".join(f"{name} {quantity(s, 's')}" for name, s in targets.items())
    head = f"Bars of the end-to-end time of {len(bars)} trials, slowest first"
    return f"{head}: {'; '.join(lines)}{more}. Targets: {aims or 'none'}."


def _curves(
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    names: Sequence[str],
    targets: Mapping[str, float],
    *,
    caption: str,
    table: Html | None,
) -> Figure:
    """Show many trials: for each stage and end to end, the share that was done by a time."""
    series = {"end to end": floats(trials, "e2e_s")}
    for name in names:
        series[words.stage(name)] = floats(stages[stages["stage"] == name], "latency_s")
    series = {name: values[np.isfinite(values)] for name, values in series.items()}
    series = {name: values for name, values in series.items() if len(values)}
    told = [
        f"{name}: median {quantity(float(np.median(v)), 's')}, 90 % within "
        f"{quantity(float(np.quantile(v, 0.9)), 's')}, longest {quantity(float(v.max()), 's')}"
        for name, v in series.items()
    ]
    near, far = in_view(targets, max((float(v.max()) for v in series.values()), default=0.0))
    axis = " · ".join(["seconds", *far])
    return Figure(
        caption=caption,
        alt=f"Curves of the share done by a time, of {len(trials):,} trials. {'; '.join(told)}.",
        draw=lambda width: _draw_curves(series, near, axis, width),
        table=table,
    )


def _draw_curves(
    series: Mapping[str, np.ndarray], targets: Mapping[str, float], axis: str, width: float
) -> Drawing:
    drawing, axes = blank(width, 330)
    colors = [INK, *(hue[0] for hue in STAGE_HUES)]
    heights = np.linspace(0.62, 0.22, max(len(series), 2))  # names stand clear of each other
    for (name, values), color, height in zip(series.items(), colors, heights, strict=False):
        thinned = np.quantile(values, np.linspace(0, 1, min(len(values), 400)))
        sns.ecdfplot(x=thinned, ax=axes, color=color, linewidth=2)
        at = float(np.quantile(values, height))
        axes.text(at, height, f"  {name}", color=color, va="top", fontsize=12.5)
    shown = max((float(np.quantile(v, 0.995)) for v in series.values()), default=1.0)
    axes.set_xlim(0, 1.05 * max([shown, *targets.values()]))
    target_lines(axes, targets, width < canvas.WIDE)
    axes.set_yticks([0, 0.5, 0.9, 1], ["0 %", "50 %", "90 %", "all"])
    axes.set(xlabel=axis, ylabel="")
    axes.grid(axis="y", color=canvas.RULE, linewidth=0.8)
    return drawing
