"""`liftlab show` says what every page says, by the project's own targets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.cli import show
from liftlab.cli.main import main
from liftlab.jobs import opening, reproducing
from liftlab.reporting.text import findings, reproduction
from liftlab.settings import load_project
from liftlab.summary import summarize
from tests.cli.typed import edges, is_taken, typed

TARGET = '\n[targets.fast]\nmetric = "e2e_median_s"\nlimit = {}\n'


@pytest.fixture
def made(
    tmp_path: Path, write_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    (tmp_path / "liftlab.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path, write_run(load_project(tmp_path).path("runs"), 1)


@pytest.mark.parametrize(("limit", "said"), [(1, "1 s is not met"), (60, "60 s is met")])
def test_it_is_judged_by_the_projects_targets(
    limit: int, said: str, made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run_id = made
    (folder / "liftlab.toml").write_text(TARGET.format(limit))
    assert main(["show", run_id]) == 0
    assert f"the target of {said}" in capsys.readouterr().out


def test_it_says_what_the_pages_say(
    made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run_id = made
    project = load_project(folder)
    summary = summarize(opening.open_run(run_id, project=project), project)
    assert main(["show", run_id, "--json"]) == 0
    said = [f"{findings.title(summary)}.", *findings.sentences(summary)]
    assert json.loads(capsys.readouterr().out)["summary"] == said
    assert main(["show", run_id]) == 0
    out = capsys.readouterr().out
    assert all(sentence in out for sentence in said)


def test_a_sped_up_run_has_its_times_at_real_length(
    made: tuple[Path, str], write_run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run_id = made
    fast = write_run(load_project(folder).path("runs"), 2, 0.01, time_scale=100.0)
    told = []
    for name in (run_id, fast):
        assert main(["show", name, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out)["summary"])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("asked", "most", "calls"),
    [
        ([], 0, []),
        (["--again", "4"], 4, [("again", 4)]),
        (["--minimize"], 60, [("minimize", 60)]),
        (["--again", "4", "--minimize"], 64, [("again", 4), ("minimize", 60)]),
        (["--minimize", "--max-requests", "2"], 2, [("minimize", 2)]),
        (["--max-requests", "2"], 0, []),
    ],
)
def test_what_asking_again_may_cost_comes_first(
    made: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[str],
    most: int,
    calls: list[tuple[str, int]],
) -> None:
    made_calls: list[tuple[str, int]] = []

    class Asking(nullcontext["Asking"]):
        def __init__(self, failure: object) -> None:
            super().__init__(self)

        def again(self, times: int) -> None:
            made_calls.append(("again", times))

        def minimize(self, times: int) -> None:
            made_calls.append(("minimize", times))

    failure = SimpleNamespace(usd=0.5, endpoint=SimpleNamespace(name="mine"))
    monkeypatch.setattr(reproducing, "failure_of", lambda *_: failure)
    monkeypatch.setattr(reproducing, "Asking", Asking)
    monkeypatch.setattr(reproduction, "markdown", lambda *_: "the request")
    assert main(["reproduce", made[1], "a", *asked]) == 0
    told = capsys.readouterr()
    assert told.out == "the request"
    assert made_calls == calls
    assert (f"at most {most} requests to mine, about {most / 2:.4f} USD" in told.err) is bool(most)
    failure.usd = None
    assert main(["reproduce", made[1], "a", *asked]) == 0
    assert ("cost unknown" in capsys.readouterr().err) is bool(most)


@pytest.mark.parametrize(
    ("kept", "told"),
    [({"sessions": 1}, "of sessions"), ({"capacity": 1}, "of capacity")],
)
def test_runs_of_other_kinds_have_lines_of_their_own(
    kept: dict[str, int],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(show, "heading", lambda _: "head")
    monkeypatch.setattr("liftlab.reporting.text.sessions.lines", lambda _: ["of sessions"])
    monkeypatch.setattr("liftlab.reporting.text.capacity.lines", lambda _: ["of capacity"])
    none = {"run": None, "provenance": None, "sessions": None, "capacity": None}
    summary: Any = SimpleNamespace(**none | kept)
    show.print_run(summary, as_json=False)
    assert capsys.readouterr().out == f"head\n{told}\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("show", {"run": "latest", "as_json": False}),
        ("trial x a", {"case": "a", "repeat": 1, "as_json": False}),
        ("reproduce x a", {"repeat": None, "again": None, "minimize": False, "max_requests": 60}),
        ("reproduce x a 2 --minimize", {"repeat": 2, "minimize": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("reproduce x a --again", 1, 1000),
        *edges("reproduce x a --max-requests", 2, 10_000),
        ("trial x a 0", False),
        ("reproduce x a 0", False),
        ("reproduce x a 1", True),
        ("trial x", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken


def test_failures_are_counted_the_most_frequent_first() -> None:
    ways = [("measure", None, 200)] * 9
    ways += [("measure", "http_5xx", 503)] * 2 + [("measure", "deadline", None)] * 3
    ways += [("measure", "invalid_json", 200), ("measure", "http_5xx", 500)]
    ways += [("measure", "protocol", 300), ("measure", "stale_connection", None)]
    ways += [("warmup", "http_4xx", 404)] * 5
    attempts = pd.DataFrame(ways, columns=["phase", "error_class", "http_status"])
    attempts["http_status"] = attempts["http_status"].astype("Int64")
    run: Any = SimpleNamespace(attempts=attempts)
    told = show.failures(run).split(", ")
    assert [way.partition(" ")[0] for way in told] == ["3", "2", "1", "1", "1"]
    assert told[1].endswith("(HTTP 503)")
    assert {way.rpartition("(")[2] for way in told[2:] if "(" in way} == {"HTTP 500)", "HTTP 300)"}


def test_of_many_trials_the_slowest_are_shown(
    made: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "SLOWEST", 2)
    for most, shown in ((6, range(6)), (5, (4, 5))):
        monkeypatch.setattr(show, "MOST_LINES", most)
        assert main(["show", made[1]]) == 0
        out = capsys.readouterr().out
        assert [f"case_{n} " in out for n in range(6)] == [n in shown for n in range(6)]
        assert ("the slowest 2 of 6 trials" in out) is (most == 5)
        assert "15.00" in out  # end to end of the slowest
        assert "4.50" in out  # and of its stage


def test_json_lists_trials_up_to_a_bound(
    made: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for most, count in ((6, 6), (5, None)):
        monkeypatch.setattr(show, "MOST_LISTED", most)
        assert main(["show", made[1], "--json"]) == 0
        trials = json.loads(capsys.readouterr().out)["trials"]
        assert (None if trials is None else len(trials)) == count


def test_a_text_is_cut_at_its_bound() -> None:
    for size in (8_000, 8_001):
        [name, *lines] = show._block("Reply", "x" * size)
        assert (name, lines[0]) == ("\nReply", f"  {'x' * 8_000}")
        assert len(lines) == (1 if size == 8_000 else 2)
        assert ("1 more" in lines[-1]) is (size == 8_001)
