"""Which two runs are compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from liftlab.errors import NothingToCompare
from liftlab.jobs import comparing, opening
from liftlab.jobs.baselines import pin_baseline
from liftlab.settings import Project, load_project
from liftlab.store import find

Write = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "liftlab.toml").write_text("")
    return load_project(tmp_path)


def compared(project: Project, *named: str) -> tuple[str, str]:
    found = comparing.compare_runs(project, *named)
    return found.first.run_id, found.second.run_id


def test_the_newest_is_compared_with_the_newest_earlier_one_that_is_alike(
    project: Project, write_run: Write
) -> None:
    with pytest.raises(NothingToCompare):
        comparing.compare_runs(project)
    runs = project.path("runs")
    made = [write_run(runs, number) for number in (1, 2)]
    made += [write_run(runs, 3, concurrency=2), write_run(runs, 4)]
    for run_id in made:
        opening.open_run(run_id, project=project)
    assert compared(project) == (made[1], made[3])
    assert compared(project, "", made[1]) == (made[0], made[1])
    assert compared(project, made[3]) == (made[3], made[3])
    assert compared(project, made[3], made[0]) == (made[3], made[0])
    for alone in (made[0], made[2]):
        with pytest.raises(NothingToCompare):
            comparing.compare_runs(project, "", alone)


def test_a_baseline_goes_first_even_where_its_run_is_gone(
    project: Project, write_run: Write
) -> None:
    made = [write_run(project.path("runs"), number) for number in (1, 2, 3)]
    for run_id in made:
        opening.open_run(run_id, project=project)
    pin_baseline(project, made[0], project.path("baseline"))
    assert compared(project) == (made[0], made[2])
    pin_baseline(project, made[2], project.path("baseline"))
    assert compared(project) == (made[1], made[2])  # nothing is compared with itself
    assert compared(project, "", made[1]) == (made[2], made[1])
    find(project.path("runs"), made[2]).path.rename(project.root / "gone")
    assert compared(project) == (made[2], made[1])


CASE = '[[cases]]\ncase_id = "{}"\nprompt = "{}"\nchecks = [[[1], {}]]\n'


def test_cases_that_changed_are_named(project: Project, write_run: Write) -> None:
    kept = CASE.format("case_0", "Same.", 1)
    before = kept + CASE.format("case_1", "Old.", 1) + CASE.format("case_2", "Same.", 1)
    after = kept + CASE.format("case_1", "New.", 1) + CASE.format("case_2", "Same.", 2)
    after += CASE.format("case_3", "Only here.", 1)
    made = []
    for number, cases in enumerate((before, after), start=1):
        run_id = write_run(project.path("runs"), number)
        folder = find(project.path("runs"), run_id)
        [suite] = folder.path.glob("suite.*")
        suite.write_text(f'name = "timed"\n{cases}')
        made.append(run_id)
    found = comparing.compare_runs(project, *made)
    assert list(found.changed_cases) == ["case_1", "case_2"]
    assert comparing.compare_runs(project, made[0], made[0]).changed_cases == ()
