"""Slow steps: how many, why, and each with its causes."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.causes import CAUSES
from liftlab.reporting.figures.slow import causes as causes_figure
from liftlab.reporting.figures.slow import latency_strip
from liftlab.reporting.html import Html, tag
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import behind, codes, table
from liftlab.reporting.text import slow as text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import capitalised
from liftlab.reporting.text.slow_words import CAUSE_WORDS
from liftlab.summary.latency import Slow

_TOLD = 8  # steps in sentences; the table has all
_LISTED = 2_000


def section(slow: Slow) -> Section:
    """Return every step as a point, and what each slow one consists of."""
    if not slow.steps.total:
        return of_run(slow, title=text.title(slow))
    strip = latency_strip(slow.run.stages, slow.steps, slow.medians, caption=text.title(slow))
    parts = [strip.html()]
    if len(slow.steps):
        caption = text.kinds(slow)
        parts.append(causes_figure(slow.steps, caption=caption, table=behind(_table(slow))).html())
        told = [tag("li", sentence) for sentence in text.worst(slow, _TOLD)]
        parts.append(tag("ul", *told))
    return of_run(
        slow,
        title=text.title(slow),
        sentences=(text.beyond_chance(slow),),
        parts=tuple(parts),
        notes=(
            "A step counts as slow from 1.5 times its usual time on, or where it took longer than "
            "chance explains for its tokens.",
        ),
    )


def _table(slow: Slow) -> Html:
    shown = slow.steps.steps.head(_LISTED)
    causes = {
        f"{capitalised(CAUSE_WORDS[cause])}, s": shown[cause]
        for cause in CAUSES
        if (shown[cause] > 0).any()
    }
    rows = pd.DataFrame(
        {
            "Prompt": codes(shown["case_id"]),
            "Repeat": shown["repeat"],
            "Stage": shown["stage"].map(words.stage),
            "Took, s": shown["took_s"],
            "Usual, s": shown["usual_s"],
            "Over, s": shown["excess_s"],
            **causes,
            "Unexplained, s": shown["unexplained_s"],
        }
    )
    return table(rows, csv="slow_steps.csv", most=20)
