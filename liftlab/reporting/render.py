"""Notebooks to pages: each is executed in a process of its own and judged before it counts.

One process imports what all of them need, and forks a page's process and its kernel from that.

papermill stamps cells `completed` after a time-out or a dead kernel, and says nothing of a
`sys.exit(0)` in a cell. So a notebook is good only if nothing was raised, no cell shows an
error, every code cell was executed, and the last one left its mark (`html.END_TYPE`).
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.words import counted

if TYPE_CHECKING:
    import nbformat

KERNEL = "liftlab"
PROJECT = "LIFTLAB_PROJECT"  # tells a kernel whose page it makes, wherever it is started
GRACE_S = 30.0  # beyond the notebook's own limit, to start a kernel and to write the page
LOOK_S = 1.0  # how often the server looks whether the one that started it is still there
ERROR_MARKER = "papermill-error-cell-tag"  # of the cells that papermill adds to a failed notebook
# What every page's process, or its kernel, would import first; not what opens threads or files.
PRELOAD = (
    "IPython.core.completer",
    "duckdb",
    "ipykernel.kernelapp",
    "liftlab.reporting.export",
    "liftlab.reporting.kernel",
    "liftlab.reporting.sections",
    "liftlab.summary",
    "matplotlib.backends.backend_svg",
    "papermill",
    "pyarrow.parquet",
    "seaborn",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A page that was written, its title as HTML, and in one line what went wrong."""

    name: str
    html: str
    title_html: str
    fault: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One notebook to render; `parameters` hold no secrets, they are written into the copy.

    `nav`: links to other pages, as HTML. `with_code`: whether the page shows its code.
    """

    notebook: Path
    html: Path
    parameters: Mapping[str, Any]
    nav: str = ""
    with_code: bool = True
    project: Path | None = None  # its root; None: the one around the notebook
    timeout_s: float = 600.0
    echo: bool = False  # pass what the notebook prints on to our standard error


def render_all(
    jobs: Sequence[Job], workers: int, say: Callable[[str], object] = lambda name: None
) -> list[Rendered]:
    """Execute notebooks, so many at once, and write their pages; one that fails stops no other.

    `say` is told the name of each notebook that is done. Returned are pages in the order of the
    jobs, with a fault where a notebook failed; its page is there all the same.
    """
    if not jobs:
        return []
    with tempfile.TemporaryDirectory(prefix="liftlab-render-") as scratch:
        tasks = [_task(job, Path(scratch) / str(place)) for place, job in enumerate(jobs)]
        for place in _served(tasks, workers, Path(scratch)):
            say(jobs[place].notebook.stem)
        return [_result(job, task) for job, task in zip(jobs, tasks, strict=True)]


def _task(job: Job, scratch: Path) -> dict[str, Any]:
    scratch.mkdir()
    job.html.parent.mkdir(parents=True, exist_ok=True)
    notebook = job.notebook.absolute()
    return {
        **asdict(job),
        "notebook": str(notebook),
        "html": str(job.html.absolute()),
        "project": str(job.project or notebook.parent),
        "scratch": str(scratch),
    }


def _served(tasks: Sequence[dict[str, Any]], workers: int, scratch: Path) -> Iterator[int]:
    """Let a server work through the tasks; yield the place of each that is done."""
    command = [sys.executable, "-m", "liftlab.reporting.render"]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(scratch)
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        with server.stdin as stdin:
            json.dump({"tasks": tasks, "workers": max(1, workers)}, stdin)
        with server.stdout as done:
            yield from map(int, done)
    finally:
        server.terminate()  # its pages and their kernels go with it
        server.wait()


def _result(job: Job, task: Mapping[str, Any]) -> Rendered:
    """Return what a page's process left, or a page that says why it left nothing."""
    scratch = Path(task["scratch"])
    result = scratch / "result.json"
    if result.exists():
        return Rendered(**json.loads(result.read_text("utf-8")))
    from liftlab.reporting.export import failure_page
    from liftlab.reporting.html import escape

    name = job.notebook.stem
    fault = (scratch / "fault.txt").read_text("utf-8")
    job.html.write_text(failure_page(name, fault, job.nav), "utf-8")
    return Rendered(name=name, html=str(job.html), title_html=escape(name), fault=fault)


