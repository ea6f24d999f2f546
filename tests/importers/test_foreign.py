"""What comes in from other tools is a run: its tables, its verdicts, its page in the terminal."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main
from liftlab.importers.foreign import run_id, stamp
from liftlab.jobs import opening
from liftlab.settings import load_project
from liftlab.store import RunData
from tests.importers.test_tools import AIPERF, SAMPLE, VLLM


@pytest.fixture
def inside(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    return project_folder


def imported(*lines: Any) -> RunData:
    Path("file.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    assert main(["import", "file.jsonl"]) == 0
    (folder,) = (path for path in Path("data/runs").iterdir() if path.is_dir())
    return opening.open_run(folder.name, project=load_project())


def test_a_loads_requests_keep_their_times(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = imported(VLLM)
    rows = run.attempts
    assert rows["sent_s"].tolist()[:2] == [0.0, 0.5]
    assert (rows["last_byte_s"] - rows["sent_s"]).tolist()[:2] == [1.0, 0.75]
    assert (rows["first_token_s"] - rows["sent_s"]).tolist()[:2] == [0.25, 0.5]
    assert rows["output_tokens"].tolist() == [3, 2, 0]
    assert rows["error_class"].tolist()[2] == "reset"
    assert run.trials["e2e_s"].tolist()[:2] == [1.0, 0.75]
    assert run.trials["cost_usd"].isna().all()
    assert (run.run.model, run.run.concurrency, run.run.provenance) == ("m", 2, "imported")
    capsys.readouterr()
    assert main(["show", run.run.run_id]) == 0
    assert "Closed loop, 2 at once: 3 requests, 2 answered well" in capsys.readouterr().out


def test_answers_are_graded_and_keep_their_stages(inside: Path) -> None:
    suite, said = inside / "data" / "suites" / "tiny.toml", 'category = "arithmetic"\n'
    suite.write_text(suite.read_text().replace(said, f'{said}difficulty = "easy"\n'))
    failed = {"case_id": "shout", "error": "HTTP status code 503", "latency_s": 2.0}
    run = imported(SAMPLE, SAMPLE, failed)
    verdicts = run.trials[["case_id", "repeat", "outcome", "e2e_s"]].values.tolist()
    assert sorted(verdicts) == [
        ["double", 1, "pass", 0.75],
        ["double", 2, "pass", 0.75],
        ["shout", 1, "error", 2.0],
    ]
    told = run.trials.groupby("case_id")[["category", "difficulty"]].first()
    assert told.loc["double"].tolist() == ["arithmetic", "easy"]
    stages = run.stages[run.stages["repeat"] == 2]
    assert stages[["stage", "latency_s", "output_tokens"]].values.tolist() == [
        ["nlp_to_ir", 0.5, 4],
        ["ir_to_code", 0.25, 20],
    ]
    assert run.stages["error_class"].dropna().tolist() == ["http_5xx"]


def test_a_large_file_comes_in_and_again_changes_nothing(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {**AIPERF, "metadata": {"request_start_ns": number * 1_000_000}} for number in range(3000)
    ]
    run = imported(*lines)
    assert len(run.trials) == 3000
    assert run.attempts["sent_s"].max() == pytest.approx(2.999)
    capsys.readouterr()
    assert main(["import", "file.jsonl"]) == 0
    assert "unchanged, it is in" in capsys.readouterr().out


def test_a_run_of_another_tool_is_exported_and_comes_back(inside: Path) -> None:
    run = imported(SAMPLE)
    for form in ("jsonl", "week2"):
        assert main(["export", run.run.run_id, "--format", form, "--out", f"out.{form}"]) == 0
    assert json.loads(Path("out.week2").read_text())["results"]


def test_a_summary_is_refused_in_one_line(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file.json").write_text(json.dumps({k: v for k, v in VLLM.items() if k != "ttfts"}))
    assert main(["import", "file.json"]) == 6
    assert capsys.readouterr().err.splitlines() == [
        "liftlab: file.json: a summary without a row a request: "
        "run vllm bench serve with --save-result --save-detailed"
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01T10:00:00+02:00", "2026-01-01T08:00:00+00:00"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00+00:00"),
        (" 2026-01-01T10:00:00 ", "2026-01-01T10:00:00"),  # its zone is not known
        ("yesterday", None),
        ("", None),
        (None, None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_a_foreign_moment_is_told_in_utc(text: str | None, moment: str | None) -> None:
    assert stamp(text) == moment


def test_a_file_s_run_is_named_for_when_it_began_and_for_its_content() -> None:
    name = run_id(b"a", "2026-01-01T10:00:00+02:00")
    moment, _, letters = name.rpartition("_")
    assert moment == "20260101_080000"
    assert letters.isalpha()
    assert letters.islower()
    assert len(letters) == 4
    assert run_id(b"a", "2026-01-01T10:00:00+02:00") == name
    others = {run_id(f"{n}".encode(), "2026-01-01T10:00:00Z") for n in range(50)}
    assert len(others) == 50
    assert len({other[-1] for other in others}) > 5  # each letter tells them apart
    assert len({other[-4] for other in others}) > 5


def test_a_file_that_does_not_say_when_is_named_for_its_content_alone() -> None:
    digest = sha256(b"a").hexdigest()
    assert run_id(b"a", None) == run_id(b"a", "soon") == f"imported_{digest[:12]}"
