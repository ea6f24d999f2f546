"""What makes a notebook thin, readable as a page, and diffable."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest

from liftlab.jobs.opening import open_run
from liftlab.reporting.sections import section_of
from liftlab.reporting.sections.base import shown
from liftlab.settings import load_project
from liftlab.summary.run import RunSummary, summarize

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
MOST_CELLS, MOST_LINES = 12, 8
TAGS = {"parameters", "injected-parameters", "hide-input", "remove-cell", "slow"}
PATH = re.compile(r"""["'][^"'\s]*(?:/|\\)[^"'\s]*["']|\bPath\(""")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def headings(notebook: Any) -> list[int]:
    lines = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
    ]
    return [len(match[1]) for line in lines if (match := re.match(r"(#+) ", line))]


def test_there_are_notebooks() -> None:
    tens = {"00_status", "10_run_suite", "20_variance_outliers", "30_success"}
    named = tens | {"40_cost", "50_compare", "60_budget"}
    assert named <= {p.stem for p in NOTEBOOKS}


def test_it_is_small(notebook: Any) -> None:
    cells = code_cells(notebook)
    assert len(cells) <= MOST_CELLS
    assert max(len(cell.source.splitlines()) for cell in cells) <= MOST_LINES


def test_it_holds_calls_not_definitions(notebook: Any) -> None:
    for cell in code_cells(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.For)
        assert not PATH.search(cell.source), cell.source


def test_parameters_are_literals_with_comments(notebook: Any) -> None:
    assert notebook.cells[0].cell_type == "markdown"
    first = notebook.cells[1]
    assert first.metadata.tags == ["parameters"]
    for line in first.source.splitlines():
        assert re.match(r"\w+ = .+?  +?# .+|\w+ = .+? +# .+", line), line
    for node in ast.parse(first.source).body:
        assert isinstance(node, ast.Assign)
        ast.literal_eval(node.value)


def test_headings_make_an_outline(notebook: Any) -> None:
    levels = headings(notebook)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_nothing_executed_is_stored(notebook: Any) -> None:
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert set(cell.metadata) <= {"tags"}
    assert "papermill" not in notebook.metadata


def test_tags_are_ones_that_mean_something(notebook: Any) -> None:
    assert {tag for cell in notebook.cells for tag in cell.metadata.get("tags", ())} <= TAGS


def test_it_declares_how_many_figures_and_tables_it_owes(notebook: Any) -> None:
    owed = notebook.metadata["liftlab"]
    assert owed.keys() == {"figures", "tables"}
    assert sum(owed.values()) > 0


# Where the numbers come from; on other pages in a line.
FULL = {"# Status", "# Session checks", "# Capacity"}


def test_it_ends_with_where_the_numbers_come_from(notebook: Any) -> None:
    title, last = notebook.cells[0].source.splitlines()[0], notebook.cells[-1].source
    full = "summary.provenance" if title in FULL else "summary.provenance.brief"
    assert last == full or last.endswith("liftlab.compare(other, run_id)")


def test_every_result_is_on_some_page(tmp_path: Path) -> None:
    project = load_project(FOLDER, environ={"LIFTLAB_RUNS_DIR": str(tmp_path)})
    summary = summarize(open_run("week2_day1", project=project), project)
    with pytest.raises(TypeError):
        section_of("text")  # whatever is shown is registered by then
    read = [nbformat.read(path, as_version=4) for path in NOTEBOOKS]
    lines = {line for notebook in read for cell in notebook.cells for line in cell.source.split()}
    kinds = {kind.__name__ for kind in shown.registry}
    parts = {
        name
        for name, part in vars(RunSummary).items()
        if isinstance(part, cached_property) and type(getattr(summary, name)).__name__ in kinds
    }
    assert len(parts) > 10
    assert {f"summary.{name}" for name in parts} <= lines


def test_it_imports_nothing_of_ours_but_the_front_door(notebook: Any) -> None:
    for cell in code_cells(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.ImportFrom)
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= {"liftlab", "pandas", "seaborn"}
