"""What an imported file published, beside what its rows give, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liftlab.analysis.published import PublishedFigure
    from liftlab.store import RunData


def published_lines(run: RunData) -> list[str]:
    """Return a table of the published figures, each difference explained; none without any."""
    from liftlab.summary.provenance import source_of
    from liftlab.summary.published import published_figures

    notes = [f"note: {note}" for note in source_of(run).get("notes", [])]
    figures = published_figures(run)
    if not figures:
        return notes
    rows = [("figure", "published", "from the rows", "holds", "why not")]
    for figure in figures:
        published, ours = _amount(figure.published, figure), _amount(figure.recomputed, figure)
        rows.append((figure.field, published, ours, figure.survives, _why(figure)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    held = sum(figure.survives == "yes" for figure in figures)
    head = f"published figures: {held:,} of {len(figures):,} hold"
    return [*notes, "", head, *_aligned(rows, widths)]


def _aligned(
    rows: Sequence[tuple[str, str, str, str, str]], widths: Sequence[int]
) -> Iterator[str]:
    for name, published, ours, holds, why in rows:
        cells = [name.ljust(widths[0]), published.rjust(widths[1]), ours.rjust(widths[2])]
        yield "  ".join(["", *cells, holds.ljust(widths[3]), why]).rstrip()


def _why(figure: PublishedFigure) -> str:
    if figure.survives == "yes" or not figure.comes_out_as:
        return figure.explanation
    return f"{figure.explanation} (comes out as: {figure.comes_out_as})"


def _amount(value: float | None, figure: PublishedFigure) -> str:
    if value is None:
        return "–"
    if figure.unit == "%":
        return f"{value:.1%}"
    return f"{value:,.6g} {figure.unit}".rstrip()
