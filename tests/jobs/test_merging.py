"""Segments into one run: of one plan, each once, and what is missing is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main
from liftlab.errors import InputInvalid, RunFolderCorrupt, UsageError
from liftlab.jobs import loading, merging, running
from liftlab.records import LOAD, Attempt, Stage, Trial
from liftlab.reporting.text import provenance
from liftlab.runner import control
from liftlab.runner.request import RunRequest
from liftlab.runner.segment import Segment
from liftlab.settings import Project, load_project
from liftlab.store import Journal, RunFolder, create
from liftlab.summary import summarize

START = 1_700_000_000.0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "liftlab.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return load_project(
        tmp_path,
        environ={},
        overrides={"run.endpoint": "http://127.0.0.1:9", "run.protocol": "lift"},
    )


def load_plan(project: Project, **more: Any) -> RunRequest:
    endpoint = project.settings.chosen_endpoint(None)
    return loading.plan_load(project, endpoint, **{"requests": 9, "concurrency": 3} | more)


def segment(
    request: RunRequest,
    index: int,
    of: int = 3,
    *,
    rows: int = 99,
    late_s: float = 0.0,
    status: str = "complete",
    start_at: float = START,
) -> RunFolder:
    """Write a segment as if it had been sent: each request took a second for its number."""
    cut = loading.cut(request, Segment(index=index, of=of, start_at=start_at))
    manifest = cut.manifest()
    manifest["segment"]["start_offset_s"] = late_s
    row = replace(
        cut.row({"model": "m", "hardware": None}), status=status, loop_lag_p99_s=index / 1000
    )
    folder = create(request.project.path("runs"), row, manifest, b"", ".toml")
    digest = folder.artifacts.put_text(request.prompt or "")
    with Journal.open(folder) as journal:
        for number in list(cut.numbers)[:rows]:
            key: dict[str, Any] = {"run_id": row.run_id, "case_id": LOAD, "repeat": number + 1}
            sent_s = late_s + number
            attempt = Attempt(
                **key,
                seq=journal.next_seq(),
                stage="request",
                attempt=1,
                sent_s=sent_s,
                scheduled_s=float(number),
                last_byte_s=sent_s + (number + 1) ** 2,
                prompt_sha256=digest,
            )
            stage = Stage(**key, stage="request", position=0, ok=True, latency_s=float(number))
            trial = Trial(**key, e2e_s=float(number), completed=True)
            journal.requests_ended([attempt], [stage], [trial]).result()
    return folder


def merged(project: Project, *folders: RunFolder) -> Any:
    return merging.merge_runs(project, [folder.run_id for folder in folders])


def test_segments_in_any_order_make_the_run_that_one_process_would(project: Project) -> None:
    plan = load_plan(project, requests=120)
    folders = [segment(plan, index) for index in (3, 1, 2)]
    run = merged(project, *folders)
    assert sorted(run.trials["repeat"]) == list(range(1, 121))
    assert run.attempts["seq"].tolist() == list(range(1, 121))
    assert (run.run.status, run.run.concurrency, run.run.repeats) == ("complete", 3, 120)
    assert run.run.loop_lag_p99_s == 0.003
    assert set(run.attempts["run_id"]) == {run.run.run_id}
    digests = set(run.attempts["prompt_sha256"])
    assert {run.folder.artifacts.get_text(digest) for digest in digests} == {plan.prompt}
    load = summarize(run, project).load
    assert load is not None
    [e2e] = [spread for spread in load.spreads if spread.name == "e2e"]
    # Of all rows: the mean of the three segments' own medians is 3663.2.
    assert {q: e.value for q, e in e2e.quantiles}[0.5] == (60**2 + 61**2) / 2
    assert main(["doctor", run.run.run_id]) == 0


def test_merging_again_gives_the_same_run(project: Project) -> None:
    folders = [segment(load_plan(project), index) for index in (1, 2, 3)]
    first = merged(project, *folders)
    stamp = first.folder.journal_path.stat().st_mtime_ns
    again = merged(project, *reversed(folders))
    assert again.run == first.run
    assert again.folder.journal_path.stat().st_mtime_ns == stamp


def test_gaps_are_said_and_filled_later(project: Project) -> None:
    plan = load_plan(project, rate_rps=1.0, concurrency=None)
    one, two = segment(plan, 1), segment(plan, 2, rows=1, status="interrupted", late_s=0.25)
    run = merged(project, one, two)
    summary = summarize(run, project)
    assert run.run.status == "interrupted"
    assert summary.load is not None
    assert summary.load.missing == 5
    assert summary.load.seconds == pytest.approx(55)  # from the plan's start by each own clock
    told = provenance.segments(summary.provenance.segments)
    assert told == (
        "Merged from 2 of 3 segments, each timed by its own clock; the last one began 250 ms late; "
        f"event loop lag P99 at most 2 ms. Segment 2 ({two.run_id}): interrupted, 1 of "
        "3 requests. 1 segment missing."
    )
    whole = merged(project, one, two, segment(plan, 3))
    assert whole.run.run_id == run.run.run_id
    assert len(whole.trials) == 7
    with pytest.raises(InputInvalid, match="merged before from more than that"):
        merged(project, one, two)


def test_a_folder_from_elsewhere_is_taken_by_its_path(project: Project, tmp_path: Path) -> None:
    folders = [segment(load_plan(project), index) for index in (1, 2, 3)]
    away = tmp_path / "from elsewhere"
    away.mkdir()
    shutil.move(folders[1].path, away)
    named = [folders[0].run_id, str(away / folders[1].run_id), folders[2].run_id]
    assert len(merging.merge_runs(project, named).trials) == 9


def other_plan(project: Project) -> RunFolder:
    return segment(load_plan(project, seed=5), 2)


def other_moment(project: Project) -> RunFolder:
    return segment(load_plan(project), 2, start_at=START + 1)


def cut_otherwise(project: Project) -> RunFolder:
    return segment(load_plan(project), 2, of=2)


def no_segment(project: Project) -> RunFolder:
    plan = load_plan(project)
    row = plan.row({"model": None, "hardware": None})
    return create(project.path("runs"), row, plan.manifest(), b"", ".toml")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (other_plan, "ask for different things"),
        (other_moment, "began at different times"),
        (cut_otherwise, "different numbers of segments"),
        (no_segment, "no segment of a plan"),
    ],
)
def test_what_is_not_of_one_plan_is_refused(
    other: Callable[[Project], RunFolder], words: str, project: Project
) -> None:
    one, two = segment(load_plan(project), 1), other(project)
    before = sorted(project.path("runs").iterdir())
    with pytest.raises(InputInvalid, match=words):
        merged(project, one, two)
    assert sorted(project.path("runs").iterdir()) == before


def test_a_segment_counts_once(project: Project, tmp_path: Path) -> None:
    one = segment(load_plan(project), 1)
    copy = tmp_path / "copy" / one.run_id
    shutil.copytree(one.path, copy)
    with pytest.raises(InputInvalid, match="are both segment 1/3"):
        merging.merge_runs(project, [one.run_id, str(copy)])
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["segment"]["index"] = 2  # the rows tell
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputInvalid, match="holds requests that another segment holds"):
        merging.merge_runs(project, [one.run_id, str(copy)])
    assert [path.name for path in project.path("runs").iterdir()] == [one.run_id]


@pytest.mark.parametrize(
    "change",
    [
        {"segment": "1/3"},
        {"segment": {"index": 1}},
        {"segment": {"index": 4, "of": 3, "start_at": START, "plan_sha256": "x"}},
        {"segment": {"index": 1, "of": 10**9, "start_at": START, "plan_sha256": "x"}},
        {"request": None},
        {"request": {"repeats": "many", "cases": []}},
    ],
)
def test_a_manifest_that_makes_no_sense_is_one_line(
    change: dict[str, Any], project: Project
) -> None:
    one = segment(load_plan(project), 1)
    path = one.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunFolderCorrupt, match=r"manifest\.json: not what a segment has"):
        merged(project, one)


def test_a_segment_that_is_being_written_is_waited_for(project: Project) -> None:
    one = segment(load_plan(project), 1)
    with Journal.open(one), pytest.raises(UsageError, match="is writing to it"):
        merged(project, one)


def test_segments_of_a_suite_are_graded_as_one_run(project_folder: Path, lift_server: Any) -> None:
    project = load_project(
        project_folder,
        environ={"LIFTLAB_BASE_URL": lift_server.url},
        overrides={"run.repeats": 2, "run.concurrency": 2},
    )
    plan = running.plan_run(project)
    folders = [
        control.start(loading.cut(plan, Segment(index=i, of=2, start_at=START)), lambda _: None)
        for i in (1, 2)
    ]
    half = running.resume_run(project, folders[0].run_id)  # its plan is but its own share
    assert (half.run.status, len(half.trials)) == ("complete", 3)
    run = merged(project, *folders)
    assert run.run.status == "complete"
    keys = ["case_id", "repeat"]
    assert sorted(run.trials[keys].itertuples(index=False, name=None)) == sorted(
        trial.key for trial in plan.trials()
    )
    outcomes = run.trials.set_index("case_id")["outcome"]
    assert (outcomes["double"] == "pass").all()
    assert (outcomes["shout"] == "fail").all()
    assert len(lift_server.log) == len(set(lift_server.log)) == 12


@pytest.mark.parametrize("verb", ["load", "capacity", "run"])
def test_a_run_that_was_merged_names_what_is_resumed_in_its_place(
    project: Project, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [segment(load_plan(project), index) for index in (1, 2, 3)]
    run = merged(project, *folders)
    assert main([verb, "--resume", run.run.run_id]) == 6
    again = " ".join(folder.run_id for folder in folders)
    said = capsys.readouterr().err
    assert "was merged from segments: resume those that are not whole, and merge again" in said
    assert f": liftlab merge {again}" in said
