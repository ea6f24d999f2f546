"""A load, and the times of tokens, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import quantity
from liftlab.analysis.load import LoadSummary
from liftlab.analysis.tokens import WORDS, StageTokens
from liftlab.reporting.text import words

_WORDS = {
    **WORDS,
    "e2e": "E2E from sent",
    "e2e_from_planned": "E2E from planned",
    "lag": "lag, planned to sent",
}


def lines(load: LoadSummary) -> Iterator[str]:
    """Yield what a load comes to."""
    rate = "" if load.rps is None else f", {load.rps:,.1f} answered a second"
    yield f"{load.loop}: {load.n:,} requests, {load.ok:,} answered well{rate}"
    if load.missing:
        planned = load.n + load.missing
        yield (
            f"offered load not reached: {load.missing:,} of {planned:,} planned requests were not "
            "sent, or are lost"
        )
    if load.errors:
        ways = (f"{count:,} × {words.request_error(name)}" for name, count in load.errors)
        yield f"failed: {', '.join(ways)}"
    for spread in load.spreads:
        said = [f"P{100 * q:g} {e.point}" for q, e in spread.quantiles if e.value is not None]
        if spread.unit == "s":  # of a rate the largest says only which reply came in few reads
            said.append(f"largest {quantity(spread.largest, spread.unit)}")
        yield f"{_WORDS[spread.name]}: {', '.join(said)}"
    if load.reasoned_only:
        yield f"no answer token came in {load.reasoned_only:,} replies: only reasoning"
    again = f"; {load.stale:,} sent again at once on a new one" if load.stale else ""
    yield f"connections: {load.reused:,} of {load.n:,} requests on one used before{again}"


def tokens(stage: StageTokens) -> str:
    """Return the medians of a stage's times of tokens."""
    named = [
        point if name == "tokens_per_s" else f"{WORDS[name]} {point}"
        for name, estimate in stage.medians.items()
        if (point := quantity(estimate.value, estimate.unit)) != "–"
    ]
    if stage.reasoned_only:
        named.append(f"no answer token came in {stage.reasoned_only:,}")
    of = f"{words.stage(stage.stage)}, medians of {stage.n:,} streamed replies"
    return f"{of}: {', '.join(named)}"
