"""The history: a metric over its runs, and where its level shifted."""

from __future__ import annotations

from liftlab.analysis.comparability import is_share, unit_of
from liftlab.analysis.estimate import plain, quantity
from liftlab.analysis.trends import ChangePoint, MetricSeries


def metric(series: MetricSeries) -> str:
    """Return the newest value, the spread and the slope."""
    newest = quantity(series.latest, unit_of(series.metric))
    said = f"{series.metric}: {newest} in the newest of {series.n:,} runs"
    if series.sd is not None:
        said += f", which differ by {quantity(series.sd, '%')} (SD) at this level"
    slope = series.per_week
    if slope.value is not None:
        said += f"; {slope.value * 100:+.2g} % a week"
        said += f" ({slope.interval})" if slope.interval else ""
    return f"{said}."


def shift(change: ChangePoint) -> str:
    """Return what shifted, by how much, from which run on, and what changed with it."""
    size = f"{100 * (change.after / change.before - 1):+.1f} %"
    if is_share(change.metric):
        size = f"{100 * (change.after - change.before):+.1f} points"
    levels = (quantity(level, unit_of(change.metric)) for level in (change.before, change.after))
    settings = ", ".join(f"{name} {old} → {new}" for name, (old, new) in change.changed.items())
    beside = f"changed with it: {settings}" if settings else "nothing recorded changed with it"
    return (
        f"{change.metric} {size} ({' → '.join(levels)}) from run {change.run_id} on, "
        f"p = {plain(change.p, 2)}; {beside}."
    )
