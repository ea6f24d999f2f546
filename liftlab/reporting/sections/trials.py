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
from liftlab.reporting.text.numbers import sentences
from liftlab.reporting.text.reasons import went_wrong
from liftlab.store import RunData
from liftlab.store.by_column import TRIAL
from liftlab.summary.trials import Exchange, TrialDetails, Trials, slowest
from liftlab.words import counted

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
    verb = "was" if trials.requests == 1 else "were"
    sent = f"{counted(trials.requests, 'HTTP request')} {verb} sent"
    return of_run(
        trials,
        title=title if count else "No trial has ended yet",
        sentences=(f"{sent}, {trials.retries:,} of them retries.",),
        parts=(_cards(trials), behind(trial_table(trials.run), "Every trial (table, CSV)"))
        if count
        else (),
        details=tuple(_tokens(trials)),
    )


def _cards(trials: Trials) -> Html:
    tokens = trials.output_tokens
    cards = [
        Scorecard(what="HTTP requests", number=f"{trials.requests:,}"),
        Scorecard(what="Retries", number=f"{trials.retries:,}"),
        Scorecard(what="Failed HTTP requests", number=f"{trials.failed:,}"),
    ]
    if tokens is not None:
        cards.append(Scorecard(what="Output tokens", number=f"{tokens:,}"))
    return scorecards(cards)


def trial_table(run: RunData) -> Html:
    """Return a row a trial, the slowest first: times, attempts, verdict; all of it as CSV."""
    keys, count = [*TRIAL], run.size("trial")
    trials, stages = slowest(run, MOST_ROWS if count > MOST_CSV_ROWS else count)
    frame = trials[[*keys, "category"]].copy()
    for name in stage_names(run.counted("stage", "stage", "position")):
        times = stages.loc[stages["stage"] == name, [*keys, "latency_s"]]
        title = f"{words.stage(name)}, s"
        frame = frame.merge(times.rename(columns={"latency_s": title}), on=keys, how="left")
    own = ["client_s"] if client_counts(run.columns("trial", "e2e_s", "client_s")) else []
    rest = ["e2e_s", *own, "attempts", "checks_passed", "checks_total", "outcome", "failure_class"]
    frame = frame.merge(trials[[*keys, *rest]], on=keys)
    frame["why"] = went_wrong(trials, stages)
    full = frame = frame.sort_values("e2e_s", ascending=False, kind="stable")
    frame = frame.head(MOST_ROWS)
    shown = frame.drop(columns=["checks_passed", "checks_total", "failure_class"])
    outcomes: Any = [verdict(str(outcome)) for outcome in frame["outcome"]]
    ids: Any = trial_codes(frame)
    shown = shown.assign(outcome=outcomes, case_id=ids)
    shown["category"] = frame["category"].map(words.readable, na_action="ignore")
    return table(
        shown, headings=_HEADINGS, csv="trials.csv", full=full.drop(columns="why"), rows=count
    )


def _tokens(trials: Trials) -> list[tuple[str, Html]]:
    """Return a table of when the tokens of streamed replies came; none where none were."""
    rows = [
        {"Stage": words.stage(stage.stage), "Replies": stage.n, "": WORDS[name]}
        | {"Median": str(stage.medians[name]), "P95": str(stage.p95s.get(name, ""))}
        for stage in trials.tokens
        for name in stage.medians
    ]
    return [("Tokens of streamed replies", table(pd.DataFrame(rows)))] if rows else []


@shown.register
def _(trial: TrialDetails) -> Section:
    """Return how a trial ended, its code and checks; prompts and replies are a click away."""
    exchanges = [(_name(part), _texts(part)) for part in trial.exchanges]
    return of_run(
        trial,
        title=trial_text.title(trial),
        sentences=sentences(
            trial_text.times(trial), trial_text.checks(trial), trial_text.raised(trial)
        ),
        parts=tuple(_parts(trial)),
        details=(*([("IR", _pre(trial.ir))] if trial.ir else ()), *exchanges),
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


def _name(exchange: Exchange) -> str:
    attempt = f", attempt {exchange.attempt}" if exchange.attempt is not None else ""
    return f"{words.stage(exchange.stage)}{attempt}: prompt and reply"


def _texts(exchange: Exchange) -> Html:
    named = (("System", exchange.system), ("Prompt", exchange.prompt), ("Reply", exchange.reply))
    parts = [part for name, said in named if said for part in (_heading(name), _pre(said))]
    return join(parts) if parts else tag("p", "Neither was kept.", cls="note")


def _heading(name: str) -> Html:
    return tag("p", name, cls="note")


def _pre(said: str) -> Html:
    return tag("pre", bounded(said, MOST_CODE))
