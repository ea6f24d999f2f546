"""The messages that go out say what the rows carry, to each audience, in few words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from liftlab.cli import status as cli
from liftlab.reporting.audiences import (
    AUDIENCES,
    LEADERSHIP_WORDS,
    leadership,
    message,
    status_markdown,
    technical,
    users,
    words,
)
from liftlab.reporting.daily import PEN, daily_markdown
from liftlab.reporting.facts import gather
from liftlab.reporting.messages import MOST_OF_A_NAME, markdown, numbers, run_line
from liftlab.reporting.ruled import ruled
from liftlab.store import RunData


def failing(run: RunData) -> RunData:
    """Return a run in which the endpoint never answered."""
    trials = run.trials.assign(
        outcome="error", failure_class="endpoint_error", parsed=None, e2e_s=np.nan, cost_usd=np.nan
    )
    return replace(run, trials=trials, stages=run.stages.assign(latency_s=np.nan, ok=False))


def test_the_published_day_for_leadership(week2: RunData) -> None:
    said = leadership(gather(week2))
    assert said.startswith("5 prompts were run once. 1 of 5 answers is right")
    assert "4 parse" in said
    assert "This run misses the target of 70 %." in said
    assert "takes 15.0 s, and whether that meets the target of 15 s is not settled" in said
    assert "3 of the 4 wrong answers return nothing" in said
    assert "Next: fix the missing return first." in said


def test_the_published_day_for_users_promises_nothing_that_failed(week2: RunData) -> None:
    said = users(gather(week2))
    assert "Do not count on it for: arithmetic, strings, control flow." in said
    assert "works" not in said


def test_the_published_day_for_the_team(week2: RunData) -> None:
    said = technical(gather(week2))
    assert "coefficient of variation is 14.6 %" in said
    assert "P95 end to end is not measurable. 59 cases give a bound." in said
    assert "a retry accounts for 4.2 s; 8.8 s unexplained" in said


def test_no_message_is_empty_or_too_long(any_run: RunData) -> None:
    facts = gather(any_run)
    for _, written in AUDIENCES.values():
        assert written(facts).strip()
    assert words([leadership(facts)]) <= LEADERSHIP_WORDS


@pytest.mark.parametrize("audience", AUDIENCES)
def test_an_endpoint_that_never_answered_is_told_as_such(audience: str, week2: RunData) -> None:
    said = message(failing(week2), audience)
    assert "5 of 5 requests ended in an error of the endpoint" in said
    assert "is right" not in said
    assert words([said]) <= LEADERSHIP_WORDS


def test_errors_that_came_fast_are_no_fast_answers(week2: RunData) -> None:
    failed = failing(week2)
    trials = failed.trials.assign(e2e_s=[0.001, 0.001, 0.001, 0.001, 0.005])
    stages = failed.stages.assign(latency_s=0.001, error_class="http_5xx")
    facts = gather(replace(failed, trials=trials, stages=stages))
    assert "typical" not in leadership(facts) + users(facts)
    assert ("End to end", "– (no request was answered)") in numbers(facts)
    assert leadership(facts).endswith("Next: look at the endpoint.")
    assert "5 trials ended in an error of its own: http_5xx." in technical(facts)


def test_users_are_not_offered_what_never_worked(all_fail: RunData) -> None:
    assert users(gather(all_fail)) == "Do not use it yet: none of 15 answers was right."


def test_a_simulator_that_was_sped_up_is_told(forty: RunData) -> None:
    sped_up = replace(forty, sped_up=100.0)
    assert "Simulated, run 100 times as fast" in leadership(gather(sped_up))
    assert "Simulated" not in leadership(gather(forty))


def test_every_figure_of_a_message_is_ruled(any_run: RunData) -> None:
    """What is said of success, time and cost stands on a ruling that carries it."""
    facts = gather(any_run)
    rulings = ruled(facts)
    assert (rulings.right is None) == (facts.passed.trials == 0)
    for ruling in (rulings.right, rulings.parsed, rulings.median, rulings.cost, *rulings.stages):
        assert ruling is None or ruling.ruling in ("supported", "supported as a count only")


def test_a_target_is_met_in_words_only_where_it_may_be_claimed(forty: RunData) -> None:
    facts = gather(forty)
    said = leadership(facts)
    ruling = ruled(facts).success_target
    assert ruling is not None
    assert ruling.ruling == "not supported"
    assert "meets the target of 70 %." not in said


def test_the_names_on_the_command_line_are_those_there_are() -> None:
    assert set(cli.AUDIENCES) == {*AUDIENCES, "daily"}


def test_the_status_file_holds_every_message_and_escapes_foreign_text(week2: RunData) -> None:
    run = replace(week2.run, model="[x](http://evil) <img> @team *b*")
    text = status_markdown(replace(week2, run=run))
    assert text.startswith("# 1 of 5 answers is right")
    assert "\\[x\\](http\\://evil) \\<img\\> \\@team \\*b\\*" in text
    for heading, _ in AUDIENCES.values():
        assert f"\n## {heading}\n" in text
    assert "33.68 USD" in text


def test_the_status_file_says_first_that_the_client_was_the_bottleneck(forty: RunData) -> None:
    assert "bottleneck" not in status_markdown(forty)
    slow = replace(forty, run=replace(forty.run, loop_lag_p99_s=0.2, timing_uncertainty_s=0.1))
    title, warning, *_ = status_markdown(slow).split("\n\n")
    assert title.startswith("# ")
    assert warning.startswith("**The client was the bottleneck: its event loop lagged 200 ms")


def test_a_long_name_is_cut_and_a_number_is_no_list(week2: RunData) -> None:
    named = replace(week2, run=replace(week2.run, model="m" * 5_000))
    assert len(run_line(gather(named))) < 200 + MOST_OF_A_NAME
    assert markdown("3.37 USD") == "3.37 USD"
    assert markdown("3. item") == "3\\. item"


def test_the_day_asks_people_for_what_no_run_knows(any_run: RunData) -> None:
    text = daily_markdown(any_run)
    sections = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert sections == ["Goals", "Findings", "Decisions", "Risks", "Next steps", "Messages"]
    assert len(re.findall(rf"^{PEN} \*You write: .+\*$", text, flags=re.MULTILINE)) == 5


def test_the_day_holds_what_the_run_says(week2: RunData) -> None:
    text = daily_markdown(week2)
    assert text.startswith("# 2025-10-15: 1 of 5 answers is right")
    assert "Fix the missing return first." in text
    assert "P95 needs n ≥ 20" in text
