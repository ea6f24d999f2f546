"""Every trial of a run as a table, and one of them in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from liftlab.analysis.columns import client_counts
from liftlab.analysis.latency import stage_names
from liftlab.analysis.tokens import WORDS
from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.sections.answers import MOST_CODE, marked
from liftlab.reporting.sections.base import Section, of_run, shown
from liftlab.reporting.tables import (
    MOST_CSV_ROWS,
    MOST_ROWS,
    Scorecard,
    behind,
    scorecards,
    table,
    trial_codes,
    verdict,
)
from liftlab.reporting.text import trial as trial_text
from liftlab.reporting.text import words
from liftlab.reporting.text.reasons import went_wrong
from liftlab.store import RunData
from liftlab.store.by_column import TRIAL
from liftlab.summary.trials import Exchange, TrialDetails, Trials, slowest
from liftlab.words import counted, was

_HEADINGS = {
    "case_id": "Prompt",
    "repeat": "Repeat",
    "category": "Category",
    "e2e_s": "End to end, s",
    "client_s": "Of it liftlab, s",
    "attempts": "Attempts",
    "outcome": "Outcome",
    "why": "What went wrong",
}
_TIMES = {
    "stage": "stage",
    "attempt": "attempt",
    "retry_reason": "asked again because",
    "sent_s": "sent, s",
    "first_byte_s": "first byte, s",
    "last_byte_s": "last byte, s",
    "queue_s": "of it queue, s",
    "output_tokens": "output tokens",
    "http_status": "HTTP status",
    "error_class": "what went wrong",
}


@shown.register
def _(trials: Trials) -> Section:
    """Return how the run went, and a row a trial: times, attempts, checks, verdict."""
    count = trials.run.size("trial")
    title = f"{trials.completed:,} of {counted(count, 'trial')} went through all stages"
    if count and trials.completed == count:
        title = f"All {counted(count, 'trial')} went through all stages"
    sent = f"{counted(trials.requests, 'HTTP request')} {was(trials.requests)} sent"
    retries = "1 of them a retry" if trials.retries == 1 else f"{trials.retries:,} of them retries"
    cards = {
        "HTTP requests": trials.requests,
        "Retries": trials.retries,
        "Failed HTTP requests": trials.failed,
        "Output tokens": trials.output_tokens,
    }
    tokens = [
        {"Stage": words.stage(stage.stage), "Replies": stage.n, "": WORDS[name]}
        | {"Median": str(stage.medians[name]), "P95": str(stage.p95s.get(name, ""))}
        for stage in trials.tokens
        for name in stage.medians
    ]
    parts = []
    if count:
        known = {what: number for what, number in cards.items() if number is not None}
        parts = [
            scorecards(Scorecard(what=what, number=f"{n:,}") for what, n in known.items()),
            behind(trial_table(trials.run), "Every trial (table, CSV)"),
        ]
    return of_run(
        trials,
        title=title if count else "No trial has ended yet",
        sentences=(f"{sent}, {retries}.",),
        parts=tuple(parts),
        details=(("Tokens of streamed replies", table(tokens)),) if tokens else (),
    )


def trial_table(run: RunData) -> Html:
    """Return a row a trial, the slowest first: times, attempts, verdict; all of it as CSV."""
    keys, count = [*TRIAL], run.size("trial")
    trials, stages = slowest(run, MOST_ROWS if count > MOST_CSV_ROWS else count)
    full = trials[[*keys, "category"]].copy()
    for name in stage_names(run.counted("stage", "stage", "position")):
        times = stages.loc[stages["stage"] == name, [*keys, "latency_s"]]
        title = f"{words.stage(name)}, s"
        full = full.merge(times.rename(columns={"latency_s": title}), on=keys, how="left")
    own = ["client_s"] if client_counts(run.columns("trial", "e2e_s", "client_s")) else []
    rest = ["e2e_s", *own, "attempts", "checks_passed", "checks_total", "outcome", "failure_class"]
    full = full.merge(trials[[*keys, *rest]], on=keys)
    full["why"] = went_wrong(trials, stages)
    full = full.sort_values("e2e_s", ascending=False, kind="stable")
    rows = full.head(MOST_ROWS)
    outcomes: Any = [verdict(str(outcome)) for outcome in rows["outcome"]]
    cases: Any = trial_codes(rows)
    categories = rows["category"].map(words.readable, na_action="ignore")
    rows = rows.drop(columns=["checks_passed", "checks_total", "failure_class"])
    rows = rows.assign(outcome=outcomes, case_id=cases, category=categories)
    return table(
        rows, headings=_HEADINGS, csv="trials.csv", full=full.drop(columns="why"), rows=count
    )


@shown.register
def _(trial: TrialDetails) -> Section:
    """Return how a trial ended, its code and checks; prompts and replies are a click away."""
    said = (trial_text.times(trial), trial_text.checks(trial), trial_text.raised(trial))
    ir = [("IR", tag("pre", bounded(trial.ir, MOST_CODE)))] if trial.ir else []
    return of_run(
        trial,
        title=trial_text.title(trial),
        sentences=tuple(filter(None, said)),
        parts=tuple(_parts(trial)),
        details=(*ir, *map(_exchange, trial.exchanges)),
    )


def _parts(trial: TrialDetails) -> Iterator[Html]:
    if trial.prompt:
        yield tag("blockquote", bounded(trial.prompt, MOST_CODE))
    yield marked(trial.code, trial.line) if trial.code else tag("p", "It gave no code.", cls="note")
    if len(trial.checks):
        shown = trial.checks[["call", "passed", "expected", "actual", "error"]]
        yield table(shown.dropna(axis="columns", how="all"))
    if len(trial.attempts):
        yield table(_attempts(trial))


def _attempts(trial: TrialDetails) -> pd.DataFrame:
    """Return the attempts' times from the trial's first request on."""
    rows = trial.attempts[list(_TIMES)].copy()
    points = ["sent_s", "first_byte_s", "last_byte_s"]
    rows[points] -= rows["sent_s"].min()
    rows["stage"] = rows["stage"].map(words.stage, na_action="ignore")
    for column in ("retry_reason", "error_class"):
        rows[column] = rows[column].map(words.request_error, na_action="ignore")
    return rows.dropna(axis="columns", how="all").rename(columns=_TIMES)


def _exchange(exchange: Exchange) -> tuple[str, Html]:
    """Return a prompt and its reply, under their name."""
    attempt = f", attempt {exchange.attempt}" if exchange.attempt is not None else ""
    texts = {"System": exchange.system, "Prompt": exchange.prompt, "Reply": exchange.reply}
    parts: list[Html] = []
    for name, said in texts.items():
        if said:
            parts += [tag("p", name, cls="note"), tag("pre", bounded(said, MOST_CODE))]
    shown = join(parts) if parts else tag("p", "Neither was kept.", cls="note")
    return f"{words.stage(exchange.stage)}{attempt}: prompt and reply", shown
