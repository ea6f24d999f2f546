"""Several runs beside each other, in words."""

from __future__ import annotations

from liftlab.reporting.text.base import Text
from liftlab.reporting.text.numbers import listed
from liftlab.summary.comparison import RankedRun, RankedRuns
from liftlab.words import be, counted

NOTE = (
    "A place is what the data leave open: every pair of runs was compared over the prompts that "
    "all of them have, and the verdicts hold together (Holm's correction)."
)


def title(ranked: RankedRuns) -> Text:
    """Return which run is most often right, or between which the data cannot decide."""
    if not ranked.shared:
        return Text("No prompt is in all runs: they cannot be ranked")
    first = [row.run_id for row in ranked.rows if row.success_places[0] == 1]
    if len(first) == 1:
        return Text(f"{first[0]} is right most often")
    return Text(f"Not enough data to say which of {counted(len(first), 'run')} is right most often")


def fastest(ranked: RankedRuns) -> Text:
    """Say which run is fastest, or between which the data cannot decide."""
    first = [row.run_id for row in ranked.rows if row.time_places[0] == 1]
    if len(first) == 1:
        return Text(f"{first[0]} is the fastest end to end.")
    if len(first) == len(ranked.rows):
        return Text("Not enough data to say which is the fastest.")
    return Text(f"The fastest is one of {listed(first)}.")


def shared(ranked: RankedRuns) -> Text:
    """Say how many prompts all runs have."""
    count = ranked.shared
    return Text(f"{counted(count, 'prompt')} {be(count)} in all {len(ranked.rows):,} runs.")


def place(places: tuple[int, int]) -> str:
    """Write a place, or the places that are left open.

    Examples
    --------
    >>> place((1, 1)), place((2, 3))
    ('1', '2–3')
    """
    best, worst = places
    return f"{best}" if best == worst else f"{best}–{worst}"


def line(row: RankedRun) -> str:
    """Return one run as a line of text."""
    right, time = place(row.success_places), place(row.time_places)
    return (
        f"{row.run_id}: right {row.success.point} (place {right}), "
        f"median {row.median.point} (place {time})"
    )
