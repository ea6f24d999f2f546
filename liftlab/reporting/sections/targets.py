"""The project's targets as a table."""

from __future__ import annotations

import pandas as pd

from liftlab.reporting.scorecards import verdict
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import targets as text
from liftlab.reporting.text.base import capitalised
from liftlab.summary.targets import Targets


def section(targets: Targets) -> Section:
    """Return each target with its verdict, and what would decide the open ones."""
    rows = [
        {
            "Target": capitalised(text.name(row)) + ("" if row.required else " (not required)"),
            "Limit": text.limit(row),
            "Value": cell(row.result.estimate),
            "95 % interval": interval_cell(row.result.estimate),
            "Verdict": verdict(row.verdict, text.verdict(row)),
            "What would decide": row.result.needs,
        }
        for row in targets.rows
    ]
    if not rows:
        return of_run(targets, title="No targets are set: [targets] in liftlab.toml", is_empty=True)
    frame = pd.DataFrame(rows)
    shown = table(frame.drop(columns="95 % interval"))
    return of_run(
        targets,
        parts=(shown,),
        details=(("With intervals (table, CSV)", table(frame, csv="targets.csv")),),
    )
