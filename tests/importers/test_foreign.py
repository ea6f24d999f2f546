"""What comes in from other tools is a run: its tables, its verdicts, its page in the terminal."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main
from liftlab.importers.foreign import (
    ForeignFile,
    ForeignRow,
    numbers,
    run_id,
    stamp,
    text_at,
    write_foreign,
)
from liftlab.jobs import opening
from liftlab.settings import load_project
from liftlab.store import RunData, read_journal
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


def test_numbers_are_what_can_be() -> None:
    columns = {"latency_s": ("t", 1e-3), "prompt_tokens": ("n", 1), "output_tokens": ("o.n", 1)}
    for value, seconds in ((500, 0.5), (0, 0.0), (-1, None), (True, None), ("5", None)):
        assert numbers({"t": value}, columns).get("latency_s") == seconds
    for value, count in ((3, 3), (0, 0), (-1, None), (2.5, None), (None, None)):
        assert numbers({"n": value, "o": {"n": value}}, columns) == (
            {} if count is None else {"prompt_tokens": count, "output_tokens": count}
        )
    assert numbers([], columns) == {}


def test_the_first_text_that_is_not_blank_counts() -> None:
    data = {"a": " ", "b": 3, "c": {"d": "x"}, "e": "y"}
    assert text_at(data, "a", "b", "c.d", "e") == "x"
    assert text_at(data, "a", "none") is None


def rows_of(*rows: ForeignRow, tmp_path: Path, **more: Any) -> dict[str, Any]:
    file = ForeignFile(family="tool", rows=rows, **more)
    folder = write_foreign(tmp_path / "runs", "file", repr(rows).encode(), file, None)
    return {"folder": folder} | read_journal(folder)


def test_a_request_s_moments_count_from_the_first(tmp_path: Path) -> None:
    found = rows_of(
        ForeignRow(started_s=105.0, latency_s=2.0, ttft_s=0.5, itl_s=0.25, output_tokens=4),
        ForeignRow(started_s=100.0, latency_s=1.0, prompt_tokens=7),
        ForeignRow(started_s=101.0, ttft_s=0.5),
        ForeignRow(latency_s=3.0, ttft_s=0.5, error="HTTP status 503"),
        tmp_path=tmp_path,
        model="m",
        concurrency=3,
    )
    sent = found["attempt"].astype(object).where(found["attempt"].notna(), None)
    names = ["sent_s", "called_s", "first_token_s", "last_token_s", "last_byte_s", "ended_s"]
    assert sent[names].values.tolist() == [
        [5.0, 5.0, 5.5, 7.0, 7.0, 7.0],
        [0.0, 0.0, None, None, 1.0, 1.0],
        [None] * 6,
        [0.0, 0.0, None, None, None, 3.0],
    ]
    assert sent["itl_s"].tolist() == [0.25, None, None, None]
    assert sent["output_tokens"].tolist() == [4, None, None, None]
    assert sent["prompt_tokens"].tolist() == [None, 7, None, None]
    assert sent["transport_ok"].tolist() == sent["valid"].tolist() == [True, True, True, False]
    assert sent["error_class"].tolist() == [None, None, None, "http_5xx"]
    assert sent["seq"].tolist() == [1, 2, 3, 4]
    trials = found["trial"]
    assert trials["repeat"].tolist() == [1, 2, 3, 4]
    assert trials["completed"].tolist() == [True, True, True, False]
    assert trials["e2e_s"].fillna(-1).tolist() == [2.0, 1.0, -1.0, 3.0]
    run = found["run"].iloc[0]
    assert (run["suite"], run["pipeline"], run["load"]) == ("load", "load", "closed")
    assert (run["concurrency"], run["repeats"], run["model"]) == (3, 4, "m")
    assert run["provenance"] == "imported"


def test_an_answer_s_stages_are_its_own(tmp_path: Path) -> None:
    found = rows_of(
        ForeignRow(
            case_id="a",
            text="def f(): 1",
            function="f",
            output_tokens=9,
            prompt_tokens=5,
            stages={"ir": (0.5, 4), "code": (0.25, None)},
        ),
        ForeignRow(case_id="a", error="odd", stages={"ir": (0.5, None), "code": (None, None)}),
        ForeignRow(case_id="b", latency_s=1.0, category="c", text="x"),
        tmp_path=tmp_path,
    )
    stage = found["stage"].astype(object).where(found["stage"].notna(), None)
    names = ["case_id", "repeat", "stage", "position", "ok", "output_tokens", "error_class"]
    assert stage[names].values.tolist() == [
        ["a", 1, "ir", 0, True, 4, None],
        ["a", 1, "code", 1, True, 9, None],
        ["a", 2, "ir", 0, True, None, None],
        ["a", 2, "code", 1, False, None, "reported_error"],
        ["b", 1, "code", 0, True, None, None],
    ]
    kept = [None if d is None else json.loads(found["folder"].artifacts.get(d))
            for d in stage["value_sha256"]]  # fmt: skip
    assert kept == [
        None,
        {"code": "def f(): 1", "function": "f"},
        None,
        {"message": "odd"},
        {"code": "x", "function": None},
    ]
    trials = found["trial"]
    assert trials["e2e_s"].fillna(-1).tolist() == [0.75, -1.0, 1.0]
    assert trials["attempts"].tolist() == [2, 2, 1]
    assert trials["category"].tolist()[2] == "c"
    assert found["attempt"]["sent_s"].isna().tolist() == [True] * 4 + [False]
    run = found["run"].iloc[0]
    assert (run["suite"], run["repeats"]) == ("tool", 2)
    assert found["run"][["pipeline", "load", "concurrency"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("told", "numbered"),
    [
        ([None, None], [1, 2]),
        ([2, None, None], [2, 1, 3]),
        ([2, 2, None], [2, 1, 3]),
        ([1, 1, 1], [1, 2, 3]),
        ([5], [5]),
    ],
)
def test_repeats_are_the_file_s_own_unless_taken(
    told: list[int | None], numbered: list[int], tmp_path: Path
) -> None:
    rows = [ForeignRow(case_id="a", repeat=repeat, text="x") for repeat in told]
    found = rows_of(*rows, tmp_path=tmp_path)
    assert found["trial"]["repeat"].tolist() == numbered
    assert found["run"]["repeats"].tolist() == [max(numbered)]
