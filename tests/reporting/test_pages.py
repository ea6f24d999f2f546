from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from liftlab.records import Grade, as_row
from liftlab.reporting import messages
from liftlab.reporting.facts import Facts, gather, published
from liftlab.reporting.html import END_TYPE, FINDING_TYPE, MEDIA_TYPE
from liftlab.reporting.pages import run_suite, status, variance
from liftlab.settings import load_project
from liftlab.store import RunData

ROOT = Path(__file__).parents[2]

SECTIONS = [
    (status, ["tiles", "time", "success_figure", "known_issues", "costs", "claims"]),
    (status, ["published_table", "next_steps", "isolation_note", "raw_data"]),
    (variance, ["tiles", "spread_figure", "spread_table", "excess_figure", "conclusion"]),
    (variance, ["explanations"]),
    (run_suite, ["tiles", "trials_table", "failures"]),
]
gathered = cache(gather)
EVERY = [(module, name) for module, names in SECTIONS for name in names]


@pytest.fixture(scope="module")
def facts(week2: RunData) -> Facts:
    return gather(week2)


@pytest.mark.parametrize(("module", "name"), EVERY)
def test_every_section_holds_on_every_kind_of_run(
    module: object, name: str, any_run: RunData
) -> None:
    part = getattr(module, name)(gathered(any_run))
    assert part._repr_mimebundle_()[MEDIA_TYPE]


@pytest.mark.parametrize("module", [status, variance, run_suite])
def test_every_page_has_a_finding_and_an_end(module: object, any_run: RunData) -> None:
    facts = gathered(any_run)
    told = module.finding(facts)._repr_mimebundle_()[FINDING_TYPE]
    assert told["title"]
    assert told["sentences"]
    assert told["run_id"] == any_run.run.run_id
    end = module.provenance(facts)._repr_mimebundle_()[END_TYPE]
    assert end == {"run_id": any_run.run.run_id}


def test_the_published_day_in_one_line(facts: Facts) -> None:
    assert messages.title(facts) == "1 of 5 answers is right; the target of 70 % is not met"
    said = " ".join(messages.sentences(facts))
    assert "4 of 5 answers parse; run against their checks, 1 of 5 is right" in said
    assert "of the 4 others, 3 return nothing" in said
    assert "15.0 s, and whether that meets the target of 15 s is undecided" in said


def test_the_published_costs_to_the_digit(facts: Facts) -> None:
    html = str(status.costs(facts))
    for figure in ("0.0034", "3.37", "33.68"):
        assert f">{figure}</td>" in html


def test_the_outlier_and_its_explanation(facts: Facts) -> None:
    html = str(variance.conclusion(facts)) + str(variance.explanations(facts))
    assert "a retry accounts for 4.2 s; 8.8 s unexplained" in html
    assert "2 retries account for 8.3 s; 7.3 s unexplained" in html
    for seconds in ("17.08", "19.77", "4.16"):
        assert seconds in html


def test_means_say_what_they_include(facts: Facts) -> None:
    html = str(variance.latency_table(facts))
    assert "all that ended, failures too" in html
    assert "successes only" in html
    assert ">9.86</td>" in html
    assert ">7.39</td>" in html


def test_what_the_data_cannot_carry_is_said_with_what_would(facts: Facts) -> None:
    html = str(status.tiles(facts))
    assert "needs 72 cases: 67 more ≈ 22 min, 0.23 USD" in html
    assert "not measurable" in html
    assert "target ≥ 70 %: not met" in html


def test_the_first_step_is_the_largest_failure(facts: Facts) -> None:
    html = str(status.next_steps(facts))
    assert html.index("Fix the missing return first.") < html.index("time target")
    assert "3 of 4 failures (95 % interval 30.1–95.4 %)" in html


def test_the_page_says_what_is_not_isolated(facts: Facts) -> None:
    assert "That is no isolation" in str(status.isolation_note(facts))


def test_what_was_claimed_is_ruled_with_what_may_be_said(week2: RunData) -> None:
    html = str(status.claims(gather(week2, load_project(ROOT, environ={}))))
    assert '<span class="verdict bad">contradicted</span>' in html
    assert '<span class="verdict good">supported</span>' in html
    assert "80 % success (parsed)" in html


def test_no_claims_are_made_up_for_other_runs(forty: RunData) -> None:
    facts = gather(forty, load_project(ROOT, environ={}))
    assert "No claims are on file" in str(status.claims(facts))


def test_published_figures_stand_beside_ours(tmp_path, facts: Facts) -> None:
    (tmp_path / "week1.toml").write_text('[published]\ntitle = "Week 1"\ne2e_s = 21.7\n')
    beside = replace(facts, published=published(tmp_path))
    html = str(status.published_table(beside))
    assert "21.7 s" in html
    assert "14.96 s" in html


def test_a_failed_answer_is_shown_and_escaped(week2: RunData, monkeypatch) -> None:
    code = "def f():\n    '</pre><script>alert(1)</script>'"
    monkeypatch.setattr("liftlab.jobs.code_of", lambda *_: code)
    grade = Grade(
        run_id="week2_day1",
        case_id="max_of_two",
        repeat=1,
        grader_version="1",
        facets='{"message": "<script>"}',
    )
    run = replace(week2, grades=pd.DataFrame([as_row(grade)]))
    html = str(run_suite.failures(gather(run)))
    assert "&lt;script&gt;" in html
    assert "<script" not in html


def test_failures_of_every_class_are_among_those_shown(forty: RunData) -> None:
    html = str(run_suite.failures(gather(forty)))
    for share in gather(forty).failures:
        assert share.failure_class.replace("_", " ") in html


def test_only_endpoint_errors_are_told_as_such(week2: RunData) -> None:
    trials = week2.trials.assign(outcome="error", failure_class="endpoint_error", parsed=None)
    facts = gather(replace(week2, trials=trials))
    assert messages.title(facts) == "The endpoint gave no usable answer"


def test_a_run_without_checks_is_timed_not_judged(week2: RunData) -> None:
    trials = week2.trials.assign(outcome="ungraded", failure_class=None, parsed=None)
    facts = gather(replace(week2, trials=trials))
    assert messages.title(facts).startswith("Timed, not judged")
    assert "were not judged" in messages.sentences(facts)[0]


def test_the_title_counts_what_the_figure_flags(week2: RunData) -> None:
    """Slow by its peers and slow beyond chance are two numbers: the title's is the tile's."""
    title = variance.finding(gather(week2)).title
    assert (
        title == "2 of 10 stages are slow beyond chance; 44 % of the time over usual is explained"
    )
    none = {name: replace(f, mask=f.mask & False) for name, f in gather(week2).outliers.items()}
    calm = replace(gather(week2), outliers=none)
    assert variance.finding(calm).title.startswith(
        "2 of 10 stages took longer than their peers, none beyond chance;"
    )
