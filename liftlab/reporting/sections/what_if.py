"""A run as it would have been, beside how it was."""

from __future__ import annotations

import pandas as pd

from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import what_if as text
from liftlab.reporting.text.numbers import sentences
from liftlab.summary.budget import WhatIf


def section(found: WhatIf) -> Section:
    """Return times and cost now and then."""
    rows = [
        {"": name, "Median": cell(row.p50), "95 % interval": interval_cell(row.p50)}
        | {"P90": cell(row.p90), "P95": cell(row.p95), "A request": cell(cost)}
        for name, row, cost in (
            ("Measured", found.now, found.cost_now),
            ("Then", found.then, found.cost_then),
        )
    ]
    return of_run(
        found,
        title=text.title(found),
        sentences=sentences(text.cost(found), text.month(found)),
        parts=(table(pd.DataFrame(rows)),),
        notes=(text.NOTE,),
    )
