"""The page of a run itself: run the suite or open a run, then show every trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from liftlab import jobs
from liftlab.analysis.columns import client_counts, is_retry
from liftlab.analysis.tokens import WORDS, stage_tokens
from liftlab.reporting import messages
from liftlab.reporting.bars import stage_names, stage_title
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.html import Finding, Html, bounded, join, tag
from liftlab.reporting.pages.parts import finding as any_finding
from liftlab.reporting.pages.parts import json_words, provenance
from liftlab.reporting.tables import MOST_CELL, table
from liftlab.reporting.tiles import Tile, verdict
from liftlab.reporting.tiles import tiles as tile_row

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData

__all__ = [
    "failures",
    "finding",
    "gather",
    "open_or_run",
    "provenance",
    "tiles",
    "trials_table",
]

MOST_FAILURES = 12  # answers shown in full
MOST_CODE = 4_000  # characters of one answer


def open_or_run(run_id: str, project: Project) -> RunData:
    """Open a run; with an empty name run the suite first, in a process of its own."""
    if run_id:
        return jobs.open_run(run_id, project=project)
    return jobs.run_suite(jobs.plan_run(project))


def finding(facts: Facts) -> Finding:
    """Return how the run went."""
    trials, ended = len(facts.data.trials), int(facts.data.trials["completed"].fillna(False).sum())
    title = f"{ended:,} of {trials:,} trials went through all stages"
    if trials and ended == trials:
        title = f"All {trials:,} trials went through all stages"
    passed, kinds = facts.passed, len(facts.failures)
    said = [
        f"{passed.successes:,} of {passed.trials:,} answers {messages.be(passed.successes)} right; "
        f"{kinds} {messages.plural('kind', kinds)} of failure among the others."
    ]
    if facts.passed.errors:
        said.append(f"{facts.passed.errors:,} trials got no usable answer from the endpoint.")
    retries = int(is_retry(facts.data.attempts).sum())
    said.append(f"{len(facts.data.attempts):,} requests were sent, {retries:,} of them retries.")
    return any_finding(facts, title if trials else "No trials yet", said)


def tiles(facts: Facts) -> Html:
    """Return trials, requests, retries and tokens."""
    data = facts.data
    attempts = data.attempts
    retries = int(is_retry(attempts).sum())
    bad = int((attempts["transport_ok"].fillna(True) == False).sum())  # noqa: E712
    tokens = attempts["output_tokens"].sum()
    return tile_row(
        [
            Tile(what="Trials", number=f"{len(data.trials):,}", why=data.run.status),
            Tile(
                what="Requests",
                number=f"{len(attempts):,}",
                why=f"{retries:,} retries, {bad:,} failed on the way",
            ),
            Tile(
                what="Right",
                number=f"{facts.passed.successes:,} / {facts.passed.trials:,}",
                why=f"{facts.parsed.successes:,} parse",
            ),
            Tile(
                what="Output tokens",
                number=f"{int(tokens):,}" if attempts["output_tokens"].notna().any() else "–",
                why="" if attempts["output_tokens"].notna().any() else "the endpoint does not tell",
            ),
        ]
    )


def trials_table(facts: Facts) -> Html:
    """Return a row a trial: stage times, attempts, checks, verdict; and when tokens came."""
    keys = ["case_id", "repeat"]
    trials, stages = facts.data.trials, facts.data.stages
    frame = trials[[*keys, "category"]].copy()
    for name in stage_names(stages):
        times = stages.loc[stages["stage"] == name, [*keys, "latency_s"]]
        title = f"{stage_title(name)}, s"
        frame = frame.merge(times.rename(columns={"latency_s": title}), on=keys, how="left")
    own = ["client_s"] if client_counts(trials) else []
    rest = ["e2e_s", *own, "attempts", "checks_passed", "checks_total", "outcome", "failure_class"]
    frame = frame.merge(trials[[*keys, *rest]], on=keys)
    shown = frame.drop(columns=["checks_passed", "checks_total"])
    words: Any = [verdict(str(outcome)) for outcome in frame["outcome"]]
    shown["outcome"] = words
    shown["failure_class"] = frame["failure_class"].fillna("").str.replace("_", " ")
    named = {"case_id": "case", "e2e_s": "end to end, s", "failure_class": "what went wrong"}
    named["client_s"] = "of it liftlab, s"
    return join(
        [table(shown, headings=named, csv="trials.csv", full=frame), *_tokens(facts.data.attempts)]
    )


def _tokens(attempts: pd.DataFrame) -> list[Html]:
    """Return a table of when the tokens of streamed replies came; none where none were."""
    rows = [
        {"stage": stage_title(stage.stage), "replies": stage.n, "": WORDS[name]}
        | {"median": str(stage.medians[name]), "P95": str(stage.p95s.get(name, ""))}
        for stage in stage_tokens(attempts)
        for name in stage.medians
    ]
    return [table(pd.DataFrame(rows), caption="Tokens of streamed replies")] if rows else []


def failures(facts: Facts) -> Html:
    """Return answers that failed: the code as graded, and the first check that it missed."""
    trials = facts.data.trials
    wrong = trials[trials["outcome"] == "fail"]
    if len(wrong) == 0:
        return tag("p", "No answer failed its checks.")
    shown = [_failure(facts, case, repeat) for case, repeat in _some(wrong)]
    more = len(wrong) - len(shown)
    if more:
        shown.append(tag("p", f"and {more:,} more", cls="more"))
    return join(shown)


def _some(wrong: pd.DataFrame) -> list[tuple[str, int]]:
    """Return a few failures, each class in turn, so that the rare ones are among them."""
    order = wrong.groupby("failure_class", dropna=False).cumcount().sort_values(kind="stable")
    chosen = wrong.loc[order.index[:MOST_FAILURES]]
    return [(str(case), int(repeat)) for case, repeat in chosen[["case_id", "repeat"]].to_numpy()]


def _failure(facts: Facts, case: str, repeat: int) -> Html:
    trial = _of(facts.data.trials, case, repeat).iloc[0]
    name = str(trial["failure_class"])
    head = f"{case} {repeat}: {name.replace('_', ' ')}"
    parts: list[object] = [tag("summary", head), tag("p", f"Such answers {_words(name)}.")]
    grades = _of(facts.data.grades, case, repeat)
    if len(grades) and isinstance(grades["facets"].iloc[0], str):
        told = bounded(json_words(grades["facets"].iloc[0]), MOST_CELL)
        parts.append(tag("p", told, cls="note"))
    code = jobs.code_of(facts.data, case, repeat) if len(grades) else None
    if code:
        parts.append(tag("pre", bounded(code, MOST_CODE)))
    missed = _of(facts.data.checks, case, repeat)
    missed = missed[missed["passed"] == False]  # noqa: E712
    if len(missed):
        columns = ["check", "expected", "actual", "error"]
        parts.append(table(missed[columns], most=3))
    return tag("details", *parts)


def _of(frame: pd.DataFrame, case: str, repeat: int) -> pd.DataFrame:
    return frame[(frame["case_id"] == case) & (frame["repeat"] == repeat)]


def _words(failure_class: str) -> str:
    return messages.failure_words(failure_class)
