"""Real kernels, so one fixture runs all notebooks beside each other, once."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from liftlab.reporting.html import END_TYPE, MEDIA_TYPE
from liftlab.reporting.render import PRELOAD, Job, Rendered, first_line, judge, render_all

SECTION = "from liftlab.reporting.sections.base import Section\n"
MARK = f"{SECTION}Section(run_id='r1', is_end=True)"
TRANSPORT = """
from ipykernel.connect import get_connection_info
print("kernel over", get_connection_info(unpack=True)["transport"])
"""
# A kernel that is shut down as soon as it has replied; see `Kernel`.
LATE = """
import os, signal
kernel = get_ipython().kernel
send = kernel.session.send
def interrupted(stream, message, *args, **more):
    sent = send(stream, message, *args, **more)
    if message == "execute_reply":
        os.kill(os.getpid(), signal.SIGINT)
    return sent
kernel.session.send = interrupted
"""
NOTEBOOKS = {
    "good": ["import sys\nprint(sys.executable, x)", TRANSPORT, MARK],
    "raises": [f"{SECTION}Section(title='t', run_id='r9')", "1/0", MARK],
    "exits": ["import sys; sys.exit(0)", MARK],
    "dies": ["import os; os._exit(0)", MARK],
    "hangs": ["import threading; threading.Event().wait()", MARK],
}


def write(path: Path, cells: list[str]) -> Path:
    notebook = v4.new_notebook()
    parameters = v4.new_code_cell("x = 1  # a number", metadata={"tags": ["parameters"]})
    notebook.cells = [v4.new_markdown_cell("# Toy"), parameters, *map(v4.new_code_cell, cells)]
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rendered]:
    folder = tmp_path_factory.mktemp("notebooks")
    jobs = [
        Job(
            notebook=write(folder / f"{name}.ipynb", cells),
            html=folder / "out" / f"{name}.html",
            parameters={"x": 5},
            timeout_s=3.0 if name == "hangs" else 60.0,
        )
        for name, cells in NOTEBOOKS.items()
    ]
    return {page.name: page for page in render_all(jobs, workers=4)}


def test_a_good_notebook_counts(rendered: dict[str, Rendered]) -> None:
    assert rendered["good"].fault == ""


def test_the_kernel_is_this_interpreter_with_the_parameters(rendered: dict[str, Rendered]) -> None:
    assert f"{sys.executable} 5" in Path(rendered["good"].html).read_text()


def test_kernels_listen_on_sockets_of_their_own_not_on_ports(rendered: dict[str, Rendered]) -> None:
    assert "kernel over ipc" in Path(rendered["good"].html).read_text()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("raises", "code cell 3 (1/0) failed: ZeroDivisionError: division by zero"),
        ("exits", "code cell 2 (import sys; sys.exit(0)) failed: SystemExit: 0"),
        ("dies", "Its kernel died in code cell 2 (import os; os._exit(0))."),
        ("hangs", "It was stopped after 3 s in code cell 2"),
    ],
)
def test_a_bad_notebook_names_its_cell_at_the_top(
    rendered: dict[str, Rendered], name: str, fault: str
) -> None:
    page = rendered[name]
    assert fault in page.fault
    html = Path(page.html).read_text()
    assert 'role="alert"' in html
    assert "papermill" not in html


def test_a_kernel_that_has_replied_says_nothing_of_its_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "late.ipynb", [LATE, MARK])
    page = Job(notebook=path, html=tmp_path / "late.html", parameters={"x": 1}, echo=True)
    assert [page.fault for page in render_all([page], 1)] == [""]
    assert capfd.readouterr().err == ""


def test_no_executed_copy_is_left(rendered: dict[str, Rendered]) -> None:
    folder = Path(rendered["good"].html).parent
    assert {path.suffix for path in folder.iterdir()} == {".html"}
    source = json.loads((folder.parent / "good.ipynb").read_text())
    assert all(not cell.get("outputs") for cell in source["cells"])


def test_a_notebook_that_is_no_notebook_leaves_its_page(tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    [page] = render_all([Job(notebook=path, html=tmp_path / "broken.html", parameters={})], 1)
    assert page.fault
    assert 'role="alert"' in Path(page.html).read_text()


def executed(*outputs: dict[str, object] | None) -> nbformat.NotebookNode:
    """Return a notebook whose cells ran and gave these outputs; None did not run."""
    notebook = v4.new_notebook()
    for data in outputs:
        count = None if data is None else 1
        shown = [v4.new_output("display_data", data)] if data else []
        notebook.cells.append(v4.new_code_cell("x", outputs=shown, execution_count=count))
    return notebook


@pytest.mark.parametrize(
    ("outputs", "fault"),
    [
        (({}, {END_TYPE: {"run_id": "r"}}), ""),
        (({END_TYPE: {"run_id": "r"}}, {}), "The last cell left no mark that it was reached."),
        (({},), "The last cell left no mark that it was reached."),
        ((), "The last cell left no mark that it was reached."),
        ((None, {END_TYPE: {"run_id": "r"}}), "code cell 1 (x) was not executed to its end."),
    ],
)
def test_a_notebook_counts_only_by_its_own_marks(
    outputs: tuple[dict[str, object] | None, ...], fault: str
) -> None:
    assert judge(executed(*outputs)) == fault


@pytest.mark.parametrize(
    ("shown", "owes", "fault"),
    [
        ("<figure></figure><table></table>", True, ""),
        ("<table></table>", True, "It declares at least 1 figure and shows 0."),
        ("<figure></figure>", True, "It declares at least 1 table and shows 0."),
        ("", False, ""),
    ],
)
def test_a_page_short_of_a_figure_or_a_table_fails(shown: str, owes: bool, fault: str) -> None:
    notebook = executed({MEDIA_TYPE: shown}, {END_TYPE: {"run_id": "r", "owes": owes}})
    notebook.metadata["liftlab"] = {"figures": 1, "tables": 1}
    assert judge(notebook) == fault


def test_a_cell_without_code_has_a_name() -> None:
    assert first_line("# only a comment") == "empty"


@pytest.mark.parametrize("name", PRELOAD)
def test_what_is_imported_ahead_is_there(name: str) -> None:
    assert find_spec(name)  # the server would end with an import error on a user's machine
