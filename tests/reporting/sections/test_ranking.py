"""More than two runs: a place is claimed only where the data decide it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import liftlab
from liftlab.jobs import comparing, opening
from liftlab.reporting.gate import ranking_lines
from liftlab.reporting.sections import section_of
from liftlab.settings import Project, load_project
from liftlab.summary.comparison import RankedRuns

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., str]) -> Project:
    """The published days, and three runs of the same prompts, each a quarter slower."""
    folder = tmp_path_factory.mktemp("ranked")
    (folder / "liftlab.toml").write_text("")
    for part in ("suites", "reference"):
        shutil.copytree(DATA / part, folder / "data" / part)
    project = load_project(folder)
    for number, level in ((1, 1.0), (2, 1.25), (3, 1.5)):
        opening.open_run(write_run(project.path("runs"), number, level), project=project)
    return project


@pytest.fixture(scope="module")
def ranked(project: Project) -> RankedRuns:
    names = [f"20260101_{number:02}0000_test" for number in (3, 1, 2)]
    found = liftlab.compare(*names, project=project)
    assert isinstance(found, RankedRuns)
    return found


def test_the_fastest_is_named_where_every_pair_says_so(ranked: RankedRuns) -> None:
    places = {row.run_id: row.time_places for row in ranked.rows}
    assert places == {f"20260101_{n:02}0000_test": (n, n) for n in (1, 2, 3)}
    assert "20260101_010000_test is the fastest end to end." in section_of(ranked).text()


def test_it_is_a_table_a_text_and_data(ranked: RankedRuns) -> None:
    assert section_of(ranked).html().text.count("<tr>") == 4
    assert len(list(ranking_lines(ranked))) == 6
    assert ranked.as_json()["shared_cases"] == ranked.shared


def test_runs_without_a_shared_prompt_are_not_ranked(project: Project) -> None:
    apart = comparing.rank_runs(project, ["week1", "week2_day1", "20260101_010000_test"])
    assert section_of(apart).text().startswith("No prompt is in all runs")
    assert {row.success_places for row in apart.rows} == {(1, 3)}
