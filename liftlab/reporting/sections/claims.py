"""Claims on file, each with its ruling and the sentence that may be used instead."""

from __future__ import annotations

from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import claims_table
from liftlab.summary.claims import Claims


def section(claims: Claims) -> Section:
    """Return each claim with its ruling."""
    rows = [
        {
            "claim": row.claim.statement,
            "ruling": row.ruling,
            "say": row.may_say,
        }
        for row in claims.rows
    ]
    if not rows:
        return of_run(claims, title="No claims are on file for this run", is_empty=True)
    kept = sum(row.ruling == "supported" for row in claims.rows)
    return of_run(
        claims,
        title=f"{kept:,} of {len(rows):,} claims are supported by the run's rows",
        details=(("Each claim with its ruling, and what may be said", claims_table(rows)),),
    )
