"""What an analyst tries in the first ten minutes, with `import liftlab` and pandas alone."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import liftlab
from liftlab.errors import RunInterrupted, UnknownName, UnknownRun, UsageError
from liftlab.jobs import running

DATA = Path(__file__).parents[2] / "data"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the published days and the shipped suites."""
    root = tmp_path_factory.mktemp("project")
    (root / "liftlab.toml").write_text("")
    for part in ("suites", "reference"):
        shutil.copytree(DATA / part, root / "data" / part)
    return root


@pytest.fixture(scope="module")
def week2(folder: Path) -> liftlab.Run:
    return liftlab.open_run("week2_day1", str(folder))


def html_of(result: Any) -> str:
    return str(result._repr_mimebundle_()["text/html"])


@pytest.mark.parametrize("form", [str, Path, lambda root: root / "liftlab.toml"])
def test_a_project_is_found_by_whatever_names_it(folder: Path, form: Any) -> None:
    assert liftlab.load_project(form(folder)).root == folder


def test_outside_a_project_one_line_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no liftlab\.toml here or above: `liftlab init`"):
        liftlab.load_project(tmp_path)


def test_a_mistake_is_one_line_in_a_notebook(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        liftlab.load_project(tmp_path / "nowhere")
    [line] = raised.value._render_traceback_()
    assert line.startswith("UsageError: ")
    assert "nowhere" in line


def test_a_run_has_its_tables_and_its_finding(week2: liftlab.Run) -> None:
    assert week2.trials.groupby("category")["e2e_s"].median().loc["strings"] == 14.16
    assert repr(week2).startswith("1 of 5 answers is right")
    assert "answers is right" in html_of(week2)
    assert week2.summary is week2.summary


def test_a_trial_is_there_in_full(week2: liftlab.Run) -> None:
    trial = week2.trial("is_even")
    assert "number % 2 == 0" in str(trial.code)
    assert trial.checks["call"].tolist()[0] == "is_even(2)"
    assert trial.prompt == "Check if even"
    assert trial.stages["attempts"].tolist() == [1, 2]
    shown = html_of(trial)
    assert "is_even(2)" in shown
    assert "in 3 requests" in shown


def test_requests_that_nobody_counted_are_not_told_as_one(week2: liftlab.Run) -> None:
    trial = week2.trial("is_even")
    uncounted = replace(trial, attempts=trial.attempts.assign(attempt=None))
    assert "how many requests it sent is not known" in html_of(uncounted)


@pytest.mark.parametrize(("case", "repeat"), [("is_eve", 1), ("is_even", 2)])
def test_a_trial_that_is_not_there_names_those_that_are(
    week2: liftlab.Run, case: str, repeat: int
) -> None:
    with pytest.raises((UnknownName, UsageError), match=r"is_even"):
        week2.trial(case, repeat)


def test_a_case_stands_for_its_id(week2: liftlab.Run, folder: Path) -> None:
    case = liftlab.load_suite("week2_day1", folder)["is_even"]
    assert week2.trial(case).case_id == "is_even"


def test_runs_are_a_table_newest_first(week2: liftlab.Run, folder: Path) -> None:
    liftlab.open_run("week1", folder)
    rows = liftlab.runs(folder)
    assert rows["run_id"].tolist() == ["week2_day1", "week1"]
    assert rows.loc[0, "success_rate"] == 0.2
    assert len(liftlab.history(folder)) == 2


def test_a_run_is_opened_by_its_folder_too(week2: liftlab.Run, folder: Path) -> None:
    assert liftlab.open_run(folder / "data" / "runs" / "week2_day1", folder).id == week2.id
    with pytest.raises(UnknownRun, match="week2_day1"):
        liftlab.open_run("week2_day2", folder)


def test_a_column_is_taken_as_it_comes(week2: liftlab.Run) -> None:
    assert liftlab.quantile(week2.trials["e2e_s"]).value == 14.96
    assert liftlab.quantile(week2.trials["e2e_s"]).unit == ""
    assert liftlab.mean(pd.Series([4, None, 6], dtype="Int64")).value == 5.0
    assert liftlab.proportion(week2.trials["outcome"] == "pass").value == 0.2
    slow = liftlab.flag([4.12, 4.19, 4.16, 17.08, np.nan])
    assert slow.mask.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("take", [liftlab.quantile, liftlab.mean, liftlab.flag, liftlab.proportion])
def test_a_table_in_place_of_a_column_is_refused_with_a_column(
    take: Any, week2: liftlab.Run
) -> None:
    with pytest.raises(UsageError, match="takes one column, not a table"):
        take(week2.trials)


def test_repeats_of_a_prompt_are_not_independent() -> None:
    values = [1.0, 1.1, 1.2, 1.3] * 6
    prompts = np.repeat(list("abcdef"), 4)
    assert liftlab.quantile(values, cases=prompts).cases == 6
    with pytest.raises(UsageError, match="24 values, and 5 cases"):
        liftlab.quantile(values, cases=prompts[:5])


def test_a_case_is_made_by_hand_and_graded() -> None:
    case = liftlab.Case(
        "union",
        "Unite two sets.",
        entry_point="union",
        checks=[
            liftlab.Check(args=[{1}, {2}], expected={1, 2}),
            liftlab.Check(args=[set(), set()]),
        ],
    )
    assert [check.name for check in case.checks] == ["1", "2"]
    assert liftlab.grade("def union(a, b):\n    return a | b or None", case).outcome == "pass"
    assert liftlab.grade("def union(a, b):\n    return a", case).outcome == "fail"


WRONG: Any = 5


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: liftlab.load_project(WRONG),
        lambda: liftlab.run(suite=WRONG),
        lambda: liftlab.run(endpoint="simulator", repeats=0),
        lambda: liftlab.resume(WRONG),
        lambda: liftlab.simulate(WRONG),
        lambda: liftlab.load_suite(WRONG),
        lambda: liftlab.grade(WRONG, liftlab.Case("a", "b")),
        lambda: liftlab.Case("a", "b", checks=[WRONG]),
        lambda: liftlab.quantile([1.0, 2.0], 95),
        lambda: liftlab.quantile([1.0, 2.0], WRONG),
        lambda: liftlab.proportion(11, 10),
    ],
)
def test_a_natural_mistake_is_a_line(mistake: Any) -> None:
    with pytest.raises(UsageError):
        mistake()


