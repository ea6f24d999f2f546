"""A load in sentences, and the times of tokens, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import quantity
from liftlab.analysis.load import LoadSummary
from liftlab.analysis.tokens import WORDS, StageTokens
from liftlab.reporting.text import cost, latency, recommendations, words
from liftlab.reporting.text.base import Text, capitalised, joined, value, write
from liftlab.summary.run import RunSummary
from liftlab.words import be, counted, was

_WORDS = {
    **WORDS,
    "e2e": "E2E from sent",
    "e2e_from_planned": "E2E from planned",
    "lag": "lag, planned to sent",
}


def title(summary: RunSummary) -> Text:
    """Return how many requests were answered."""
    load = of(summary)
    return Text(f"{load.ok:,} of {counted(load.n, 'request')} {was(load.ok)} answered")


def sentences(summary: RunSummary) -> tuple[Text, ...]:
    """Return how fast the load was answered, what failed, and how long requests took."""
    return tuple(write("{}.", capitalised(line)) for line in lines(of(summary)))


def numbers(summary: RunSummary) -> list[tuple[str, Text]]:
    """Return the numbers of a status update by name."""
    rows = [
        ("End to end, median", summary.latency.e2e.p50),
        ("Cost of a request", summary.cost.request),
    ]
    return [(name, value(row)) for name, row in rows if row.value is not None]


def message(summary: RunSummary) -> Text:
    """Return the load as a paragraph."""
    return joined(
        [
            write("{}.", title(summary)),
            write("{}.", capitalised(next(lines(of(summary))))),
            write("{}.", latency.title(summary.latency)),
            cost.request(summary.cost),
            recommendations.first(summary.recommendations),
        ]
    )


def technical(summary: RunSummary) -> Text:
    """Return all there is to say of the load."""
    steps = (write("{} {}", *step) for step in recommendations.steps(summary.recommendations))
    return joined([*sentences(summary), cost.request(summary.cost), *steps])


def of(summary: RunSummary) -> LoadSummary:
    """Return the load of a run that is one."""
    if summary.load is None:
        raise ValueError("the run is no load")
    return summary.load


def lines(load: LoadSummary) -> Iterator[str]:
    """Yield what a load comes to."""
    rate = "" if load.rps is None else f", {load.rps:,.1f} answered a second"
    yield f"{load.loop}: {counted(load.n, 'request')}, {load.ok:,} answered well{rate}"
    if load.missing:
        planned = counted(load.n + load.missing, "planned request")
        yield (
            f"offered load not reached: {load.missing:,} of {planned} {was(load.missing)} not "
            f"sent, or {be(load.missing)} lost"
        )
    if load.errors:
        ways = (f"{count:,} × {words.request_error(name)}" for name, count in load.errors)
        yield f"failed: {', '.join(ways)}"
    for spread in load.spreads:
        said = [f"P{100 * q:g} {e.point}" for q, e in spread.quantiles if e.value is not None]
        if spread.unit == "s":  # of a rate the largest says only which reply came in few reads
            off = next((estimate.finest for _, estimate in spread.quantiles), None)
            said.append(f"largest {quantity(spread.largest, spread.unit, finest=off)}")
        yield f"{_WORDS[spread.name]}: {', '.join(said)}"
    if load.reasoned_only:
        replies = counted(load.reasoned_only, "reply", "replies")
        yield f"no answer token came in {replies}: only reasoning"
    again = f"; {load.stale:,} sent again at once on a new one" if load.stale else ""
    yield f"connections: {load.reused:,} of {counted(load.n, 'request')} on one used before{again}"


def tokens(stage: StageTokens) -> str:
    """Return the medians of a stage's times of tokens."""
    named = [
        point if name == "tokens_per_s" else f"{WORDS[name]} {point}"
        for name, estimate in stage.medians.items()
        if (point := quantity(estimate.value, estimate.unit)) != "–"
    ]
    if stage.reasoned_only:
        named.append(f"no answer token came in {stage.reasoned_only:,}")
    replies = counted(stage.n, "streamed reply", "streamed replies")
    of = f"{words.stage(stage.stage)}, medians of {replies}"
    return f"{of}: {', '.join(named)}"
