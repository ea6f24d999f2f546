"""Two runs beside each other: a verdict where shared prompts carry one, and a reason where not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import liftlab
from liftlab.analysis import compare as paired_runs
from liftlab.errors import NothingToCompare
from liftlab.jobs import comparing, opening
from liftlab.jobs.baselines import pin_baseline
from liftlab.reporting.html import END_TYPE, FINDING_TYPE
from liftlab.reporting.markdown import status
from liftlab.reporting.sections import section_of
from liftlab.reporting.text import comparison as text
from liftlab.reporting.text.findings import change, not_covered
from liftlab.settings import Project, load_project
from liftlab.store import RunFolder
from liftlab.summary import summarize
from liftlab.summary.comparison import Comparison

DATA = Path(__file__).parents[3] / "data"
Write = Callable[..., str]


def run_id(number: int) -> str:
    return f"20260101_{number:02}0000_test"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, write_run: Write) -> Project:
    """The published days, and two runs of six prompts of which the second is a fifth slower."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "liftlab.toml").write_text("")
    for part in ("suites", "reference"):
        shutil.copytree(DATA / part, folder / "data" / part)
    project = load_project(folder)
    for number, level in ((1, 1.0), (2, 1.2)):
        made = write_run(project.path("runs"), number, level, timing_uncertainty_s=0.002)
        opening.open_run(made, project=project)
    return project


@pytest.fixture(scope="module")
def weeks(project: Project) -> Comparison:
    return comparing.compare_runs(project, "week1", "week2_day1")


@pytest.fixture(scope="module")
def slower(project: Project) -> Comparison:
    return comparing.compare_runs(project, "", run_id(2))


def said(pair: Comparison) -> str:
    return section_of(pair).text()


def test_the_published_weeks_carry_no_claim(weeks: Comparison) -> None:
    assert text.title(weeks) == "The two runs have no times to compare"
    assert "0 prompts are in both runs" in said(weeks)
    assert "%" not in said(weeks).replace("no prompt", "")
    assert "concurrency" in said(weeks)


def test_shared_prompts_carry_a_verdict_with_size_and_interval(slower: Comparison) -> None:
    assert slower.first.run_id == run_id(1)
    assert slower.why == "The first is the newest earlier run under the same conditions."
    change = slower.times.times[-1]
    assert (change.verdict, change.ratio.value) == ("slower", pytest.approx(1.2))
    assert text.title(slower) == "The second run is 20 % slower end to end"
    assert "NLP → IR" in section_of(slower).html().text
    assert "Times are known to ± 2" in said(slower)


def test_the_section_is_of_the_later_run_and_ends_its_page(slower: Comparison) -> None:
    bundle = section_of(slower)._repr_mimebundle_()
    assert bundle[FINDING_TYPE]["run_id"] == run_id(2)
    assert bundle[END_TYPE] == {"run_id": run_id(2), "owes": True}


def test_too_few_shared_prompts_carry_no_verdict(slower: Comparison) -> None:
    few = ["case_0", "case_1"]
    trials, stages = (
        table[table["case_id"].isin(few)] for table in (slower.first.trials, slower.first.stages)
    )
    first = replace(slower.first, trials=trials, stages=stages)
    pair = replace(slower, first=first, times=paired_runs.runs(first, slower.second))
    assert "2 prompts are in both runs" in said(pair)
    assert text.title(pair) == "Not enough data to say whether the second run is faster"
    assert "4 only in the second" in said(pair)


def test_prompts_have_verdicts_from_three_repeats_a_side(slower: Comparison) -> None:
    assert {case.p for case in slower.cases} == {None}
    assert "verdicts need three repeats in both runs" in text.by_prompt(slower)


def test_rates_differ_by_percentage_points(project: Project) -> None:
    same = comparing.compare_runs(project, "week2_day1", "week2_day1")
    assert "percentage point" in text.success(same)


def test_what_changed_since_the_earlier_run(slower: Comparison) -> None:
    assert text.since(slower) == (
        f"Since run {run_id(1)} (2026-01-01): it is 20 % slower end to end."
    )


def test_the_page_and_status_open_with_what_changed(project: Project) -> None:
    summary = summarize(opening.open_run(run_id(2), project=project), project)
    said = change(summary)
    assert said.startswith(f"Since run {run_id(1)}")
    assert section_of(summary).sentences[0] == said
    assert status(summary).split("\n\n")[1].startswith(f"Since run `{run_id(1)}`")


