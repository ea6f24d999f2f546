"""One trial in full: its code and checks, what each attempt sent and got back, its times."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.examples import MOST_CODE, marked
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import trial as text
from liftlab.reporting.text import words
from liftlab.reporting.text.numbers import sentences
from liftlab.summary.trials import Exchange, TrialDetails

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


def section(trial: TrialDetails) -> Section:
    """Return how a trial ended, its code and checks; prompts and replies are a click away."""
    exchanges = [(_name(part), _texts(part)) for part in trial.exchanges]
    return of_run(
        trial,
        title=text.title(trial),
        sentences=sentences(text.times(trial), text.checks(trial), text.raised(trial)),
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