def _environment(scratch: Path) -> dict[str, str]:
    """Point Jupyter at kernels of ours, and away from the user's own setup."""
    return {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLBACKEND": "agg",
        "LIFTLAB_HEADLESS": "1",  # progress as lines: nobody looks at a widget
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def main() -> int:
    """Render the tasks told on standard input; print the place of each that is done."""
    from liftlab.jobs.opening import share_run
    from liftlab.settings import load_project
    from liftlab.summary.run import share_summary

    told = json.load(sys.stdin)
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    for name in PRELOAD:
        import_module(name)
    runs = {(task["project"], task["parameters"].get("run_id")): None for task in told["tasks"]}
    for project, run_id in runs:
        if run_id:  # else its page makes the run
            with suppress(Exception):  # whatever it is, the page that asks again will show it
                where = load_project(Path(project))
                share_summary(share_run(str(run_id), where), where)
    gc.freeze()  # what pages share is not to be copied for counting its references
    fork = multiprocessing.get_context("fork")
    waiting = list(enumerate(told["tasks"]))[::-1]
    running: dict[int, _Running] = {}
    try:
        while waiting or running:
            while waiting and len(running) < told["workers"]:
                place, task = waiting.pop()
                page = fork.Process(target=_write_page, args=(task,))
                page.start()
                until = time.monotonic() + task["timeout_s"] + GRACE_S
                running[place] = _Running(page, task, until)
            wait([each.page.sentinel for each in running.values()], timeout=LOOK_S)
            if os.getppid() != parent:
                return 1
            for place in [place for place, each in running.items() if each.ended()]:
                del running[place]
                sys.stdout.write(f"{place}\n")
                sys.stdout.flush()
    finally:
        for each in running.values():
            each.page.kill()  # its kernel goes when its parent is gone
    return 0


@dataclass(frozen=True, slots=True)
class _Running:
    """A page's process, what it renders, and until when."""

    page: Any
    task: Mapping[str, Any]
    until: float

    def ended(self) -> bool:
        """Say whether the process is over, or stop it if its time is; keep why."""
        late = time.monotonic() > self.until
        if late:
            self.page.kill()
        elif self.page.is_alive():
            return False
        self.page.join()
        scratch = Path(self.task["scratch"])
        log = scratch / "log.txt"
        lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
        last = "".join(lines[-1:])[:500]
        fault = f"The process that rendered it ended with {self.page.exitcode}: {last}"
        if late:
            fault = f"It took longer than {self.task['timeout_s']:.0f} s and was stopped."
        (scratch / "fault.txt").write_text(fault, "utf-8")
        return True


def _write_page(task: Mapping[str, Any]) -> None:
    """Execute a notebook, write its page, and leave the result."""
    from liftlab.reporting.export import export, files_beside, found
    from liftlab.reporting.html import END_TYPE, FINDING_TYPE
    from liftlab.reporting.kernel import standby

    scratch = Path(task["scratch"])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ |= {PROJECT: task["project"], "JUPYTER_PATH": str(scratch)}
    warnings.simplefilter("ignore")
    if not task["echo"]:  # the kernel's own complaints go to the log, too
        log = os.open(scratch / "log.txt", os.O_CREAT | os.O_WRONLY)
        os.dup2(log, 2)
    spec = scratch / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps(standby(str(Path(task["notebook"]).parent))), "utf-8")
    notebook, raised = execute(task)
    fault = f"{raised} {reached(notebook)}" if raised else judge(notebook)
    html, title = export(notebook, fault=fault, nav=task["nav"], with_code=task["with_code"])
    Path(task["html"]).write_text(files_beside(html, Path(task["html"])), "utf-8")
    marks = [mark for kind in (END_TYPE, FINDING_TYPE) for _, mark in found(notebook, kind)]
    rendered = Rendered(
        name=Path(task["notebook"]).stem,
        html=task["html"],
        title_html=title,
        fault=fault,
        run_id=next((str(mark["run_id"]) for mark in marks if mark.get("run_id")), ""),
    )
    partial = scratch / "result.json.part"
    partial.write_text(json.dumps(asdict(rendered)), "utf-8")
    partial.replace(scratch / "result.json")  # there, or not there: never half


