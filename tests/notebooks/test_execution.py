"""Every notebook shows its sections on the published day, and on a run in which nothing ended."""

from __future__ import annotations

import ast
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pytest

import liftlab
from liftlab import store
from liftlab.jobs import opening, running
from liftlab.records import Run
from liftlab.reporting.html import END_TYPE, FINDING_TYPE
from liftlab.reporting.report import OWN_NOTEBOOKS
from liftlab.runner.request import RunRequest
from liftlab.store import RunData

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
EXPLORE = sorted((ROOT / "notebooks" / "explore").glob("*.ipynb"))
EMPTY = "20260101_000000_none"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "liftlab.toml").write_text((ROOT / "liftlab.toml").read_text())
    for part in ("suites", "reference"):
        shutil.copytree(ROOT / "data" / part, folder / "data" / part)
    shutil.copy(ROOT / "data" / "prices.toml", folder / "data")
    run = Run(run_id=EMPTY, suite="mvp", pipeline="lift", endpoint="local", status="interrupted")
    asked = {"request": {"endpoint": {"price": None, "cost_model": "gpu_seconds"}}}
    store.Journal.open(store.create(folder / "data" / "runs", run, asked, b"", ".toml")).close()
    return folder


def shown(notebook: Any, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the cells of a notebook show, cell by cell, as JupyterLab would."""
    names: dict[str, Any] = {}
    bundles = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"), names)
        if "parameters" in cell.metadata.get("tags", ()):
            names |= parameters
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
            bundles.append(value._repr_mimebundle_())
    return bundles


@pytest.mark.parametrize("run_id", ["week2_day1", EMPTY])
@pytest.mark.parametrize(
    "path",
    [path for path in NOTEBOOKS if path.stem not in OWN_NOTEBOOKS.values()],
    ids=lambda path: path.stem,
)
def test_every_cell_shows_something(
    path: Path, run_id: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    bundles = shown(nbformat.read(path, as_version=4), {"run_id": run_id})
    findings = [bundle[FINDING_TYPE] for bundle in bundles]
    assert findings[0]["title"]
    assert {finding["run_id"] for finding in findings} == {run_id}
    for bundle, finding in zip(bundles, findings, strict=True):
        assert bool(bundle["text/html"]) != finding["is_empty"]
    assert [END_TYPE in bundle for bundle in bundles] == [False] * (len(bundles) - 1) + [True]


def test_the_suite_runs_as_the_project_says_where_no_parameter_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunRequest] = []

    def run_suite(request: RunRequest) -> RunData:
        asked.append(request)
        return opening.open_run("week2_day1", project=request.project)

    monkeypatch.chdir(folder)
    monkeypatch.setattr(running, "run_suite", run_suite)
    shown(nbformat.read(ROOT / "notebooks" / "10_run_suite.ipynb", as_version=4), {})
    [request] = asked
    settings = request.project.settings.run
    assert (request.suite.name, request.repeats) == (settings.suite, settings.repeats)


@pytest.mark.parametrize("run_id", ["week2_day1", EMPTY])
@pytest.mark.parametrize("path", EXPLORE, ids=lambda path: path.stem)
def test_exploring_runs_from_top_to_bottom(
    path: Path, run_id: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if find_spec("ipywidgets") is None:  # sliders come with JupyterLab
        monkeypatch.setitem(vars(liftlab), "explore", liftlab.open_run)
    names: dict[str, Any] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
            if "parameters" in cell.metadata.get("tags", ()):
                names["run_id"] = run_id
    assert names["run"].id == run_id
    plt.close("all")


@pytest.mark.parametrize("path", [*NOTEBOOKS, *EXPLORE], ids=lambda path: path.stem)
def test_a_notebook_imports_nothing_of_ours_but_the_front_door(path: Path) -> None:
    cells = (cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    tree = ast.parse("\n".join(cell.source for cell in cells))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {alias.name for node in imports for alias in node.names} == {"liftlab"}
