"""`make report`: every notebook of the project as a page of one run, with an index and a message.

The notebook that runs the suite goes first; the others render beside each other. A notebook that
fails leaves its page, stops no other, and is told at the end.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from liftlab import store
from liftlab.errors import (
    EndpointError,
    InputInvalid,
    NotebookFailed,
    RunInterrupted,
    VerdictsUnproven,
)
from liftlab.records import CAPACITY, SESSIONS
from liftlab.reporting.html import tag
from liftlab.reporting.render import Job, Rendered, render_all
from liftlab.store.files import write_atomic
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData
    from liftlab.summary import RunSummary

RUN_NOTEBOOK = "10_run_suite"
STATUS_NOTEBOOK = "00_status"
OWN_NOTEBOOKS = {SESSIONS: "70_sessions", CAPACITY: "80_capacity"}  # of their kind of run alone
WORKERS = 2
RUN_LIMIT_S = 4 * 3600.0  # for the notebook that runs the suite
PAGE_LIMIT_S = 600.0

_TABLE_FILE = re.compile(r"\w+-[0-9a-f]{8}\.csv")  # as `files_beside` names them

Say = Callable[[str], object]


def write_report(project: Project, run_id: str | None, say: Say, *, with_code: bool = True) -> Path:
    """Render the project's notebooks for a run, or without one run the suite; return the folder.

    `say` is told what happens, a line at a time; without `with_code` pages do not end with their
    code. Once all pages are written: raises NotebookFailed if a notebook failed, VerdictsUnproven
    if known answers were misjudged, and EndpointError if no request of the run was answered.
    """
    from liftlab.jobs.opening import open_run
    from liftlab.summary import summarize  # analysis, which a run need not wait for
    from liftlab.summary.provenance import unproven

    every = _notebooks(project)
    reports = project.path("reports")
    reports.mkdir(parents=True, exist_ok=True)
    done: list[Rendered] = []
    if run_id is None:
        done.append(_run_first(project, every, say, with_code=with_code))
        run_id = done[0].run_id
    run = open_run(run_id, project=project)  # its tables are made once, before many read them
    notebooks = _of_kind(run, every)
    topics = {path.stem: topic(path) for path in notebooks}
    notebooks = [path for path in notebooks if path.stem not in {page.name for page in done}]
    folder = reports / run.run.run_id
    say(f"writing {counted(len(notebooks), 'page')} to {folder}")
    tasks = [
        Job(
            notebook=path,
            html=folder / f"{path.stem}.html",
            parameters={"run_id": run.run.run_id},
            nav=siblings(topics, path.stem),
            with_code=with_code,
            project=project.root,
            timeout_s=PAGE_LIMIT_S,
        )
        for path in notebooks
    ]
    done.extend(_rendered(tasks, say))
    done.sort(key=lambda page: page.name)
    summary = summarize(run, project)
    _write_rest(folder, summary, done, topics)
    if run.run.run_id == (store.latest(project.path("runs")) or run.run.run_id):
        _point_latest(reports, folder.name)
    faults = [f"{page.name}: {page.fault} The page: {page.html}" for page in done if page.fault]
    if faults:
        raise NotebookFailed("\n".join(faults))
    if fault := unproven(run):
        raise VerdictsUnproven(f"{run.run.run_id}: {fault} The pages: {folder / 'index.html'}")
    if not summary.has_answers:
        raise EndpointError(
            f"{run.run.run_id}: no request was answered, so nothing can be judged. "
            f"The pages say how requests failed: {folder / 'index.html'}"
        )
    return folder


def _rendered(tasks: Sequence[Job], say: Say) -> list[Rendered]:
    """Render beside each other, under a bar on a terminal, with a line a page elsewhere."""
    if not sys.stderr.isatty():
        return render_all(tasks, WORKERS, lambda name: say(f"wrote {name}.html"))
    from tqdm import tqdm

    with tqdm(total=len(tasks), unit="page", file=sys.stderr) as bar:

        def wrote(name: str) -> None:
            bar.set_description(f"{name}.html")
            bar.update()

        return render_all(tasks, WORKERS, wrote)


def status_page(project: Project, run: RunData) -> bytes:
    """Return the status page of a run, alone and without code, to be attached to a mail.

    Raises NotebookFailed if its notebook failed or is not there.
    """
    from liftlab.reporting.links import alone

    path = project.path("notebooks") / f"{STATUS_NOTEBOOK}.ipynb"
    if not path.is_file():
        raise NotebookFailed(f"{path}: no such notebook; `liftlab init` lays it down")
    with tempfile.TemporaryDirectory(prefix="liftlab-status-") as scratch:
        job = Job(
            notebook=path,
            html=Path(scratch) / "status.html",
            parameters={"run_id": run.run.run_id},
            with_code=False,
            project=project.root,
            timeout_s=PAGE_LIMIT_S,
        )
        [page] = render_all([job], 1)
        if page.fault:
            raise NotebookFailed(f"{page.name}: {page.fault}")
        return alone(job.html.read_text("utf-8")).encode()


def topic(notebook: Path) -> str:
    """Return what a notebook's page is about; its name where it does not say, or is none."""
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    except (OSError, ValueError, KeyError, TypeError):
        sources = []  # executing it says what is wrong
    lines = (line for source in sources for line in source.splitlines())
    return next((line[2:].strip() for line in lines if line.startswith("# ")), "") or notebook.stem


