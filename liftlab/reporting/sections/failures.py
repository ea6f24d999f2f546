"""Failure classes: which fault to fix first."""

from __future__ import annotations

import pandas as pd

from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import failures as text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import capitalised
from liftlab.reporting.text.numbers import listed
from liftlab.summary.failures import Failures


def section(failures: Failures) -> Section:
    """Return each failure class with its share of graded answers and of failures."""
    rows = [
        {
            "Cause": capitalised(words.cause(row.failure_class)),
            "Answers": row.count,
            "Of graded": cell(row.of_trials),
            "95 % interval": interval_cell(row.of_trials),
            "Of failures": cell(row.of_failures),
            "Prompts": listed(list(row.cases)),
        }
        for row in failures.rows
    ]
    parts = (table(pd.DataFrame(rows), csv="failures.csv"),) if rows else ()
    return of_run(
        failures,
        title=text.title(failures),
        sentences=(text.first(failures),),
        parts=parts,
        notes=("A share is the most that a fix can buy: another fault may lie beneath.",)
        if rows
        else (),
    )
