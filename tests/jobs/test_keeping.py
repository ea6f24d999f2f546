"""Runs that people keep: which is the newest, what goes with one, and their history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from liftlab import store
from liftlab.errors import StorageFailed, UsageError
from liftlab.jobs import keeping, opening
from liftlab.jobs.baselines import pin_baseline
from liftlab.settings import Project, load_project
from liftlab.store import lock

Write = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "liftlab.toml").write_text("")
    return load_project(tmp_path)


def test_the_newest_run_with_answers(project: Project, write_run: Write) -> None:
    runs = project.path("runs")
    assert keeping.newest_with_answers(project) == "latest"
    load = write_run(runs, 3, suite="load", pipeline="load")
    write_run(runs, 4, suite="load", pipeline="load", cases=0)
    write_run(runs, 5, suite="sessions", pipeline="sessions")
    assert keeping.newest_with_answers(project) == load
    write_run(runs, 1)
    assert keeping.newest_with_answers(project) == "latest"


def test_what_goes_with_a_run(project: Project, write_run: Write) -> None:
    first, second = (write_run(project.path("runs"), number) for number in (1, 2))
    opening.open_run(first, project=project)
    pin_baseline(project, first, project.path("baseline"))
    found = keeping.doomed(project, first)
    assert (found.folder.run_id, found.pages, found.is_baseline) == (first, None, True)
    files = [path for path in found.folder.path.rglob("*") if path.is_file()]
    assert found.size_bytes == sum(path.stat().st_size for path in files) > 0
    pages = project.path("reports") / second
    pages.mkdir(parents=True)
    other = keeping.doomed(project, second)
    assert (other.pages, other.is_baseline) == (pages, False)


def test_what_is_written_to_stays(project: Project, write_run: Write) -> None:
    run_id = write_run(project.path("runs"), 1)
    found = keeping.doomed(project, run_id)
    writer = lock.RunLock(found.folder.path)
    with pytest.raises(UsageError):
        keeping.doomed(project, run_id)
    with pytest.raises(StorageFailed):
        keeping.delete_run(found)
    writer.release()
    assert store.find(project.path("runs"), run_id).path.is_dir()


@pytest.mark.parametrize("newest", [1, 2])
def test_the_newest_pages_are_those_of_a_run_that_is_there(
    project: Project, write_run: Write, newest: int
) -> None:
    made = [write_run(project.path("runs"), number) for number in (1, 2)]
    for run_id in made:
        (project.path("reports") / run_id).mkdir(parents=True)
    (project.path("reports") / "latest").symlink_to(made[newest - 1])
    keeping.delete_run(keeping.doomed(project, made[0]))
    there = {path.name for path in project.path("reports").iterdir()}
    assert there == ({made[1]} if newest == 1 else {made[1], "latest"})
    assert [run.run_id for run in store.list_runs(project.path("runs"))] == [made[1]]


def test_a_history_is_of_a_suite_and_of_an_endpoint(project: Project, write_run: Write) -> None:
    said: list[str] = []
    runs = project.path("runs")
    plain = write_run(runs, 1)
    suite = write_run(runs, 2, suite="other")
    endpoint = write_run(runs, 3, endpoint="other")
    found = keeping.read_runs(project, say=said.append)
    assert found.runs["run_id"].tolist() == [plain, suite, endpoint]
    assert len(said) == 1  # tables were made
    for asked, expected in (
        ({"suite": "timed"}, [plain, endpoint]),
        ({"suite": "other"}, [suite]),
        ({"endpoint": "modal"}, [plain, suite]),
        ({"suite": "timed", "endpoint": "other"}, [endpoint]),
        ({"suite": "none"}, []),
    ):
        found = keeping.read_runs(project, **asked, say=said.append)
        assert found.runs["run_id"].tolist() == expected
    assert len(said) == 1


def test_runs_are_listed_with_their_labels_and_times(project: Project, write_run: Write) -> None:
    old, new = (write_run(project.path("runs"), number) for number in (1, 2))
    keeping.label_run(project, old, "the first")
    opening.open_run(old, project=project)
    rows = keeping.list_runs(project).set_index("run_id")
    assert rows.index.tolist() == [new, old]
    assert rows["label"].tolist() == ["", "the first"]
    assert rows["e2e_median_s"].isna().tolist() == [True, False]
    assert rows.loc[old, "e2e_median_s"] == pytest.approx(14.5)
