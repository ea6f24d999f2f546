"""What was published of a run, beside what its rows give, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liftlab.summary import RunSummary


def published_lines(summary: RunSummary) -> list[str]:
    """Return the notes of an imported file and a table of published figures; none without any."""
    from liftlab.reporting.sections import status

    notes = [f"note: {note}" for note in summary.provenance.source.get("notes", [])]
    if not summary.published.rows:
        return notes
    rows = status.published_rows(summary.published)
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return [
        *notes,
        "",
        f"{status.published_title(summary.published)}:",
        *(f"  {line}" for line in lines),
    ]
