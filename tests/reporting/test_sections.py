"""What the pages decide, and what they say of the course of a run."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from liftlab.reporting.facts import gather
from liftlab.reporting.html import MEDIA_TYPE
from liftlab.reporting.pages import run_suite, status, success, variance
from liftlab.store import RunData

PAGES = {
    status: ["tiles", "time", "success_figure", "known_issues", "costs", "published_table"],
    variance: ["tiles", "spread_figure", "excess_figure", "spread_table", "latency_table"],
    success: ["tiles", "decisions", "fixes_table", "groups", "by_time", "passk_table", "changes"],
    run_suite: ["tiles", "trials_table"],
}


def words(html: object) -> str:
    text = re.sub(r"<svg.*?</svg>|data:[^\"]*", "", str(html), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.mark.parametrize("name", ["course", "spread_table", "changes"])
def test_every_section_on_spread_holds_on_every_run(name: str, any_run: RunData) -> None:
    assert getattr(variance, name)(gather(any_run))._repr_mimebundle_()[MEDIA_TYPE]


@pytest.mark.parametrize("name", ["decisions", "by_time"])
def test_every_decision_holds_on_every_run(name: str, any_run: RunData) -> None:
    assert getattr(success, name)(gather(any_run))._repr_mimebundle_()[MEDIA_TYPE]


def test_five_rows_decide_nothing_and_say_what_would(week2: RunData) -> None:
    html = str(success.decisions(gather(week2)))
    assert html.count(">cannot tell<") == 8  # both questions, for all and three categories
    assert "19 more right in a row, or 1 wrong" in html


def test_a_category_that_is_good_enough_is_told(forty: RunData) -> None:
    trials = forty.trials.assign(outcome="pass", failure_class=None)
    facts = gather(replace(forty, trials=trials))
    html = str(success.decisions(facts))
    assert '<span class="verdict good">yes</span>' in html
    assert "settled after 11" in html


def test_first_trials_do_not_decide_against_all_repeats(ten_thousand: RunData) -> None:
    """Of 20 first trials 17 are right, of 10,000 all in all 59 %: no page says yes to that."""
    facts = gather(ten_thousand)
    assert facts.success_verdict().verdict == "not met"
    html = str(success.decisions(facts))
    assert "first trials and repeats disagree" in html
    assert '<span class="verdict good">yes</span>' not in html


def test_half_right_is_never_where_most_fail(week2: RunData) -> None:
    said = words(success.by_time(gather(week2)))
    assert "Half are right by (a failure counts as never) –" in said
    assert "98.04 s" in said  # all seconds over the one right answer
    assert "The client gave up on none" in said


def test_what_the_client_gave_up_is_cut_short(week2: RunData) -> None:
    late = week2.stages["case_id"] == "max_of_two"
    stages = week2.stages.assign(error_class=np.where(late & ~week2.stages["ok"], "deadline", None))
    said = words(success.by_time(gather(replace(week2, stages=stages))))
    assert "gave up on 1 of 5" in said
    assert "Kaplan and Meier" in said


def test_drift_is_told_where_it_is_planted(forty: RunData) -> None:
    n = len(forty.trials)
    slower = forty.trials["e2e_s"] * np.linspace(1, 3, n)
    started = [f"2025-11-01T10:{at // 60:02}:{at % 60:02}+00:00" for at in range(n)]
    trials = forty.trials.assign(e2e_s=slower, started_at=started)
    facts = gather(replace(forty, trials=trials))
    said = words(variance.course(facts))
    assert "longer at the run's end than at its start" in said.replace("&#x27;", "'")
    assert "drifts" in said


def test_without_an_order_drift_is_not_told(week2: RunData) -> None:
    assert "order of measuring is not known" in words(variance.course(gather(week2)))


def test_every_coefficient_says_its_rows(week2: RunData) -> None:
    html = str(variance.spread_table(gather(week2)))
    for row in re.findall(r"<tr>(.*?)</tr>", html, flags=re.DOTALL)[1:]:
        assert "all that ended, failures too" in row or "successes only" in row


def test_no_page_shows_a_time_of_successes_without_saying_so(week2: RunData) -> None:
    """4.18 and 7.39 s are of the four that succeeded; over all five they are 4.19 and 9.86 s."""
    facts = gather(week2)
    for page, names in PAGES.items():
        for name in names:
            html = str(getattr(page, name)(facts))
            parts = re.findall(r"<(?:tr|p|li|figcaption)\b.*?</(?:tr|p|li|figcaption)>", html, re.S)
            for part in parts:
                if re.search(r"\b(?:4\.18|7\.39|6\.46)\b", words(part)):
                    assert "success" in words(part), (page.__name__, name, words(part))


def test_the_diagnosis_says_what_to_record(week2: RunData) -> None:
    said = words(variance.changes(gather(week2)))
    assert "Where the 16.0 s went that are unexplained: record tokens per attempt." in said
    assert "no case was repeated" in said
