"""The page on spread: which runs are different, why, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from liftlab.analysis.estimate import quantity, span
from liftlab.analysis.explain import Explanation
from liftlab.analysis.timecourse import e2e_course
from liftlab.analysis.variance import stage_spreads
from liftlab.reporting import figures, messages
from liftlab.reporting.bars import stage_names, stage_title
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.html import Finding, Html, join, tag
from liftlab.reporting.messages import rounded
from liftlab.reporting.pages.course import course, course_words, spread_table
from liftlab.reporting.pages.parts import finding as any_finding
from liftlab.reporting.pages.parts import latency_table, provenance
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import Tile
from liftlab.reporting.tiles import tiles as tile_row

__all__ = [
    "changes",
    "conclusion",
    "course",
    "excess_figure",
    "explanations",
    "finding",
    "gather",
    "latency_table",
    "provenance",
    "spread_figure",
    "spread_table",
    "tiles",
]


def finding(facts: Facts) -> Finding:
    """Return what the spread comes to."""
    return any_finding(facts, _title(facts), _sentences(facts))


def tiles(facts: Facts) -> Html:
    """Return how many are slow, and how much of that is explained."""
    judged = [name for name, found in facts.outliers.items() if not found.reason]
    flagged = sum(int(facts.outliers[name].mask.sum()) for name in judged)
    values = sum(len(facts.outliers[name].mask) for name in judged)
    reason = next((found.reason for found in facts.outliers.values() if found.reason), "no stages")
    excess, known = _excess(facts)
    slow = Tile(
        what="Slow beyond chance",
        number=f"{flagged:,} / {values:,}" if judged else "–",
        why="stage times; a clean set gives one false alarm in 20" if judged else reason,
        verdict="" if judged else "not measurable",
    )
    share = (
        f"{rounded(known)} of {rounded(excess)} over usual" if facts.slow else "no stage was slow"
    )
    explained = Tile(
        what="Explained by what was recorded",
        number=quantity(known / excess, "%") if facts.slow else "–",
        why=share,
    )
    return tile_row([slow, explained, *(_spread_tile(facts, index) for index in range(2))])


def spread_figure(facts: Facts) -> Html:
    """Return every stage time as a point."""
    names = stage_names(facts.data.stages)
    flagged = {name: int(f.mask.sum()) for name, f in facts.outliers.items() if not f.reason}
    counts = [f"{flagged[name]:,} in {stage_title(name)}" for name in names if flagged.get(name)]
    caption = (
        f"Slow beyond chance: {', '.join(counts)}" if counts else "No time is slow beyond chance"
    )
    if not flagged:
        caption = "Every stage time; which are slow cannot be told yet"
    columns = ["case_id", "repeat", "stage", "latency_s", "attempts", "output_tokens", "ok"]
    frame = facts.data.stages[columns].sort_values("latency_s", ascending=False)
    shown = figures.latency_strip(
        facts.data.stages,
        facts.outliers,
        {summary.what: summary.p50.value for summary in facts.stages},
        caption=caption,
        table=behind(table(frame, csv="stages.csv", most=20)),
    )
    rules = (f"{stage_title(name)}: {facts.outliers[name].sentence()}" for name in names)
    return join([shown.html(), tag("p", " ".join(rules), cls="note")])


def excess_figure(facts: Facts) -> Html:
    """Return what each slow stage's time consists of."""
    excess, known = _excess(facts)
    caption = "No stage was slow for its peers"
    if facts.slow:
        share = quantity(known / excess, "%")
        caption = f"What was recorded accounts for {share} of the time over usual"
    return figures.excess_breakdown(
        facts.slow, caption=caption, table=behind(explanations(facts)) if facts.slow else None
    ).html()


def explanations(facts: Facts) -> Html:
    """Return every slow stage with its causes, as a table."""
    columns = ["Case", "Stage", "Took, s", "Usual, s", "Over, s", "Causes", "Unexplained, s", "Is"]
    rows = [_row(each) for each in facts.slow]
    return table(pd.DataFrame(rows, columns=columns), csv="slow_stages.csv", most=20)


def conclusion(facts: Facts) -> Html:
    """Return what follows, in sentences made from the data."""
    if not facts.slow:
        words = "No stage took 1.5 times what its peers take: there is nothing to explain."
        return tag("p", words if len(facts.data.stages) else "There are no stages to compare.")
    said = [tag("li", each.sentence()) for each in facts.slow[:8]]
    more = len(facts.slow) - len(said)
    if more:
        said.append(tag("li", f"and {more:,} more", cls="more"))
    return tag("ul", *said)


def changes(facts: Facts) -> Html:
    """Return what would change the conclusion, each with what it takes."""
    if len(facts.data.stages) == 0:
        return tag("p", "A first measured trial: so far there is no conclusion to change.")
    said = [*_missing(facts)]
    if not said:
        said = ["More of the same would not: other prompts, or another model, could."]
    return tag("ul", *(tag("li", each) for each in said))