def execute(task: Mapping[str, Any]) -> tuple[nbformat.NotebookNode, str]:
    """Execute a notebook with papermill; return it as far as it came, and what was raised."""
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    copy = Path(task["scratch"]) / "executed.ipynb"
    # Sockets in a folder of this notebook's own: of TCP ports two kernels that start at once can
    # be given the same one, and then one dies; and no other user of the machine can listen in.
    sockets = {"transport": "ipc", "ip": str(copy.with_name("kernel"))}
    raised = ""
    try:
        papermill.execute_notebook(
            task["notebook"],
            str(copy),
            parameters=task["parameters"],
            kernel_name=KERNEL,
            language="python",
            cwd=str(Path(task["notebook"]).parent),
            progress_bar=False,
            config=Config({"KernelManager": sockets}),
            execution_timeout=int(task["timeout_s"]) or 1,
            stderr_file=sys.stderr if task["echo"] else None,
        )
    except papermill.PapermillExecutionError:
        pass  # an error that the notebook shows: `judge` names the cell
    except CellTimeoutError:
        raised = f"It was stopped after {task['timeout_s']:.0f} s in"
    except DeadKernelError:
        raised = "Its kernel died in"
    except Exception as error:  # whatever it is, the page names it
        lines = str(error).strip().splitlines()
        raised = f"{type(error).__name__}: {lines[0] if lines else ''}"[:500] + " in"
    source = copy if copy.exists() else Path(task["notebook"])
    notebook: Any = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    notebook.cells = [c for c in notebook.cells if ERROR_MARKER not in c.metadata.get("tags", ())]
    return notebook, raised


def judge(notebook: nbformat.NotebookNode) -> str:
    """Return why an executed notebook does not count, or nothing if it does."""
    from liftlab.reporting.export import plain
    from liftlab.reporting.html import END_TYPE

    cells = named_cells(notebook)
    for where, cell in cells:
        for output in cell.outputs:
            if output.output_type == "error":
                return f"{where} failed: {output.ename}: {plain(output.evalue)[:300]}"
        if cell.execution_count is None:
            return f"{where} was not executed to its end."
    last = cells[-1][1].get("outputs", ()) if cells else ()
    marks = [output["data"][END_TYPE] for output in last if END_TYPE in output.get("data", {})]
    if not marks:
        return "The last cell left no mark that it was reached."
    return short(notebook) if marks[-1].get("owes") else ""


def short(notebook: nbformat.NotebookNode) -> str:
    """Return which figures or tables a notebook declares that its page lacks, or nothing."""
    from liftlab.reporting.html import MEDIA_TYPE

    outputs = [o.get("data", {}) for _, cell in named_cells(notebook) for o in cell.outputs]
    html = "".join(data.get(MEDIA_TYPE, "") for data in outputs)
    for kinds, least in notebook.metadata.get("liftlab", {}).items():
        kind = kinds.removesuffix("s")
        count = html.count(f"<{kind}>")
        if count < least:
            return f"It declares at least {counted(least, kind)} and shows {count}."
    return ""


def reached(notebook: nbformat.NotebookNode) -> str:
    """Return the name of the last cell that was begun."""
    begun = [
        where
        for where, cell in named_cells(notebook)
        if cell.metadata.get("papermill", {}).get("start_time")  # `status` is set on all of them
    ]
    return f"{begun[-1]}." if begun else "the notebook's start."


def named_cells(notebook: nbformat.NotebookNode) -> list[tuple[str, nbformat.NotebookNode]]:
    """Return each code cell with a name for it; numbers are those of the notebook as written."""
    cells = []
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            number += "injected-parameters" not in cell.metadata.get("tags", ())
            cells.append((f"code cell {number} ({first_line(cell.source)})", cell))
    return cells


def first_line(source: str) -> str:
    """Return the first line of code of a cell, to name it by."""
    lines = [line.strip() for line in source.splitlines()]
    code = [line for line in lines if line and not line.startswith("#")]
    return code[0][:60] if code else "empty"


if __name__ == "__main__":
    sys.exit(main())
