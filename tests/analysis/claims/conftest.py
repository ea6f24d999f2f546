"""The published day as an opened run, and its claims."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from liftlab.analysis.claims import Claim, Evidence
from liftlab.analysis.claims.file import load
from liftlab.jobs import open_run
from liftlab.settings import load_project

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="session")
def published_claims() -> dict[str, Claim]:
    return {claim.id: claim for claim in load(DATA / "reference" / "claims.toml")}


@pytest.fixture(scope="session")
def week2(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("project")
    (folder / "liftlab.toml").write_text('[run]\nsuite = "week2_day1"\n')
    (folder / "data").mkdir()
    for part in ("suites", "reference"):
        shutil.copytree(DATA / part, folder / "data" / part)
    shutil.copy(DATA / "prices.toml", folder / "data" / "prices.toml")
    return Evidence.of(open_run("week2_day1", project=load_project(folder, environ={})))