def _missing(facts: Facts) -> Iterator[str]:
    advice = list(dict.fromkeys(each.advice for each in facts.slow if each.advice))
    if advice:
        left = sum(max(0.0, each.unexplained_s) for each in facts.slow if each.advice)
        yield f"Where the {rounded(left)} went that are unexplained: {'; '.join(advice)}."
    untold = [f for f in facts.outliers.values() if f.reason]
    if untold:
        yield f"Which times are slow: {untold[0].reason}."
    spreads = stage_spreads(facts.data.stages)
    reasons = list(dict.fromkeys(e.components.reason for e in spreads if e.components.reason))
    if reasons:
        yield f"Whether cases or repeats make the spread: {reasons[0]}."
    loose = [e for e in spreads if e.cv.value is not None and not e.cv.has_interval]
    if loose:
        yield (
            f"How large the spread of {stage_title(loose[0].what)} is: {loose[0].cv.reason}; more "
            "cases narrow it."
        )
    found = e2e_course(facts.data.trials) if len(facts.data.trials) else None
    if found is not None and found.p is None:
        yield f"Whether times drift: {found.ratio.reason}."
    if facts.e2e.n and facts.e2e.p95.reason:
        yield f"How slow the slowest are: {facts.e2e.p95.reason}."


def _title(facts: Facts) -> str:
    excess, known = _excess(facts)
    if len(facts.data.stages) == 0:
        return "No stage times yet: nothing can be said of spread"
    judged = [found for found in facts.outliers.values() if not found.reason]
    flagged = sum(int(found.mask.sum()) for found in judged)
    values = sum(len(found.mask) for found in judged)
    head = f"{flagged:,} of {values:,} stages {messages.be(flagged)} slow beyond chance"
    if not judged:
        head = "Too few times to tell a slow one"
    elif flagged == 0:
        slow = f"{len(facts.slow):,} of {values:,} stages took longer than their peers, none beyond"
        head = f"{slow} chance" if facts.slow else "No stage is slow beyond chance"
    if not facts.slow:
        return head
    share = quantity(round(known / excess, 2), "%")
    return f"{head}; {share} of the time over usual is explained"


def _sentences(facts: Facts) -> list[str]:
    said = []
    if facts.slow:
        excess, known = _excess(facts)
        worst = facts.slow[0]
        said.append(
            f"The slowest, {worst.case_id} in {stage_title(worst.stage)}, took "
            f"{rounded(worst.latency_s)} where its peers take {rounded(worst.typical_s)}."
        )
        causes = list(dict.fromkeys(e.main_cause for e in facts.slow))
        said.append(
            f"Main causes: {', '.join(causes[:4])}; {rounded(excess - known)} are unexplained."
        )
    spread = [s for s in facts.stages if s.std_s is not None and s.mean.value]
    widest = max(spread, key=lambda s: (s.std_s or 0.0) / (s.mean.value or 1.0), default=None)
    if widest is not None:
        said.append(
            f"{stage_title(widest.what)} varies most: standard deviation "
            f"{quantity(widest.std_s, 's')} at a mean of {quantity(widest.mean.value, 's')}."
        )
    drift = course_words(facts)
    if drift:
        said.append(drift)
    return said or messages.sentences(facts)


def _excess(facts: Facts) -> tuple[float, float]:
    """Return the seconds over usual, and how many of them a recorded cause accounts for."""
    excess = sum(each.excess_s for each in facts.slow)
    return excess, excess - sum(max(0.0, each.unexplained_s) for each in facts.slow)


def _spread_tile(facts: Facts, index: int) -> Tile:
    if index >= len(facts.stages):
        return Tile(what="Spread", number="–", why="no such stage", verdict="not measurable")
    summary = facts.stages[index]
    cv = summary.cv
    why = f"between cases {quantity(cv.value, '%')} of the mean" if cv.value else cv.reason
    if cv.low is not None and cv.high is not None:
        why += f" (95 %: {span(cv.low, cv.high, '%')})"
    what = f"{stage_title(summary.what)}, standard deviation"
    return Tile(what=what, number=quantity(summary.std_s, "s"), why=why)


def _row(each: Explanation) -> list[object]:
    causes = "; ".join(
        f"{part.cause} {rounded(part.seconds)}" + (f" ({part.count})" if part.count else "")
        for part in each.parts
    )
    return [
        f"{each.case_id} {each.repeat}",
        stage_title(each.stage),
        each.latency_s,
        each.typical_s,
        each.excess_s,
        causes or "none recorded",
        each.unexplained_s,
        each.verdict.replace("_", " "),
    ]
