"""Where numbers come from, in words."""

from __future__ import annotations

from collections.abc import Sequence

from liftlab.analysis.cost import Price
from liftlab.analysis.estimate import quantity
from liftlab.records import Run
from liftlab.reporting.text.base import Text, code, write
from liftlab.summary.provenance import Provenance

_ISOLATION = {
    "full": "Answers ran contained: no network, no files, no other processes.",
    "restricted": "Answers ran without network and other processes; they could read files.",
    "limits-only": "Answers ran with limits on time, memory and output, and without isolation: "
    "they could read files and use the network.",
    "none": "Answers were not run.",
}
_SOURCES = {"reference": "published figures, recomputed", "imported": "imported"}


def source(run: Run) -> str:
    """Return who measured the run."""
    return _SOURCES.get(run.provenance, "measured by liftlab")


def isolation(levels: Sequence[str]) -> str:
    """Say how answers were contained while they ran, and what was not isolated."""
    if not levels:
        return "No answer was run."
    return " ".join(_ISOLATION.get(level, level) for level in levels)


def controls(provenance: Provenance) -> str | None:
    """Return how many known answers were told apart, and at which isolation."""
    if not provenance.controls:
        return None
    levels = ", ".join(provenance.isolation)
    return f"{', '.join(provenance.controls)} controls told apart, isolation {levels}"


def price(known: Price | None) -> Text | None:
    """Return the one price, its date and where it is from."""
    if known is None or not known.source:
        return code(known.price_id) if known else None
    return write("{} ({}; {})", code(known.price_id), known.date, known.source)


def load(run: Run) -> str | None:
    """Return how requests were sent."""
    if run.load == "open":
        return f"open loop, {run.rate_rps:g} requests a second" if run.rate_rps else "open loop"
    return f"closed loop, {run.concurrency} at a time" if run.concurrency else run.load


def seconds(value: float | None) -> str | None:
    """Return a span of the client's clock, however short."""
    if value is not None and 0 < value < 1e-6:
        return f"{1e9 * value:.0f} ns"
    return None if value is None else quantity(value, "s")


def with_digest(name: str | None, digest: str | None) -> Text:
    """Return a name with the beginning of its digest."""
    return write("{} ({})", code(name), digest[:12]) if name and digest else code(name or "")
