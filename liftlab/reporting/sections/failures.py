"""Failure classes: which fault to fix first."""

from __future__ import annotations

import pandas as pd

from liftlab.reporting.answer_notes import lacking
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import failures as text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import capitalised, code
from liftlab.reporting.text.numbers import listed
from liftlab.summary.failures import Failures


def section(failures: Failures) -> Section:
    """Return each failure class with its share of graded answers and of failures."""
    notes = lacking(failures.run.grades)
    if not failures.rows:
        return of_run(failures, title=text.title(failures), sentences=notes)
    rows = [
        {
            "Cause": capitalised(words.cause(row.failure_class)),
            "Answers": row.count,
            "Of failures": cell(row.of_failures),
            "Prompts": listed([code(case) for case in row.cases]),
            "Of graded": cell(row.of_trials),
            "95 % interval": interval_cell(row.of_trials),
        }
        for row in failures.rows
    ]
    frame = pd.DataFrame(rows, dtype=object)
    return of_run(
        failures,
        title=text.title(failures),
        sentences=(text.first(failures), *notes),
        parts=(table(frame.iloc[:, :4]),),
        details=(("Shares of all graded answers (table, CSV)", table(frame, csv="failures.csv")),),
        notes=("A share is the most that a fix can gain: another fault may lie beneath.",),
    )
