"""How much times vary, between prompts and within them."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.variance import Components
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import spread as text
from liftlab.reporting.text import words
from liftlab.summary.spread import Spread


def section(spread: Spread) -> Section:
    """Return coefficients of variation and variance components of each stage."""
    known = any(parts.repeat.value is not None for _, parts in spread.rows)
    rows = [
        {
            "": words.stage(what),
            "n": times.n,
            "SD, s": times.std_s,
            "SD / mean": cell(times.cv),
            **(_parts(parts) if known else {}),
        }
        for what, parts in spread.rows
        if (times := spread.latency.of(what)) is not None and times.n
    ]
    if not rows:
        return of_run(spread, title=text.title(spread))
    return of_run(
        spread,
        title=text.title(spread),
        sentences=(text.held(spread),),
        parts=(table(pd.DataFrame(rows)),),
        notes=(
            "Same prompt again: coefficient of variation of repeats. Between prompts: their part "
            "of the variance of ln seconds; the rest is of repeats.",
        )
        if known
        else (),
    )


def _parts(parts: Components) -> dict[str, object]:
    return {
        "Same prompt again": cell(parts.repeat),
        "95 % interval": interval_cell(parts.repeat),
        "Between prompts": cell(parts.share),
        "95 % interval ": interval_cell(parts.share),
    }