def test_a_run_without_an_earlier_one_says_how_to_get_one(project: Project) -> None:
    summary = summarize(opening.open_run(run_id(1), project=project), project)
    assert change(summary) == ""
    assert not_covered(summary).startswith(
        "Not in this report: the change since an earlier run (run the same suite again"
    )


def test_a_bottleneck_is_said_again(slower: Comparison, project: Project) -> None:
    data = opening.open_run(run_id(1), project=project)
    lagged = replace(data, run=replace(data.run, loop_lag_p99_s=30.0, timing_uncertainty_s=30.0))
    pair = replace(slower, first=replace(slower.first, data=lagged))
    assert f"The client was the bottleneck in {run_id(1)}" in said(pair)
    assert "bottleneck" not in said(slower)


def test_cases_whose_prompt_or_checks_changed_are_left_out(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = comparing.compare_runs(project, "week2_day1", "week2_day1")
    assert whole.times.shared == 5
    data = opening.open_run("week2_day1", project=project)
    shutil.copytree(data.folder.path, tmp_path / "before")
    suite = tmp_path / "before" / "suite.toml"
    suite.write_text(suite.read_text().replace('\nprompt = "', '\nprompt = "Please: ', 1))
    before = replace(data, folder=RunFolder(tmp_path / "before"))
    opened = iter([data, before])
    monkeypatch.setattr("liftlab.jobs.comparing.open_answers", lambda *_, **__: next(opened))
    pair = comparing.compare_runs(project, "week2_day1", "week2_day1")
    assert pair.times.shared == 4
    assert "Left out, because prompt or checks changed: add_numbers." in said(pair)


def test_a_simulators_times_and_their_uncertainty_are_at_real_length(
    project: Project, write_run: Write
) -> None:
    made = write_run(
        project.path("runs"), 3, 0.1, time_scale=10.0, timing_uncertainty_s=0.05, suite="scaled"
    )
    pair = comparing.compare_runs(project, run_id(1), made)
    assert pair.times.times[-1].ratio.value == pytest.approx(1.0)
    assert "± 500 ms" in said(pair)
    assert "time scale" in pair.differs


def test_a_baseline_is_compared_with_though_its_run_is_gone(
    project: Project, tmp_path: Path
) -> None:
    shutil.copytree(project.root, tmp_path, dirs_exist_ok=True)
    here = load_project(tmp_path)
    pinned = pin_baseline(here, run_id(1), here.path("baseline"))
    shutil.rmtree(here.path("runs") / pinned.run_id)  # as on a fresh checkout
    pair = comparing.compare_runs(here, "", run_id(2))
    assert pair.why == "The first is the baseline."
    assert pair.first.data is None
    assert section_of(pair).html().text


def test_a_run_alone_has_a_page_that_says_how_to_compare(tmp_path: Path, write_run: Write) -> None:
    (tmp_path / "liftlab.toml").write_text("")
    alone = load_project(tmp_path)
    made = write_run(alone.path("runs"), 1)
    with pytest.raises(NothingToCompare, match="nothing to compare with yet: run the same suite"):
        comparing.compare_runs(alone, "", made)
    section: Any = liftlab.compare("", made, project=alone)
    assert section.title == f"{made}: nothing to compare with yet"
    assert section.sentences[0].startswith("Run the same suite")
    assert END_TYPE in section._repr_mimebundle_()


def test_a_large_run_alone_is_not_read_for_nothing(
    tmp_path: Path, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "liftlab.toml").write_text("")
    alone = load_project(tmp_path)
    made = write_run(alone.path("runs"), 1)
    monkeypatch.setattr("liftlab.store.tables._AT_ONCE", 1)
    run = opening.open_run(made, project=alone)
    with pytest.raises(NothingToCompare):
        comparing.compare_runs(alone, second=run)
    assert run._held("trial") is None


def test_hostile_names_of_prompts_stay_text(slower: Comparison) -> None:
    cases = [replace(case, case_id="<script>x") for case in slower.cases]
    html = section_of(replace(slower, cases=cases)).html().text
    assert "<script" not in html
    assert "&lt;script&gt;x" in html
