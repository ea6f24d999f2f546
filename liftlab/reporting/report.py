"""`make report`: every notebook of the project as a page of one run, with an index and a message.

The notebook that runs the suite goes first; the others render beside each other. A notebook that
fails leaves its page, stops no other, and is told at the end.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liftlab import jobs, store
from liftlab.errors import (
    EndpointError,
    InputInvalid,
    NotebookFailed,
    RunInterrupted,
    VerdictsUnproven,
)
from liftlab.records import SESSIONS
from liftlab.reporting.html import Html, tag
from liftlab.reporting.render import Job, Rendered, render_all
from liftlab.reporting.text.base import code, write

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData
    from liftlab.summary import RunSummary

RUN_NOTEBOOK = "10_run_suite"
SESSIONS_NOTEBOOK = "70_sessions"
WORKERS = 2
RUN_LIMIT_S = 4 * 3600.0  # for the notebook that runs the suite
PAGE_LIMIT_S = 600.0

Say = Callable[[str], object]


def write_report(project: Project, run_id: str | None, say: Say) -> Path:
    """Render the project's notebooks for a run, or without one run the suite; return the folder.

    `say` is told what happens, a line at a time. Once all pages are written: raises NotebookFailed
    if a notebook failed, VerdictsUnproven if known answers were misjudged, and EndpointError if no
    request of the run was answered.
    """
    from liftlab.summary import summarize  # analysis, which a run need not wait for
    from liftlab.summary.provenance import unproven

    notebooks = _notebooks(project)
    reports = project.path("reports")
    reports.mkdir(parents=True, exist_ok=True)
    done: list[Rendered] = []
    if run_id is None:
        done.append(_run_first(project, notebooks, reports, say))
        run_id = done[0].run_id
        notebooks = [path for path in notebooks if path.stem != RUN_NOTEBOOK]
    run = jobs.open_run(run_id, project=project)  # its tables are made once, before many read them
    notebooks = _of_kind(run, notebooks)
    folder = reports / run.run.run_id
    say(f"writing {len(notebooks)} pages to {folder}")
    tasks = [
        Job(
            notebook=path,
            html=folder / f"{path.stem}.html",
            parameters={"run_id": run.run.run_id},
            project=project.root,
            timeout_s=PAGE_LIMIT_S,
        )
        for path in notebooks
    ]
    done.extend(render_all(tasks, WORKERS, lambda name: say(f"wrote {name}.html")))
    done.sort(key=lambda page: page.name)
    _write_index(folder, run, done)
    summary = summarize(run, project)
    _write_message(folder, summary)
    _point_latest(reports, folder.name)
    _tell_faults(done)
    if fault := unproven(run.grades):
        raise VerdictsUnproven(f"{run.run.run_id}: {fault} The pages: {folder / 'index.html'}")
    if not summary.has_answers:
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


def _of_kind(run: RunData, notebooks: Sequence[Path]) -> list[Path]:
    """Return the notebooks that apply to a run: session checks have one of their own."""
    of_sessions = run.run.pipeline == SESSIONS
    kept = [path for path in notebooks if (path.stem == SESSIONS_NOTEBOOK) == of_sessions]
    if not kept:
        raise InputInvalid(f"there is no {SESSIONS_NOTEBOOK}.ipynb among the project's notebooks")
    return kept


def _run_first(project: Project, notebooks: Sequence[Path], reports: Path, say: Say) -> Rendered:
    """Execute the notebook that runs the suite; only then is the run's name known."""
    path = next((path for path in notebooks if path.stem == RUN_NOTEBOOK), None)
    if path is None:
        raise InputInvalid(f"{project.path('notebooks')}: no {RUN_NOTEBOOK}.ipynb to run the suite")
    wanted = project.settings.run
    jobs.check(project)  # a name that does not exist, an endpoint that is down: no page for those
    before = {summary.run_id for summary in store.list_runs(project.path("runs"))}
    say(f"running suite {wanted.suite} on endpoint {wanted.endpoint}")
    with tempfile.TemporaryDirectory(prefix=".new-", dir=reports) as scratch:
        html = Path(scratch) / f"{RUN_NOTEBOOK}.html"
        job = Job(
            notebook=path,
            html=html,
            project=project.root,
            parameters={
                "run_id": "",
                "suite": wanted.suite,
                "endpoint": wanted.endpoint,
                "protocol": wanted.protocol or "",
                "pipeline": wanted.pipeline,
                "repeats": wanted.repeats,
            },
            timeout_s=RUN_LIMIT_S,
            echo=True,
        )
        try:
            [rendered] = render_all([job], 1)
        except KeyboardInterrupt:
            raise RunInterrupted(_how_to_go_on(project, before)) from None
        # Without a run there is no folder for it: the page that says why goes where people look.
        folder = reports / (rendered.run_id or "failed")
        folder.mkdir(exist_ok=True)
        kept = folder / html.name
        html.replace(kept)
    if not rendered.run_id:
        raise NotebookFailed(f"{RUN_NOTEBOOK}: {rendered.fault} The page: {kept}")
    return rendered


def _how_to_go_on(project: Project, before: Collection[str]) -> str:
    for summary in store.list_runs(project.path("runs")):
        if summary.run_id not in before:
            name = summary.run_id
            return (
                "interrupted; what is committed is kept. Finish the run with: "
                f"liftlab run --resume {name}, then write its pages with: liftlab report {name}"
            )
    return "interrupted before the run began; nothing was written"


def _write_index(folder: Path, run: RunData, pages: Sequence[Rendered]) -> None:
    from liftlab.reporting.export import page_of_parts
    from liftlab.summary.provenance import warning_of

    label = run.folder.label()
    items = [tag("p", label)] if label else []
    if warning := warning_of(run):
        items.append(tag("p", warning, cls="fault"))
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


def _write_message(folder: Path, summary: RunSummary) -> None:
    from liftlab.reporting import markdown

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
