"""Several runs beside each other: a row a run, with the places that the data leave open."""

from __future__ import annotations

import pandas as pd

from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.tables import table
from liftlab.reporting.text import ranking as text
from liftlab.summary.comparison import RankedRuns


def section(ranked: RankedRuns) -> Section:
    """Return which run is best, and whether it really is."""
    rows = [
        {
            "Run": row.run_id,
            "Endpoint": row.endpoint,
            "Model": row.model,
            "Right": cell(row.success),
            "95 % interval": interval_cell(row.success),
            "Place": text.place(row.success_places),
            "Median": cell(row.median),
            "Place by time": text.place(row.time_places),
        }
        for row in ranked.rows
    ]
    runs = [row.run_id for row in ranked.rows]
    return Section(
        title=text.title(ranked),
        sentences=(text.fastest(ranked), text.shared(ranked)),
        parts=(table(pd.DataFrame(rows)),),
        notes=(text.NOTE,),
        line=" · ".join(runs),
        run_id=runs[0],
        is_end=True,
    )
