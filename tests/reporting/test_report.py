"""The report around its notebooks; `test_render.py` executes real ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

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

ROOT = Path(__file__).parents[2]


class Renderer:
    """Stands in for the processes: writes a page, and fails where it is told to."""

    def __init__(self, fails: Sequence[str] = (), run_id: str = "week1") -> None:
        self.fails, self.run_id, self.jobs = fails, run_id, []

    def __call__(self, job: Job) -> Rendered:
        self.jobs.append(job)
        job.html.parent.mkdir(parents=True, exist_ok=True)
        job.html.write_text("page")
        name = job.notebook.stem
        fault = "code cell 2 (1/0) failed." if name in self.fails else ""
        return Rendered(
            name=name,
            html=str(job.html),
            title_html=f"Finding &lt;of&gt; {name}",
            lead_html="One.",
            fault=fault,
            run_id=self.run_id,
        )

    def all(
        self, jobs: Sequence[Job], workers: int, say: Callable[[str], object] = lambda name: None
    ) -> list[Rendered]:
        return [self(job) for job in jobs]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "liftlab.toml").write_text("[run]\nrepeats = 3\n")
    (tmp_path / "notebooks").mkdir()
    for name in ("00_status", "10_run_suite", "20_variance_outliers"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text("{}")
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
        "index.html",
        "status.md",
    ]


def test_latest_points_at_the_newest_pages(project: Project, renderer: Renderer) -> None:
    for _ in range(2):
        report.write_report(project, "week1", lambda _: None)
    latest = project.root / "reports" / "latest"
    assert latest.readlink() == Path("week1")
    assert (latest / "index.html").exists()


def test_the_index_lists_the_findings(project: Project, renderer: Renderer) -> None:
    folder = report.write_report(project, "week1", lambda _: None)
    html = (folder / "index.html").read_text()
    assert '<a href="00_status.html">Finding &lt;of&gt; 00_status</a>' in html
    assert "<script" not in html


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
        run = Run(
            run_id="20260102_030405_abcd", suite="mvp", started_at="2026-01-02T03:04:05+00:00"
        )
        create(project.path("runs"), run, {}, b"", ".toml")
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
