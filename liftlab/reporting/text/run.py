"""Which run it is, in a line, and what a reader must know before its numbers."""

from __future__ import annotations

from liftlab.records import CAPACITY, SESSIONS
from liftlab.reporting.text.base import Text, code, joined, write
from liftlab.reporting.text.provenance import SOURCES
from liftlab.store import RunData
from liftlab.words import counted, name


def line(run: RunData) -> Text:
    """Return which run this is: endpoint, model, size, load and date."""
    row = run.run
    parts = [
        write("run {}", code(row.run_id)),
        SOURCES.get(row.provenance, ""),
        f"simulated, run {run.sped_up:g} times as fast" if run.sped_up != 1 else "",
        name(row.hardware or row.endpoint),
        name(row.model),
        _size(run),
        _load(run),
        (row.started_at or "")[:10],
        "" if row.status == "complete" else row.status,
    ]
    return joined(parts, " · ")


def _size(run: RunData) -> str:
    """Return how many prompts were asked how often, or how many requests that made."""
    asked = run.trials["case_id"].value_counts()
    if not len(asked):
        return ""
    prompts = counted(len(asked), "check" if run.run.pipeline == SESSIONS else "prompt")
    if run.run.pipeline == SESSIONS:
        return prompts
    if asked.nunique() == 1:
        return f"{prompts} × {asked.iloc[0]:,}"
    return f"{prompts}, {counted(len(run.trials), 'request')}"


def _load(run: RunData) -> str:
    if run.run.load == "open":
        return f"{run.run.rate_rps:g} requests a second" if run.run.rate_rps else "open loop"
    concurrency = run.run.concurrency or 0
    if concurrency <= 1:
        return "one at a time" if concurrency else ""
    return f"{'up to ' if run.run.load == CAPACITY else ''}{concurrency:,} at once"
