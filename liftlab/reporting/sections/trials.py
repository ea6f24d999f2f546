"""Every trial of a run, as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from liftlab.analysis.columns import client_counts
from liftlab.analysis.tokens import WORDS, stage_tokens
from liftlab.reporting.figures.trials import stage_names
from liftlab.reporting.html import Html
from liftlab.reporting.scorecards import Scorecard, scorecards, verdict
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import words
from liftlab.summary.trials import Trials
from liftlab.words import counted


def section(trials: Trials) -> Section:
    """Return how the run went, and a row a trial: times, attempts, checks, verdict."""
    count = len(trials.run.trials)
    title = f"{trials.completed:,} of {counted(count, 'trial')} went through all stages"
    if count and trials.completed == count:
        title = f"All {counted(count, 'trial')} went through all stages"
    sent = f"{counted(trials.requests, 'request')} {'was' if trials.requests == 1 else 'were'} sent"
    return of_run(
        trials,
        title=title if count else "No trial has ended yet",
        sentences=(f"{sent}, {counted(trials.retries, 'retry', 'retries')} among them.",),
        parts=(_cards(trials), _table(trials), *_tokens(trials)) if count else (),
    )


def _cards(trials: Trials) -> Html:
    tokens = trials.output_tokens
    cards = [
        Scorecard(what="Requests", number=f"{trials.requests:,}"),
        Scorecard(what="Retries", number=f"{trials.retries:,}"),
        Scorecard(what="Failed on the way", number=f"{trials.failed:,}"),
    ]
    if tokens is not None:
        cards.append(Scorecard(what="Output tokens", number=f"{tokens:,}"))
    return scorecards(cards)


def _table(trials: Trials) -> Html:
    keys = ["case_id", "repeat"]
    rows, stages = trials.run.trials, trials.run.stages
    frame = rows[[*keys, "category"]].copy()
    for name in stage_names(stages):
        times = stages.loc[stages["stage"] == name, [*keys, "latency_s"]]
        title = f"{words.stage(name)}, s"
        frame = frame.merge(times.rename(columns={"latency_s": title}), on=keys, how="left")
    own = ["client_s"] if client_counts(rows) else []
    rest = ["e2e_s", *own, "attempts", "checks_passed", "checks_total", "outcome", "failure_class"]
    frame = frame.merge(rows[[*keys, *rest]], on=keys)
    shown = frame.drop(columns=["checks_passed", "checks_total"])
    outcomes: Any = [verdict(str(outcome)) for outcome in frame["outcome"]]
    shown["outcome"] = outcomes
    shown["failure_class"] = frame["failure_class"].map(words.cause, na_action="ignore")
    named = {"case_id": "prompt", "e2e_s": "end to end, s", "failure_class": "what went wrong"}
    named["client_s"] = "of it liftlab, s"
    return table(shown, headings=named, csv="trials.csv", full=frame)


def _tokens(trials: Trials) -> list[Html]:
    """Return a table of when the tokens of streamed replies came; none where none were."""
    rows = [
        {"stage": words.stage(stage.stage), "replies": stage.n, "": WORDS[name]}
        | {"median": str(stage.medians[name]), "P95": str(stage.p95s.get(name, ""))}
        for stage in stage_tokens(trials.run.attempts)
        for name in stage.medians
    ]
    return [table(pd.DataFrame(rows), caption="Tokens of streamed replies")] if rows else []