def test_a_name_in_place_of_a_case_says_how_to_get_it() -> None:
    name: Any = "is_even"
    with pytest.raises(UsageError, match=r"load_suite\(\"mvp\"\)\['is_even'\]"):
        liftlab.grade("def f(): ...", name)


def test_a_suite_is_iterated_and_asked_by_id(folder: Path) -> None:
    suite = liftlab.load_suite("mvp", folder)
    assert len(suite) == len(list(suite))
    with pytest.raises(UnknownName, match="is_even"):
        suite["is_eve"]


def test_a_suite_made_by_hand_runs_against_a_simulated_endpoint(folder: Path) -> None:
    case = liftlab.Case("double", "Double a number.", checks=[liftlab.Check(args=[1], expected=2)])
    with liftlab.simulate("fast", time_scale=1000) as server:
        run = liftlab.run(liftlab.make_suite("mine", [case]), server, repeats=2, project=folder)
    assert run.trials["case_id"].tolist() == ["double", "double"]
    assert run.run.suite == "mine"
    assert run.trial("double", 2).exchanges[0].prompt is not None


def test_an_interrupted_run_is_returned_and_goes_on_in_one_line(
    week2: liftlab.Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(request: object) -> None:
        raise RunInterrupted("interrupted", week2.id)

    monkeypatch.setattr(running, "run_suite", interrupted)
    kept = liftlab.run("mvp", "local", project=folder)
    assert kept.id == "week2_day1"
    assert "5 trials kept" in capsys.readouterr().err


def test_text_of_a_model_never_becomes_markup(week2: liftlab.Run) -> None:
    trial = week2.trial("is_even")
    hostile = type(trial)(**{name: getattr(trial, name) for name in FIELDS} | {"code": HOSTILE})
    assert HOSTILE not in html_of(hostile)
    assert "&lt;script&gt;" in html_of(hostile)


FIELDS = (
    *("run", "case_id", "repeat", "trial", "stages", "attempts", "checks", "exchanges"),
    *("ir", "code", "facets", "case"),
)


def test_the_working_directory_does_not_matter_where_a_project_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not os.path.exists("liftlab.toml")
    assert liftlab.summarize("week2_day1", folder).answers.right == 1


RESULTS = (
    *("answers", "budget", "cost", "drift", "failures", "latency", "right_by"),
    *("slow", "spread", "targets", "trials"),
)


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_is_a_table_and_axes(name: str, week2: liftlab.Run) -> None:
    result = getattr(week2.summary, name)
    assert len(result.frame())
    _, ax = plt.subplots()
    assert result.plot(ax) is ax
    assert ax.has_data() or ax.texts
    plt.close("all")


def test_a_result_in_words_has_a_table_and_no_axes(week2: liftlab.Run) -> None:
    summary: Any = week2.summary
    assert "python" in summary.provenance.frame()["what"].tolist()
    assert "python" in summary.provenance.brief.frame()["what"].tolist()
    assert len(summary.examples.frame()) == 4
    assert set(summary.claims.frame().columns) >= {"claim", "ruling", "why"}
    with pytest.raises(UsageError, match="holds words"):
        summary.recommendations.plot()


def test_the_table_has_the_numbers_of_the_page(week2: liftlab.Run) -> None:
    summary: Any = week2.summary
    frame = summary.latency.frame().set_index("stage")
    assert frame.loc["e2e", "value"] == summary.latency.e2e.p50.value == 14.96


def test_pairs_and_rankings_are_tables_too(folder: Path) -> None:
    pair: Any = liftlab.compare("week1", "week2_day1", project=folder)
    ranked: Any = liftlab.compare("week1", "week2_day1", "week2_day1", project=folder)
    assert "verdict" in pair.frame()
    assert ranked.frame()["run_id"].tolist().count("week2_day1") == 2


def test_a_page_is_of_the_project_that_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("asked", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "liftlab.toml").write_text("")
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("LIFTLAB_PROJECT", str(tmp_path / "asked"))
    assert liftlab.load_project().root == tmp_path / "asked"
    assert liftlab.load_project(".").root == tmp_path / "elsewhere"


def test_a_value_that_no_suite_can_hold_is_one_line() -> None:
    with pytest.raises(UsageError, match="a check cannot hold this: object is not a plain value"):
        liftlab.Check(args=[object()])
