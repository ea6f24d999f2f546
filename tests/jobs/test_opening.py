"""A run is opened with tables that are made where they are missing or stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab.importers.week2 import PRICES
from liftlab.jobs import opening
from liftlab.settings import Project, load_project
from liftlab.store import find

Write = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "liftlab.toml").write_text("")
    return load_project(tmp_path)


def test_tables_rest_on_the_grader_its_leave_and_the_prices(project: Project) -> None:
    told = {opening.judged_by(project)}
    changed: list[dict[str, Any]] = [
        {"grading.allow_weak_isolation": True},
        {"grading.packages": ["one"]},
        {"grading.packages": ["one", "two"]},
        {"grading.python": "/usr/bin/python3"},
    ]
    for number, overrides in enumerate(changed, start=2):
        told.add(opening.judged_by(load_project(project.root, overrides=overrides)))
        assert len(told) == number
    project.path("prices").parent.mkdir(parents=True)
    for number, rate in enumerate(("1.0", "2.0"), start=len(changed) + 2):
        project.path("prices").write_text(f"[p]\nusd_per_hour = {rate}\n")
        told.add(opening.judged_by(project))
        assert len(told) == number


def test_a_run_that_is_shared_is_not_read_again(
    project: Project, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_SHARED", {})  # else it outlives the test
    shared, other = (write_run(project.path("runs"), number) for number in (1, 2))
    run = opening.share_run(shared, project)
    assert opening.open_run(shared, project=project) is run
    assert opening.share_run(shared, project) is run
    assert opening.open_run(other, project=project) is not opening.open_run(other, project=project)


@pytest.mark.parametrize(
    ("facts", "is_written"),
    [({"suite": "timed"}, True), ({"suite": "load"}, False), ({"imported": {}}, False)],
)
def test_the_old_format_is_one_of_suites(
    project: Project, write_run: Write, facts: dict[str, Any], is_written: bool
) -> None:
    folder = find(project.path("runs"), write_run(project.path("runs"), 1))
    folder.write_manifest(folder.manifest() | facts)
    opening.open_run(folder.run_id, project=project)
    assert any(folder.path.glob("benchmark_results_*.json")) is is_written


def test_whose_prices_a_run_has(project: Project, write_run: Write) -> None:
    folder = find(project.path("runs"), write_run(project.path("runs"), 1))
    manifest = folder.manifest()
    assert opening.own_prices(folder) == (("unknown", "gpu_seconds"),)
    asked = {"request": {"endpoint": {"price": "p", "cost_model": "tokens"}}}
    for facts, expected in (
        (asked, (("p", "tokens"),)),
        ({"reference": {}}, PRICES),
        (asked | {"imported": {"family": "vllm"}}, (("unknown", "gpu_seconds"),)),
        (asked | {"imported": {"family": "benchmark"}}, PRICES),
    ):
        folder.write_manifest(manifest | facts)
        assert opening.own_prices(folder) == expected
