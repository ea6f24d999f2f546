"""A project with the published suites, and the sample files in `files/`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab.settings import Project, load_project

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files"


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    def make() -> Project:
        folder = tmp_path_factory.mktemp("project")
        suites = folder / "data" / "suites"
        suites.mkdir(parents=True)
        shutil.copy(ROOT / "data" / "suites" / "week2_day1.toml", suites)
        shutil.copy(ROOT / "data" / "prices.toml", folder / "data")
        (folder / "liftlab.toml").write_text("")
        return load_project(folder, environ={})

    return make


@pytest.fixture
def project(make_project: Callable[[], Project]) -> Project:
    return make_project()


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """The content of a sample file, to be changed at will."""
    return lambda name: json.loads((FILES / name).read_text())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def to_file(content: Any, name: str = "given.json") -> Path:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        return path

    return to_file
