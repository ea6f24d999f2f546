"""The report around its notebooks; `test_render.py` executes real ones."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from html import escape, unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from liftlab.errors import (
    EndpointError,
    EndpointUnreachable,
    InputInvalid,
    NotebookFailed,
    RunInterrupted,
    UnknownRun,
)
from liftlab.records import Run
from liftlab.reporting import report
from liftlab.reporting.render import Job, Rendered
from liftlab.settings import Project, load_project
from liftlab.store import create
from liftlab.summary import RunSummary
from tests.hostile import STRINGS
from tests.reporting.test_export import dangers

ROOT = Path(__file__).parents[2]


class Renderer:
    """Stands in for the processes: writes a page, and fails where it is told to."""

    def __init__(self, fails: Sequence[str] = (), run_id: str = "week1") -> None:
        self.fails, self.run_id, self.jobs = fails, run_id, []
        self.table = ""  # the name of one beside each page

    def __call__(self, job: Job) -> Rendered:
        self.jobs.append(job)
        job.html.parent.mkdir(parents=True, exist_ok=True)
        saved = f'<a href="{self.table}" download="t.csv">CSV, 2 rows</a>' if self.table else ""
        job.html.write_text(f"<p>page</p>{saved}{job.nav}")
        if self.table:
            job.html.with_name(self.table).write_bytes(b"a\r\n1\r\n")
        name = job.notebook.stem
        fault = "code cell 2 (1/0) failed." if name in self.fails else ""
        return Rendered(
            name=name,
            html=str(job.html),
            title_html=f"Finding &lt;of&gt; {escape(name)}",
            fault=fault,
            run_id=self.run_id,
        )

    def all(
        self, jobs: Sequence[Job], workers: int, say: Callable[[str], object] = lambda name: None
    ) -> list[Rendered]:
        pages = [self(job) for job in jobs]
        for page in pages:
            say(page.name)
        return pages


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "liftlab.toml").write_text("[run]\nrepeats = 3\n")
    (tmp_path / "notebooks").mkdir()
    for name in ("00_status", "10_run_suite", "20_variance_outliers"):
        cells = [{"cell_type": "markdown", "source": [f"# About {name[3:]}\n", "Why?"]}]
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "data" / "reference").mkdir(parents=True)
    shutil.copy(ROOT / "data" / "reference" / "week1.toml", tmp_path / "data" / "reference")
    (tmp_path / "data" / "suites").mkdir()
    shutil.copy(ROOT / "data" / "suites" / "mvp.toml", tmp_path / "data" / "suites")
    return load_project(tmp_path, environ={})


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> Renderer:
    stand_in = Renderer()
    monkeypatch.setattr(report, "render_all", stand_in.all)
    return stand_in


def test_a_known_run_is_rendered_without_running(project: Project, renderer: Renderer) -> None:
    folder = report.write_report(project, "week1", lambda _: None)
    assert folder == project.root / "reports" / "week1"
    assert {job.parameters["run_id"] for job in renderer.jobs} == {"week1"}
    assert sorted(path.name for path in folder.iterdir()) == [
        "00_status.html",
        "10_run_suite.html",
        "20_variance_outliers.html",
        "daily.md",
        "definitions.html",
        "index.html",
        "report.zip",
        "status.html",
        "status.md",
    ]


def newer_run(project: Project) -> str:
    run = Run(run_id="20260102_030405_abcd", suite="mvp", started_at="2026-01-02T03:04:05+00:00")
    asked = {"request": {"endpoint": {"price": None, "cost_model": "gpu_seconds"}}}
    suite = (project.path("suites") / "mvp.toml").read_bytes()
    create(project.path("runs"), run, asked, suite, ".toml")
    return run.run_id


def test_latest_points_at_the_pages_of_the_run_that_latest_names(
    project: Project, renderer: Renderer
) -> None:
    latest = project.root / "reports" / "latest"
    for _ in range(2):  # no run was measured here yet
        report.write_report(project, "week1", lambda _: None)
        assert latest.readlink() == Path("week1")
    latest.unlink()
    newest = newer_run(project)
    report.write_report(project, "week1", lambda _: None)
    assert not latest.exists()
    with pytest.raises(EndpointError):
        report.write_report(project, newest, lambda _: None)
    assert latest.readlink() == Path(newest)


def test_a_run_without_a_trial_says_so_at_once(project: Project, renderer: Renderer) -> None:
    newest = newer_run(project)
    with pytest.raises(EndpointError, match="no request was answered") as raised:
        report.write_report(project, newest, lambda _: None)
    assert raised.value.exit_code == 4
    html = (project.path("reports") / newest / "index.html").read_text()
    assert "<h1>No request has ended yet</h1>" in html
    assert "not finished: interrupted" in html


def test_the_index_says_what_the_run_comes_to(project: Project, renderer: Renderer) -> None:
    folder = report.write_report(project, "week1", lambda _: None)
    html = (folder / "index.html").read_text()
    link = '<dt><a href="00_status.html">About status</a></dt>'
    assert f"{link}<dd>Finding &lt;of&gt; 00_status</dd>" in html
    assert html.index('class="tile"') < html.index(link)
    assert "published figures, recomputed</span>" in html
    assert "<code>data/runs/week1</code>" in html
    assert "<script" not in html


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(
    is_terminal: bool,
    project: Project,
    renderer: Renderer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    said: list[str] = []
    report.write_report(project, "week1", said.append)
    bar = capsys.readouterr().err
    assert ("20_variance_outliers.html: 100%" in bar) is is_terminal
    assert ("wrote 20_variance_outliers.html" in said) is not is_terminal


def test_a_page_links_to_its_neighbours(project: Project, renderer: Renderer) -> None:
    folder = report.write_report(project, "week1", lambda _: None)
    html = (folder / "10_run_suite.html").read_text()
    assert '<a href="00_status.html" rel="prev">← About status</a>' in html
    assert '<a href="20_variance_outliers.html" rel="next">About variance_outliers →</a>' in html


def test_what_is_attached_stands_alone(project: Project, renderer: Renderer) -> None:
    folder = report.write_report(project, "week1", lambda _: None)
    assert (folder / "status.html").read_text() == "<p>page</p>"
    with zipfile.ZipFile(folder / "report.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        packed = archive.read("week1/index.html").decode()
    assert names == {path.name for path in folder.iterdir()} - {"report.zip"}
    assert set(re.findall(r'href="([^"#]+)"', packed)) == names - {"index.html"}


def test_tables_beside_pages_go_with_them_and_end_with_them(
    project: Project, renderer: Renderer
) -> None:
    renderer.table = "t-0123abcd.csv"
    folder = report.write_report(project, None, lambda _: None)
    with zipfile.ZipFile(folder / "report.zip") as archive:
        assert archive.read("week1/t-0123abcd.csv") == b"a\r\n1\r\n"
    status = (folder / "status.html").read_text()
    assert "<a " not in status
    assert "CSV, 2 rows: t-0123abcd.csv, beside the full report" in status
    mine = folder / "notes.csv"
    mine.touch()
    renderer.table = "t-4567cdef.csv"
    report.write_report(project, "week1", lambda _: None)
    assert sorted(path.name for path in folder.glob("*.csv")) == ["notes.csv", renderer.table]


def test_the_run_s_page_brings_its_tables(project: Project, renderer: Renderer) -> None:
    for path in project.path("notebooks").glob("[02]*.ipynb"):
        path.unlink()
    renderer.table = "t-0123abcd.csv"
    folder = report.write_report(project, None, lambda _: None)
    assert (folder / renderer.table).is_file()


def test_a_notebook_may_be_called_anything(project: Project, renderer: Renderer) -> None:
    cells = json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Mine"]}]})
    for place, text in enumerate(STRINGS):
        name = re.sub("[/\0\ud800]", "_", text)[:100].rstrip()
        (project.path("notebooks") / f"{place + 30}_{name}.ipynb").write_text(cells)
    folder = report.write_report(project, "week1", lambda _: None)
    for path in folder.glob("*.html"):
        html = path.read_bytes().decode()
        links = [unquote(unescape(link)) for link in re.findall(r'href="([^"#]+)["#]', html)]
        links = [link for link in links if not link.startswith("data:")]
        assert [link for link in links if not (folder / link).is_file()] == []
        own = {*("href=" + unescape(link) for link in re.findall(r'href="([^"]+)"', html))}
        assert set(dangers(html)) <= own
    assert len(list(folder.glob("[3-7]*.html"))) == len(STRINGS)


def test_code_is_left_out_for_readers_outside(project: Project, renderer: Renderer) -> None:
    report.write_report(project, "week1", lambda _: None, with_code=False)
    assert not any(job.with_code for job in renderer.jobs)


def test_the_suite_runs_first_with_what_was_asked(project: Project, renderer: Renderer) -> None:
    folder = report.write_report(project, None, lambda _: None)
    first, *others = renderer.jobs
    assert first.notebook.stem == "10_run_suite"
    assert first.parameters["run_id"] == ""
    assert first.parameters["repeats"] == 3
    assert {job.notebook.stem for job in others} == {"00_status", "20_variance_outliers"}
    assert (folder / "10_run_suite.html").exists()
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".new")]


def test_a_notebook_that_fails_stops_no_other(project: Project, renderer: Renderer) -> None:
    renderer.fails = ["00_status", "10_run_suite"]
    with pytest.raises(NotebookFailed, match=r"00_status: code cell 2 \(1/0\) failed") as raised:
        report.write_report(project, None, lambda _: None)
    assert "10_run_suite: code cell 2" in str(raised.value)
    folder = project.root / "reports" / "week1"
    assert (folder / "20_variance_outliers.html").exists()
    assert "code cell 2 (1/0) failed" in (folder / "index.html").read_text()


def test_no_run_leaves_the_page_that_says_why(project: Project, renderer: Renderer) -> None:
    renderer.fails, renderer.run_id = ["10_run_suite"], ""
    with pytest.raises(NotebookFailed, match="code cell 2"):
        report.write_report(project, None, lambda _: None)
    assert (project.root / "reports" / "failed" / "10_run_suite.html").exists()
    assert len(renderer.jobs) == 1


def test_an_unknown_run_is_told_before_anything_is_rendered(
    project: Project, renderer: Renderer
) -> None:
    with pytest.raises(UnknownRun, match="did you mean 'week1'"):
        report.write_report(project, "week2", lambda _: None)
    assert renderer.jobs == []


def test_a_folder_without_notebooks_is_told(project: Project) -> None:
    shutil.rmtree(project.path("notebooks"))
    with pytest.raises(InputInvalid, match="no notebooks there"):
        report.write_report(project, "week1", lambda _: None)


def test_what_cannot_run_is_refused_before_any_page(project: Project, renderer: Renderer) -> None:
    nowhere = load_project(
        project.root,
        environ={},
        overrides={"run.endpoint": "http://127.0.0.1:9", "run.protocol": "lift"},
    )
    with pytest.raises(EndpointUnreachable, match=r"127\.0\.0\.1:9/health"):
        report.write_report(nowhere, None, lambda _: None)
    assert renderer.jobs == []


def test_ctrl_c_in_the_run_says_how_to_go_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(jobs: Sequence[Job], workers: int) -> list[Rendered]:
        newer_run(project)
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "render_all", interrupted)
    with pytest.raises(RunInterrupted, match="--resume 20260102_030405_abcd, then"):
        report.write_report(project, None, lambda _: None)


def test_a_run_without_any_answer_has_its_pages_and_exit_4(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = Renderer()
    monkeypatch.setattr(report, "render_all", renderer.all)
    monkeypatch.setattr(RunSummary, "has_answers", False)
    with pytest.raises(EndpointError, match="week1: no request was answered") as raised:
        report.write_report(project, "week1", print)
    assert raised.value.exit_code == 4
    assert (project.path("reports") / "week1" / "index.html").is_file()
