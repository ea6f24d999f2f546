"""The page on two runs: a verdict where the shared cases carry one, and a reason where not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from liftlab import jobs
from liftlab.analysis import compare
from liftlab.cli.main import main
from liftlab.errors import NothingToCompare
from liftlab.jobs import Pair
from liftlab.reporting.html import END_TYPE, FINDING_TYPE, MEDIA_TYPE
from liftlab.reporting.pages import compare as page
from liftlab.settings import Project, load_project
from liftlab.store import RunFolder

DATA = Path(__file__).parents[2] / "data"
SECTIONS = ["tiles", "stages", "cases", "shared", "single_runs", "conclusion"]


def run_id(number: int) -> str:
    return f"20260101_{number:02}0000_test"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., str]) -> Project:
    """The published days, and two runs of six cases of which the second is a fifth slower."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "liftlab.toml").write_text("")
    for part in ("suites", "reference"):
        shutil.copytree(DATA / part, folder / "data" / part)
    project = load_project(folder)
    for number, level in ((1, 1.0), (2, 1.2)):
        made = write_run(project.path("runs"), number, level, timing_uncertainty_s=0.002)
        jobs.open_run(made, project=project)
    return project


@pytest.fixture(scope="module")
def weeks(project: Project) -> Pair:
    return page.gather(project, "week2_day1")


@pytest.fixture(scope="module")
def slower(project: Project) -> Pair:
    return page.gather(project, run_id(2))


def text(pair: Pair, section: str) -> str:
    return str(getattr(page, section)(pair)._repr_mimebundle_()[MEDIA_TYPE])


def test_the_published_weeks_carry_no_claim_and_the_page_says_why(weeks: Pair) -> None:
    assert (weeks.first.run_id, weeks.second.run_id) == ("week1", "week2_day1")
    told = page.finding(weeks)._repr_mimebundle_()[FINDING_TYPE]
    assert told["title"] == "week2_day1 against week1: cannot tell whether it is faster"
    single = text(weeks, "single_runs")
    assert "31.1" in single
    assert "carries no claim" in single
    assert "0.396–1.200" in single
    assert "factorial in the first, add_numbers, multiply" in single
    assert "No case is in both runs" in text(weeks, "cases")
    assert "concurrency" in text(weeks, "shared")


def test_too_few_shared_cases_are_set_beside_each_other_alone(slower: Pair) -> None:
    few = ["case_0", "case_1"]
    trials, stages = (
        table[table["case_id"].isin(few)] for table in (slower.first.trials, slower.first.stages)
    )
    first = replace(slower.first, trials=trials, stages=stages)
    pair = replace(slower, first=first, times=compare.runs(first, slower.second))
    assert pair.times.shared == 2
    assert "Over the cases in both, the middle of the second run is 20 % slower" in text(
        pair, "single_runs"
    )


def test_shared_cases_carry_a_verdict_with_effect_and_interval(slower: Pair) -> None:
    assert slower.first.run_id == run_id(1)
    assert slower.why == "The first is the newest earlier run under the same conditions."
    change = slower.times.times[-1]
    assert change.verdict == "slower"
    assert change.ratio.value == pytest.approx(1.2)
    assert "20 % slower end to end" in page.finding(slower).title
    assert "NLP→IR is slower" in text(slower, "stages")
    assert "liftlab check judges by that" in text(slower, "single_runs")
    assert "± 0.002" in text(slower, "shared")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_holds_on_every_pair(weeks: Pair, slower: Pair, section: str) -> None:
    assert text(weeks, section)
    assert text(slower, section)


def test_figures_say_in_words_what_they_draw(slower: Pair) -> None:
    assert 'role="img" aria-label="Times of the second run over the first' in text(slower, "stages")


def test_the_page_is_of_the_later_run(slower: Pair) -> None:
    assert page.finding(slower)._repr_mimebundle_()[FINDING_TYPE]["run_id"] == run_id(2)
    assert page.provenance(slower)._repr_mimebundle_()[END_TYPE] == {"run_id": run_id(2)}


def test_a_simulators_times_and_their_uncertainty_are_multiplied(
    project: Project, write_run: Callable[..., str]
) -> None:
    made = write_run(
        project.path("runs"), 3, 0.1, time_scale=10.0, timing_uncertainty_s=0.05, suite="scaled"
    )
    pair = jobs.compare_runs(project, run_id(1), made)
    assert pair.times.times[-1].ratio.value == pytest.approx(1.0)
    assert any("± 0.5 s" in note for note in pair.notes)
    assert "time scale" in pair.differs


def test_cases_whose_prompt_or_checks_changed_are_left_out(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = jobs.compare_runs(project, "week2_day1", "week2_day1")
    assert whole.times.shared == 5
    data = jobs.open_run("week2_day1", project=project)
    shutil.copytree(data.folder.path, tmp_path / "before")
    suite = tmp_path / "before" / "suite.toml"
    suite.write_text(suite.read_text().replace('\nprompt = "', '\nprompt = "Please: ', 1))
    before = replace(data, folder=RunFolder(tmp_path / "before"))
    opened = iter([data, before])
    monkeypatch.setattr("liftlab.jobs.comparing.open_run", lambda *_, **__: next(opened))
    pair = jobs.compare_runs(project, "week2_day1", "week2_day1")
    assert pair.times.shared == 4
    assert any(note.startswith("Left out, because prompt or checks") for note in pair.notes)


def test_the_baseline_is_what_a_run_is_compared_with(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.root, tmp_path, dirs_exist_ok=True)
    here = load_project(tmp_path)
    pinned = jobs.pin_baseline(here, run_id(1), here.path("baseline"))
    shutil.rmtree(here.path("runs") / pinned.run_id)  # as on a fresh checkout
    pair = page.gather(here, run_id(2))
    assert pair.why == "The first is the baseline."
    assert pair.first.data is None
    assert pair.times.times[-1].ratio.value == pytest.approx(1.2)
    for section in SECTIONS:
        assert text(pair, section)


def test_the_command_says_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    assert main(["compare", run_id(1), run_id(2)]) == 0
    assert "e2e: 20 % slower: ratio 1.2" in capsys.readouterr().out
    assert main(["compare", "week1", "week2_day1", "--json"]) == 0
    assert '"verdict": "cannot tell"' in capsys.readouterr().out
    assert main(["compare", "week1", "nonsense"]) == 6


def test_without_anything_to_compare_with_it_says_so(
    tmp_path: Path, write_run: Callable[..., str]
) -> None:
    (tmp_path / "liftlab.toml").write_text("")
    project = load_project(tmp_path)
    made = write_run(project.path("runs"), 1)
    with pytest.raises(NothingToCompare, match="to compare with"):
        jobs.compare_runs(project, "", made)


def test_a_run_alone_has_a_page_that_says_so(tmp_path: Path, write_run: Callable[..., str]) -> None:
    (tmp_path / "liftlab.toml").write_text("")
    project = load_project(tmp_path)
    alone = page.gather(project, write_run(project.path("runs"), 1, 1.0))
    assert "no other run to compare with" in page.finding(alone)._repr_mimebundle_()["text/html"]
    for section in SECTIONS:
        assert "no second run" in getattr(page, section)(alone).text
    assert END_TYPE in page.provenance(alone)._repr_mimebundle_()
