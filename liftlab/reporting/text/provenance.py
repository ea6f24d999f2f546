"""Which run it is, in a line, and where its numbers come from, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from liftlab.analysis.cost.prices import Price
from liftlab.analysis.trust import off_by
from liftlab.records import CAPACITY, SESSIONS, Run
from liftlab.reporting.text.base import Text, code, joined, write
from liftlab.store import RunData
from liftlab.summary.provenance import Provenance
from liftlab.words import counted, name, one_line

_ISOLATION = {
    "full": "Answers ran contained: no network, no files, no other processes.",
    "restricted": "Answers ran without network and other processes; they could read files.",
    "limits-only": "Answers ran with limits on time, memory and output, and without isolation: "
    "they could read files and use the network.",
    "none": "Answers were not run.",
}
_MOST_PARTS = 5
SOURCES = {"reference": "published figures, recomputed", "imported": "imported"}


def line(run: RunData) -> Text:
    """Return which run this is: endpoint, model, size, load and date."""
    row = run.run
    known = {"endpoint": row.endpoint, "model": row.model, "hardware": row.hardware}
    parts = [
        write("run {}", code(row.run_id)),
        SOURCES.get(row.provenance, ""),
        f"simulated, run {run.sped_up:g} times as fast" if run.sped_up != 1 else "",
        *(f"{what} {name(said)}" for what, said in known.items() if said),
        _size(run),
        _load(row),
        (row.started_at or "")[:10],
        "" if row.status == "complete" else row.status,
    ]
    return joined(parts, " · ")


def _size(run: RunData) -> str:
    """Return how many prompts were asked how often, or how many requests that made."""
    asked = run.counted("trial", "case_id")["rows"]
    if not len(asked):
        return ""
    if run.run.pipeline == SESSIONS:
        return counted(len(asked), "check")
    prompts = counted(len(asked), "prompt")
    if asked.nunique() == 1:
        return f"{prompts} × {asked.iloc[0]:,}"
    return f"{prompts}, {counted(run.size('trial'), 'request')}"


def _load(row: Run) -> str:
    if row.load == "open":
        return f"{row.rate_rps:g} requests a second" if row.rate_rps else "open loop"
    if (row.concurrency or 0) <= 1:
        return "one at a time" if row.concurrency else ""
    return f"{'up to ' if row.load == CAPACITY else ''}{row.concurrency:,} at once"


def source(run: Run) -> str:
    """Return who measured the run."""
    return SOURCES.get(run.provenance, "measured by liftlab")


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
    most = "up to " if run.load == CAPACITY else ""
    return f"closed loop, {most}{run.concurrency} at a time" if run.concurrency else run.load


def segments(told: Mapping[str, Any]) -> str:
    """Say which segments a run was merged from, how they began, and what is missing."""
    if not told:
        return ""
    parts = told["parts"]
    began = "on one clock"
    if not told["one_clock"]:
        late = max(float(part["start_offset_s"] or 0) for part in parts)
        last = f"the last one began {seconds(late)} late" if late else "none began late"
        began = f"each timed by its own clock; {last}"
    lags = [float(part["loop_lag_p99_s"]) for part in parts if part["loop_lag_p99_s"] is not None]
    worst = f"; event loop lag P99 at most {seconds(max(lags))}" if lags else ""
    lines = [f"Merged from {len(parts):,} of {counted(told['of'], 'segment')}, {began}{worst}."]
    short = [part for part in parts if part["rows"] < part["planned"]]
    lines += [
        f"Segment {part['index']} ({part['run_id']}): {part['status']}, "
        f"{part['rows']:,} of {counted(part['planned'], 'request')}."
        for part in short[:_MOST_PARTS]
    ]
    if (more := len(short) - _MOST_PARTS) > 0:
        lines.append(f"{more:,} more lack{'s' * (more == 1)} requests.")
    if more := told["of"] - len(parts):
        lines.append(f"{counted(more, 'segment')} missing.")
    return one_line(" ".join(lines))


def moment(stamp: str | None) -> str | None:
    """Return a moment in UTC to the second, as "2026-11-29 19:04:25 UTC"."""
    if stamp and stamp.endswith(("+00:00", "Z")):
        return f"{stamp[:19].replace('T', ' ')} UTC"
    return stamp


def seconds(value: float | None) -> str | None:
    """Return a span of the client's clock, however short."""
    if not value:
        return None if value is None else "0 s"
    if value >= 1e-4:
        return off_by(value)
    return f"{1e9 * value:.0f} ns" if value < 1e-6 else f"{1e6 * value:.0f} µs"


def with_digest(name: str | None, digest: str | None) -> Text:
    """Return a name with the beginning of its digest."""
    return write("{} ({})", code(name), digest[:12]) if name and digest else code(name or "")
