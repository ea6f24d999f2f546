"""Two runs beside each other: what changed, and what that is worth."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import plain, quantity
from liftlab.analysis.paired import Change
from liftlab.analysis.trust import off_by
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, capitalised, code, joined, marked, write
from liftlab.reporting.text.numbers import interval, listed, value
from liftlab.summary.comparison import Comparison
from liftlab.words import counted


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
    ratio = write("× {}", value(row.ratio))
    tail = f" ({known})" if known else ""
    return write("{}: {}, {}{}.", words.stage(row.what), _verdict(row), ratio, tail)


def success(comparison: Comparison) -> Text:
    """Say how the success rate changed, in percentage points."""
    found = comparison.times.success
    if found.first is None or found.second is None:
        return Text("Right answers: no prompt was graded in both runs.")
    rates = f"{quantity(found.first, '%')} before, {quantity(found.second, '%')} after"
    by = f"{found.difference.point} ({interval(found.difference)})"
    return write("Right answers: {}, a difference of {}: {}.", rates, by, found.verdict)


def shared(comparison: Comparison) -> Text:
    """Say how many prompts both runs have, and what was not the same."""
    count, differs = comparison.times.shared, list(comparison.differs)
    said = f"{counted(count, 'prompt')} {'is' if count == 1 else 'are'} in both runs"
    if not differs:
        return Text(f"{said}, made in the same way.")
    return Text(f"{said}. Not the same: {', '.join(differs)}.")


def alone(comparison: Comparison) -> Text:
    """Say how many prompts only one run has; empty where both have all."""
    counts = {"first": comparison.times.only_first, "second": comparison.times.only_second}
    parts = [f"{count:,} only in the {name}" for name, count in counts.items() if count]
    return Text(f"Left out: {', '.join(parts)}.") if parts else Text()


def by_prompt(comparison: Comparison) -> Text:
    """Return how many prompts changed beyond chance."""
    rows = comparison.cases
    judged = [row for row in rows if row.p is not None]
    if not judged:
        return Text("What single prompts took; verdicts need three repeats in both runs")
    sure = [row for row in judged if row.verdict != "cannot tell"]
    return Text(f"{len(sure):,} of {counted(len(judged), 'prompt')} changed beyond chance")


def notes(comparison: Comparison) -> Iterator[str]:
    """Yield what is left out of a comparison, and what weakens it, a sentence each."""
    yield from comparison.unproven
    if comparison.bottlenecks:
        runs = " and ".join(comparison.bottlenecks)
        yield f"The client was the bottleneck in {runs}: times are too long by an unknown part."
    if comparison.changed_cases:
        names = listed(list(comparison.changed_cases))
        yield f"Left out, because prompt or checks changed: {names}."
    if "price" in comparison.differs:
        yield "Costs are not compared: the price is not the same, or not known for both."
    if comparison.uncertainty_s:
        yield f"Times are known to ± {off_by(comparison.uncertainty_s)}."


def sentences(comparison: Comparison) -> Iterator[Text | str]:
    """Yield what a comparison comes to."""
    if comparison.why:
        yield comparison.why
    yield success(comparison)
    yield shared(comparison)
    yield alone(comparison)
    yield from notes(comparison)


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
