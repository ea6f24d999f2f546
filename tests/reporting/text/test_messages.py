"""Messages say what the rows carry, to each audience, in few plain words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from liftlab.reporting.text import findings, provenance
from liftlab.reporting.text.base import Text
from liftlab.reporting.text.messages import (
    AUDIENCES,
    LEADERSHIP_WORDS,
    leadership,
    technical,
    users,
)
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from tests.reporting.conftest import synthetic_run

PROJECT = load_project(Path(__file__).parents[3], environ={})


def of(run: RunData) -> RunSummary:
    return summarize(run, PROJECT)


def failing(run: RunData) -> RunData:
    """Return a run in which the endpoint refused every request at once."""
    trials = run.trials.assign(
        outcome="error", failure_class="endpoint_error", parsed=None, e2e_s=0.001, cost_usd=0.0
    )
    stages = run.stages.assign(latency_s=0.001, ok=False, error_class="http_5xx")
    return replace(run, trials=trials, stages=stages)


def test_the_published_day_for_leadership(week2: RunData) -> None:
    said = leadership(of(week2))
    assert said.startswith("1 of 5 answers is right; not enough prompts yet to say whether 70 %")
    assert "5 prompts were asked once." in said
    assert "The median request takes 14.96 s; not enough prompts yet to say" in said
    assert "A request costs" in said
    assert "Missing returns cause most failures: 3 of 4." in said
    assert "Next: fix missing returns first." in said
    assert "n =" not in said


def test_the_published_day_for_the_team(week2: RunData) -> None:
    said = technical(of(week2))
    assert "Success rate: 20 % (95 % interval 1–72 %). 4 of 5 parse" in said
    assert "\n\nNot enough prompts for P95.\n\n" in said
    assert "is_even: 12.9 s slower than usual: 4.2 s for a retry, 8.8 s unexplained" in said


def test_users_are_promised_only_what_worked_every_time(
    week2: RunData, all_fail: RunData, forty: RunData
) -> None:
    said = users(of(week2))
    assert "not reliable for any kind of prompt yet (best: control flow, 1 of 2)" in said
    assert users(of(all_fail)) == "Do not use it yet: none of 15 answers was right."
    lists = forty.trials["category"] == "lists"
    trials = forty.trials.assign(outcome=forty.trials["outcome"].where(~lists, "pass"))
    trials["failure_class"] = trials["failure_class"].where(~lists)
    said = users(of(replace(forty, trials=trials)))
    assert "It was right every time for lists (8 of 8)." in said


def test_no_message_is_empty_or_too_long(any_run: RunData) -> None:
    for _, written in AUDIENCES.values():
        assert written(of(any_run)).strip()
    assert len(leadership(of(any_run)).split()) <= LEADERSHIP_WORDS


@pytest.mark.parametrize(("words", "said"), [(90, 90), (91, 1)])
def test_leaders_read_no_long_causes_of_session_failures(
    words: int, said: int, week2: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = of(week2)
    vars(summary)["sessions"] = object()
    monkeypatch.setattr("liftlab.reporting.text.sessions.message", lambda _: Text("x " * words))
    monkeypatch.setattr(findings, "title", lambda _: Text("Bad"))
    assert len(leadership(summary).split()) == said


@pytest.mark.parametrize("audience", AUDIENCES)
def test_an_endpoint_that_never_answered_is_told_as_such(audience: str, week2: RunData) -> None:
    said = AUDIENCES[audience][1](of(failing(week2)))
    assert said.startswith("No request was answered: 5 of 5 requests failed at the endpoint (")
    assert " is right" not in said
    assert " ms" not in said


def test_a_run_without_checks_is_timed_not_graded(week2: RunData) -> None:
    trials = week2.trials.assign(outcome="ungraded", failure_class=None, parsed=None)
    title = findings.title(of(replace(week2, trials=trials)))
    assert title == "The median request takes 14.96 s (timed, not graded)"


def test_unequal_repeats_say_both_counts(week2: RunData) -> None:
    again = week2.trials.tail(1).assign(repeat=2)
    trials = pd.concat([week2.trials, again], ignore_index=True)
    said = leadership(of(replace(week2, trials=trials)))
    assert "5 prompts were asked 6 times in all." in said
    assert "If every prompt counts the same, 20 % are right." in said


def test_which_run_it_is_in_a_line(week2: RunData, forty: RunData) -> None:
    assert provenance.line(week2) == (
        "run week2_day1 · published figures, recomputed · endpoint modal · "
        "hardware Modal, NVIDIA A10G · 5 prompts × 1 · one at a time · 2025-10-15"
    )
    assert "simulated, run 100 times as fast" in provenance.line(replace(forty, sped_up=100.0))
    long = replace(week2, run=replace(week2.run, model="m" * 5_000))
    assert len(provenance.line(long)) < 300


def test_a_run_line_counts_no_request_that_was_not_asked(week2: RunData) -> None:
    again = week2.trials.tail(1).assign(repeat=2)
    trials = pd.concat([week2.trials, again], ignore_index=True)
    row = replace(week2.run, repeats=2)
    assert "5 prompts, 6 requests" in provenance.line(replace(week2, run=row, trials=trials))


@pytest.mark.parametrize(
    ("cases", "repeats", "said"),
    [
        (1, 1, "1 prompt was asked once."),
        (5, 2, "5 prompts were asked twice each."),
        (5, 3, "5 prompts were asked 3 times each."),
    ],
)
def test_how_often_prompts_were_asked(cases: int, repeats: int, said: str) -> None:
    assert said in leadership(of(synthetic_run(cases, repeats)))


def test_the_team_reads_three_classes_and_each_stage(forty: RunData, week2: RunData) -> None:
    said = technical(of(forty))
    order = said.partition("In order: ")[2].partition(".")[0]
    assert order.count("(") == 3
    assert [said.count(f"{name}: median ") for name in ("NLP → IR", "IR → Code", "End to end")] == [
        1, 1, 1,
    ]  # fmt: skip
    first = week2.trials["failure_class"].eq("indentation_error")
    one = replace(week2, trials=week2.trials[~first])
    assert "In order" not in technical(of(one))
