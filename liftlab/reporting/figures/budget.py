"""Which stage to speed up first."""

from __future__ import annotations

from collections.abc import Sequence

from liftlab.analysis.budget import StageEffect
from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures.bars import Bar, Bars, Part
from liftlab.reporting.figures.base import BLUE, ORANGE, Figure
from liftlab.reporting.html import Html
from liftlab.reporting.text import words


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
        hues={"measured": BLUE, "planned": ORANGE},
        axis=["seconds that the median request would end sooner"],
        targets={},
    )
    return shown.figure("Time saved at half a stage's time", caption=caption, table=table)
