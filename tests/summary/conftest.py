"""The published day as the store gives it, judged by this project."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.jobs import opening
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return load_project(ROOT, environ={"LIFTLAB_RUNS_DIR": str(tmp_path_factory.mktemp("runs"))})


@pytest.fixture(scope="session")
def day(project: Project) -> RunData:
    return opening.open_run("week2_day1", project=project)


@pytest.fixture(scope="session")
def summary(day: RunData, project: Project) -> RunSummary:
    return summarize(day, project)
