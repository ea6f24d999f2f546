"""Every trial of a run, as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from liftlab.analysis.columns import client_counts
from liftlab.analysis.tokens import WORDS
from liftlab.reporting.figures.trials import stage_names
from liftlab.reporting.html import Html
from liftlab.reporting.scorecards import Scorecard, scorecards, verdict
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import behind, codes, table
from liftlab.reporting.text import words
from liftlab.reporting.text.reasons import went_wrong
from liftlab.store import RunData
from liftlab.summary.trials import Trials
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


def section(trials: Trials) -> Section:
    """Return how the run went, and a row a trial: times, attempts, checks, verdict."""
    count = len(trials.run.trials)
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
    keys = ["case_id", "repeat"]
    frame = run.trials[[*keys, "category"]].copy()
    for name in stage_names(run.stages):
        times = run.stages.loc[run.stages["stage"] == name, [*keys, "latency_s"]]
        title = f"{words.stage(name)}, s"
        frame = frame.merge(times.rename(columns={"latency_s": title}), on=keys, how="left")
    own = ["client_s"] if client_counts(run.trials) else []
    rest = ["e2e_s", *own, "attempts", "checks_passed", "checks_total", "outcome", "failure_class"]
    frame = frame.merge(run.trials[[*keys, *rest]], on=keys)
    frame["why"] = went_wrong(run)
    frame = frame.sort_values("e2e_s", ascending=False, kind="stable")
    shown = frame.drop(columns=["checks_passed", "checks_total", "failure_class"])
    outcomes: Any = [verdict(str(outcome)) for outcome in frame["outcome"]]
    ids: Any = codes(frame["case_id"])
    shown = shown.assign(outcome=outcomes, case_id=ids)
    shown["category"] = frame["category"].map(words.readable, na_action="ignore")
    return table(shown, headings=_HEADINGS, csv="trials.csv", full=frame.drop(columns="why"))


def _tokens(trials: Trials) -> list[tuple[str, Html]]:
    """Return a table of when the tokens of streamed replies came; none where none were."""
    rows = [
        {"Stage": words.stage(stage.stage), "Replies": stage.n, "": WORDS[name]}
        | {"Median": str(stage.medians[name]), "P95": str(stage.p95s.get(name, ""))}
        for stage in trials.tokens
        for name in stage.medians
    ]
    return [("Tokens of streamed replies", table(pd.DataFrame(rows)))] if rows else []
