"""Two runs beside each other, or several: what changed, and what that is worth."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import plain, quantity
from liftlab.analysis.paired import Change
from liftlab.analysis.trust import off_by
from liftlab.reporting.text import words
from liftlab.reporting.text.base import (
    Text,
    capitalised,
    code,
    interval,
    joined,
    listed,
    marked,
    value,
    write,
)
from liftlab.summary.comparison import Comparison, RankedRun, RankedRuns
from liftlab.words import be, counted

PLACES = (
    "A place is what the data leave open: every pair of runs was compared over the prompts that "
    "all of them have, and the verdicts hold together (Holm's correction)."
)


def title(comparison: Comparison) -> Text:
    """Return whether the second run is faster or slower end to end, or that this is not known."""
    change = comparison.times.times[-1]
    if change.ratio.value is None:
        return Text("The two runs have no times to compare")
    return capitalised(_faster(change, "the second run"))


def since(comparison: Comparison) -> Text:
    """Say what changed since the earlier run, for a reader without statistics."""
    change, rates = comparison.times.times[-1], comparison.times.success
    parts = []
    if rates.first is not None and rates.second is not None:
        before, after = (quantity(rate, "%") for rate in (rates.first, rates.second))
        sure = {"better": "", "worse": "", "equivalent": ", the same within the margin"}
        tail = sure.get(rates.verdict, ", too few prompts to call it a change")
        parts.append(Text(f"right answers went from {before} to {after}{tail}"))
    if change.ratio.value is not None:
        parts.append(_faster(change, "it"))
    if not parts:
        return Text()
    day = f" ({date})" if (date := str(comparison.first.row.get("started_at") or "")[:10]) else ""
    return write("Since run {}{}: {}.", code(comparison.first.run_id), day, joined(parts, "; "))


def change(row: Change) -> Text:
    """Say how a stage's time changed."""
    if row.ratio.value is None:
        return Text(f"{words.stage(row.what)}: no times to compare.")
    known = interval(row.ratio)
    tail = f" ({known})" if known else ""
    return write("{}: {}, × {}{}.", words.stage(row.what), _verdict(row), value(row.ratio), tail)


def sentences(comparison: Comparison) -> Iterator[str]:
    """Yield what a comparison comes to, what is left out of it, and what weakens it."""
    times, differs = comparison.times, comparison.differs
    if comparison.why:
        yield comparison.why
    yield success(comparison)
    alike = f". Not the same: {', '.join(differs)}" if differs else ", made in the same way"
    yield f"{counted(times.shared, 'prompt')} {be(times.shared)} in both runs{alike}."
    alone = {"first": times.only_first, "second": times.only_second}
    if parts := [f"{count:,} only in the {name}" for name, count in alone.items() if count]:
        yield f"Left out: {', '.join(parts)}."
    yield from comparison.unproven
    if comparison.bottlenecks:
        runs = " and ".join(comparison.bottlenecks)
        yield f"The client was the bottleneck in {runs}: times are too long by an unknown part."
    if comparison.changed_cases:
        names = listed(list(comparison.changed_cases))
        yield f"Left out, because prompt or checks changed: {names}."
    if "price" in differs:
        yield "Costs are not compared: the price is not the same, or not known for both."
    if comparison.uncertainty_s:
        yield f"Times are known to ± {off_by(comparison.uncertainty_s)}."


def success(comparison: Comparison) -> str:
    """Say how the success rate changed, in percentage points."""
    found = comparison.times.success
    if found.first is None or found.second is None:
        return "Right answers: no prompt was graded in both runs."
    rates = f"{quantity(found.first, '%')} before, {quantity(found.second, '%')} after"
    by = f"{found.difference.point} ({interval(found.difference)})"
    return f"Right answers: {rates}, a difference of {by}: {found.verdict}."


def by_prompt(comparison: Comparison) -> Text:
    """Return how many prompts changed beyond chance."""
    judged = [row for row in comparison.cases if row.p is not None]
    if not judged:
        return Text("What single prompts took; verdicts need three repeats in both runs")
    sure = sum(row.verdict != "cannot tell" for row in judged)
    return Text(f"{sure:,} of {counted(len(judged), 'prompt')} changed beyond chance")


def most_often_right(ranked: RankedRuns) -> str:
    """Return which run is most often right, or between which the data cannot decide."""
    if not ranked.shared:
        return "No prompt is in all runs: they cannot be ranked"
    first = [row.run_id for row in ranked.rows if row.success_places[0] == 1]
    if len(first) == 1:
        return f"{first[0]} is right most often"
    return f"Not enough data to say which of {counted(len(first), 'run')} is right most often"


def ranking(ranked: RankedRuns) -> Iterator[str]:
    """Yield which run is fastest, or between which the data cannot decide; and what all share."""
    first = [row.run_id for row in ranked.rows if row.time_places[0] == 1]
    if len(first) == 1:
        yield f"{first[0]} is the fastest end to end."
    elif len(first) == len(ranked.rows):
        yield "Not enough data to say which is the fastest."
    else:
        yield f"The fastest is one of {listed(first)}."
    shared = f"{counted(ranked.shared, 'prompt')} {be(ranked.shared)}"
    yield f"{shared} in all {len(ranked.rows):,} runs."


def place(places: tuple[int, int]) -> str:
    """Write a place, or the places that are left open, as "2–3"."""
    best, worst = places
    return f"{best}" if best == worst else f"{best}–{worst}"


def placed(row: RankedRun) -> str:
    """Return one of several runs as a line of text."""
    right, time = place(row.success_places), place(row.time_places)
    return (
        f"{row.run_id}: right {row.success.point} (place {right}), "
        f"median {row.median.point} (place {time})"
    )


def _faster(change: Change, who: str) -> Text:
    """Return whether a run is faster end to end, as a clause."""
    size = change.ratio.value
    if size is not None and size >= 2 and change.verdict == "slower":
        return write("{} takes {} times as long end to end", who, plain(size, 2))
    if size is not None and change.verdict in ("faster", "slower"):
        by = quantity(abs(1 - size), "%")
        return write("{} is {} {} end to end", who, by, _verdict(change))
    if change.verdict == "equivalent":
        return Text(f"{who} is as fast end to end, within {quantity(change.margin, '%')}")
    return Text(f"not enough data to say whether {who} is faster")


def _verdict(row: Change) -> Text:
    return marked(row.verdict, f"ratio:{row.what} verdict")