def siblings(pages: Mapping[str, str], here: str) -> str:
    """Return links from a page to the index, and to the pages before and after it."""
    names = list(pages)
    place = names.index(here)
    near = [(name, f"← {pages[name]}", "prev") for name in names[max(place - 1, 0) : place]]
    near += [(name, f"{pages[name]} →", "next") for name in names[place + 1 : place + 2]]
    links = [tag("a", said, href=f"{quote(name)}.html", rel=rel) for name, said, rel in near]
    first = tag("a", "All pages of this run", href="index.html")
    return str(tag("p", first, *links, cls="siblings"))


def _notebooks(project: Project) -> list[Path]:
    folder = project.path("notebooks")
    found = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise InputInvalid(f"{folder}: no notebooks there: their names begin as in 00_status.ipynb")
    return found


def _of_kind(run: RunData, notebooks: Sequence[Path]) -> list[Path]:
    """Return the notebooks that apply to a run: some kinds have one of their own."""
    own = OWN_NOTEBOOKS.get(run.run.pipeline or "") or OWN_NOTEBOOKS.get(run.run.load or "")
    if own is None:
        return [path for path in notebooks if path.stem not in OWN_NOTEBOOKS.values()]
    kept = [path for path in notebooks if path.stem == own]
    if not kept:
        raise InputInvalid(f"there is no {own}.ipynb among the project's notebooks")
    return kept


def _run_first(
    project: Project, notebooks: Sequence[Path], say: Say, *, with_code: bool
) -> Rendered:
    """Execute the notebook that runs the suite; only then is the run's name known."""
    from liftlab.jobs.running import check

    reports = project.path("reports")
    path = next((path for path in notebooks if path.stem == RUN_NOTEBOOK), None)
    if path is None:
        raise InputInvalid(f"{project.path('notebooks')}: no {RUN_NOTEBOOK}.ipynb to run the suite")
    own = OWN_NOTEBOOKS.values()
    topics = {page.stem: topic(page) for page in notebooks if page.stem not in own}
    wanted = project.settings.run
    check(project)  # a name that does not exist, an endpoint that is down: no page for those
    before = {summary.run_id for summary in store.list_runs(project.path("runs"))}
    say(f"running suite {wanted.suite} on endpoint {wanted.endpoint}")
    with tempfile.TemporaryDirectory(prefix=".new-", dir=reports) as scratch:
        html = Path(scratch) / f"{RUN_NOTEBOOK}.html"
        job = Job(
            notebook=path,
            html=html,
            nav=siblings(topics, RUN_NOTEBOOK),
            with_code=with_code,
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
        for path in html.parent.iterdir():  # tables beside the page, too
            path.replace(folder / path.name)
    if not rendered.run_id:
        raise NotebookFailed(f"{RUN_NOTEBOOK}: {rendered.fault} The page: {kept}")
    return rendered


def _how_to_go_on(project: Project, before: Collection[str]) -> str:
    runs = (summary.run_id for summary in store.list_runs(project.path("runs")))
    if (name := next((name for name in runs if name not in before), None)) is None:
        return "interrupted before the run began; nothing was written"
    return (
        "interrupted; what is committed is kept. Finish the run with: "
        f"liftlab run --resume {name}, then write its pages with: liftlab report {name}"
    )


def _write_rest(
    folder: Path, summary: RunSummary, pages: Sequence[Rendered], topics: Mapping[str, str]
) -> None:
    """Write the index, what pages lead to, the messages, and what can be attached to a mail."""
    from liftlab.reporting import links
    from liftlab.reporting.markdown import daily, status

    written = {f"{page.name}.html": "" for page in pages}
    written = {name: (folder / name).read_text("utf-8") for name in written}
    tables = set().union(*map(links.saved_beside, written.values()))
    trials, marks = links.trials_page(summary.run, written.values(), summary.limits)
    glossary, quantities = links.glossary()
    more = {links.TRIALS: trials} if marks else {}
    html = {
        "index.html": links.index(summary, pages, topics, has_trials=bool(marks)),
        **written,
        **more,
    }
    html = {name: links.linked(text, quantities, marks) for name, text in html.items()}
    files = {**html, links.GLOSSARY: glossary, "status.md": status(summary)}
    files["daily.md"] = daily(summary)
    if page := written.get(f"{STATUS_NOTEBOOK}.html"):
        files[links.STATUS] = links.alone(page.replace(siblings(topics, STATUS_NOTEBOOK), ""))
    for path in folder.iterdir():  # of an earlier report
        if path.name not in tables and (
            _TABLE_FILE.fullmatch(path.name) or path.name == links.TRIALS
        ):
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted({*files, *tables}):  # one date for all: the same pages, the same bytes
            entry = zipfile.ZipInfo(f"{folder.name}/{name}")
            content = (folder / name).read_bytes().replace(str(links.ZIP_LINE).encode(), b"")
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    write_atomic(folder / links.ZIP, packed.getvalue())


def _point_latest(reports: Path, name: str) -> None:
    """Let `latest` point at a run's pages; it is never missing in between."""
    temporary = reports / f".latest-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name, target_is_directory=True)
    temporary.replace(reports / "latest")
