"""`make report`: every notebook of the project as a page of one run, with an index and a message.

Notebooks render beside each other; one that fails leaves its page and stops no other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liftlab import jobs
from liftlab.errors import EndpointError, InputInvalid, NotebookFailed
from liftlab.jobs.checking import has_answers
from liftlab.reporting.html import Html, tag
from liftlab.reporting.render import Job, Rendered, render_all
from liftlab.reporting.text.base import code, write

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData

WORKERS = 2

Say = Callable[[str], object]


def write_report(project: Project, run_id: str | None, say: Say) -> Path:
    """Render the project's notebooks for a run; without one, run the suite first.

    Parameters
    ----------
    project
        Where the notebooks are, where the pages go, and what to run.
    run_id
        A run, `latest`, or the name of a published day; None runs the suite.
    say
        Told what happens, a line at a time.

    Returns
    -------
    Path
        The folder with `index.html`, a page a notebook, and `status.md`.

    Raises
    ------
    NotebookFailed
        If one failed; all pages are written by then.
    EndpointError
        If no request of the run was answered; all pages are written by then.
    """
    notebooks = _notebooks(project)
    reports = project.path("reports")
    reports.mkdir(parents=True, exist_ok=True)
    # Its tables are made once, before many read them.
    run = jobs.open_run(run_id, project=project) if run_id else _run(project, say)
    folder = reports / run.run.run_id
    say(f"writing {len(notebooks)} pages to {folder}")
    tasks = [
        Job(
            notebook=path,
            html=folder / f"{path.stem}.html",
            parameters={"run_id": run.run.run_id},
        )
        for path in notebooks
    ]
    done = render_all(tasks, WORKERS)
    _write_index(folder, run, done)
    _write_message(folder, run, project)
    _point_latest(reports, folder.name)
    _tell_faults(done)
    if not has_answers(run):
        raise EndpointError(
            f"{run.run.run_id}: no request was answered, so nothing can be judged. "
            f"The pages say how requests failed: {folder / 'index.html'}"
        )
    return folder


def _notebooks(project: Project) -> list[Path]:
    folder = project.path("notebooks")
    found = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise InputInvalid(f"{folder}: no notebooks there: their names begin as in 00_status.ipynb")
    return found


def _run(project: Project, say: Say) -> RunData:
    """Run the suite as the settings say."""
    wanted = project.settings.run
    jobs.check(project)  # a name that does not exist, an endpoint that is down: no page for those
    say(f"running suite {wanted.suite} on endpoint {wanted.endpoint}")
    return jobs.run_suite(jobs.plan_run(project))


def _write_index(folder: Path, run: RunData, pages: Sequence[Rendered]) -> None:
    from liftlab.reporting.export import page_of_parts

    items = []
    for page in pages:
        link = tag("a", Html(page.title_html), href=f"{page.name}.html")
        fault = tag("p", page.fault, cls="fault") if page.fault else ""
        items.append(tag("section", tag("h2", link), tag("p", Html(page.lead_html)), fault))
    items.append(
        tag(
            "p",
            tag("a", "Messages for a status update", href="status.md"),
            " · ",
            tag("a", "the day's summary, for you to complete", href="daily.md"),
        )
    )
    text = page_of_parts(items, title=write("Report on run {}", code(run.run.run_id)))
    (folder / "index.html").write_text(text, "utf-8")


def _write_message(folder: Path, run: RunData, project: Project) -> None:
    from liftlab.reporting import markdown
    from liftlab.summary import summarize

    summary = summarize(run, project)
    (folder / "status.md").write_text(markdown.status(summary), "utf-8")
    (folder / "daily.md").write_text(markdown.daily(summary), "utf-8")


def _point_latest(reports: Path, name: str) -> None:
    """Let `latest` point at a run's pages; it is never missing in between."""
    temporary = reports / f".latest-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name, target_is_directory=True)
    temporary.replace(reports / "latest")


def _tell_faults(pages: Sequence[Rendered]) -> None:
    faults = [f"{page.name}: {page.fault} The page: {page.html}" for page in pages if page.fault]
    if faults:
        raise NotebookFailed("\n".join(faults))
