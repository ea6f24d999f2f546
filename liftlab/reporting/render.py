"""Notebooks to pages: each is executed in a process of its own and judged before it counts.

papermill stamps cells `completed` after a time-out or a dead kernel, and says nothing of a
`sys.exit(0)` in a cell. So a notebook is good only if nothing was raised, no cell shows an
error, every code cell was executed, and the last one left its mark (`html.END_TYPE`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import nbformat

KERNEL = "liftlab"
PROJECT = "LIFTLAB_PROJECT"  # tells a kernel whose page it makes, wherever it is started
# Its warning that loopback is not encrypted tells the reader nothing.
_QUIET = ("--IPKernelApp.log_level=40",)
GRACE_S = 30.0  # beyond the notebook's own limit, to start a kernel and to write the page
ERROR_MARKER = "papermill-error-cell-tag"  # of the cells that papermill adds to a failed notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A page that was written, its title and lead as HTML, and in one line what went wrong."""

    name: str
    html: str
    title_html: str
    lead_html: str = ""
    fault: str = ""
    run_id: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One notebook to render; `parameters` hold no secrets, they are written into the copy."""

    notebook: Path
    html: Path
    parameters: Mapping[str, Any]
    project: Path | None = None  # its root; None: the one around the notebook
    timeout_s: float = 600.0
    echo: bool = False  # pass what the notebook prints on to our standard error


def render_all(jobs: Sequence[Job], workers: int) -> list[Rendered]:
    """Render notebooks beside each other, in the order given; one that fails stops no other."""
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:  # they wait for processes
        return list(pool.map(render, jobs))


def render(job: Job) -> Rendered:
    """Execute a notebook in a process of its own and write its page, though it may have failed."""
    started = time.monotonic()
    job.html.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="liftlab-render-") as scratch:
        result = Path(scratch) / "result.json"
        told = {
            "notebook": str(job.notebook.absolute()),
            "html": str(job.html.absolute()),
            "parameters": dict(job.parameters),
            "timeout_s": job.timeout_s,
            "echo": job.echo,
            "result": str(result),
        }
        fault = _wait_for_child(told, Path(scratch), job)
        if result.exists():
            answer = json.loads(result.read_text("utf-8"))
            seconds = time.monotonic() - started
            return Rendered(**{**answer, "seconds": seconds})
    from liftlab.reporting.export import failure_page
    from liftlab.reporting.html import escape

    job.html.write_text(failure_page(job.notebook.stem, fault), "utf-8")
    name = job.notebook.stem
    return Rendered(name=name, html=str(job.html), title_html=escape(name), fault=fault)


def _wait_for_child(told: dict[str, Any], scratch: Path, job: Job) -> str:
    """Run the child to its end and return why there is no result, should there be none."""
    command = [sys.executable, "-W", "ignore", "-m", "liftlab.reporting.render"]
    log = scratch / "log.txt"
    with log.open("wb") as file:
        errors = None if job.echo else file
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(scratch, job.project or job.notebook.absolute().parent),
        )
        try:
            child.communicate(json.dumps(told).encode(), timeout=job.timeout_s + GRACE_S)
        except subprocess.TimeoutExpired:
            return f"It took longer than {job.timeout_s:.0f} s and was stopped."
        finally:
            child.kill()  # the kernel goes when its parent is gone
            child.wait()
    last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
    return f"The process that rendered it ended with {child.returncode}: {''.join(last)[:500]}"


def _environment(scratch: Path, project: Path) -> dict[str, str]:
    """Point Jupyter at a kernel that is this interpreter, and away from the user's own setup."""
    folder = scratch / "kernels" / KERNEL
    folder.mkdir(parents=True)
    arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", *_QUIET]
    spec = {"argv": arguments, "display_name": "liftlab", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), "utf-8")
    return {
        **os.environ,
        PROJECT: str(project),
        "JUPYTER_PATH": str(scratch),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLBACKEND": "agg",
        "LIFTLAB_HEADLESS": "1",  # progress as lines: nobody looks at a widget
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def main() -> int:
    """Execute the notebook told on standard input, write its page, and leave the result."""
    told = json.load(sys.stdin)
    from liftlab.reporting.export import export, found
    from liftlab.reporting.html import END_TYPE, FINDING_TYPE

    name = Path(told["notebook"]).stem
    notebook, raised = execute(told)
    fault = f"{raised} {reached(notebook)}" if raised else judge(notebook)
    html, page = export(notebook, fault=fault)
    Path(told["html"]).write_text(html, "utf-8")
    marks = [mark for kind in (END_TYPE, FINDING_TYPE) for _, mark in found(notebook, kind)]
    run_id = next((str(mark["run_id"]) for mark in marks if mark.get("run_id")), "")
    rendered = Rendered(
        name=name,
        html=told["html"],
        title_html=page.title_html,
        lead_html=page.lead_html,
        fault=fault,
        run_id=run_id,
    )
    partial = Path(told["result"] + ".part")
    partial.write_text(json.dumps(asdict(rendered)), "utf-8")
    partial.replace(told["result"])  # there, or not there: never half
    return 0


def execute(told: Mapping[str, Any]) -> tuple[nbformat.NotebookNode, str]:
    """Execute a notebook with papermill; return it as far as it came, and what was raised."""
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    copy = Path(told["result"]).with_name("executed.ipynb")
    # Sockets in a folder of this notebook's own: of TCP ports two kernels that start at once can
    # be given the same one, and then one dies; and no other user of the machine can listen in.
    sockets = {"transport": "ipc", "ip": str(copy.with_name("kernel"))}
    raised = ""
    try:
        papermill.execute_notebook(
            told["notebook"],
            str(copy),
            parameters=told["parameters"],
            kernel_name=KERNEL,
            language="python",
            cwd=str(Path(told["notebook"]).parent),
            progress_bar=False,
            config=Config({"KernelManager": sockets}),
            execution_timeout=int(told["timeout_s"]) or 1,
            stderr_file=sys.stderr if told["echo"] else None,
        )
    except papermill.PapermillExecutionError:
        pass  # an error that the notebook shows: `judge` names the cell
    except CellTimeoutError:
        raised = f"It was stopped after {told['timeout_s']:.0f} s in"
    except DeadKernelError:
        raised = "Its kernel died in"
    except Exception as error:  # whatever it is, the page names it
        lines = str(error).strip().splitlines()
        raised = f"{type(error).__name__}: {lines[0] if lines else ''}"[:500] + " in"
    source = copy if copy.exists() else Path(told["notebook"])
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
    if not any(END_TYPE in output.get("data", {}) for output in last):
        return "The last cell left no mark that it was reached."
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
    r"""Return the first line of code of a cell, to name it by.

    Examples
    --------
    >>> first_line("# comment\n\npage.tiles(run)\nmore")
    'page.tiles(run)'
    """
    lines = [line.strip() for line in source.splitlines()]
    code = [line for line in lines if line and not line.startswith("#")]
    return code[0][:60] if code else "empty"


if __name__ == "__main__":
    sys.exit(main())
