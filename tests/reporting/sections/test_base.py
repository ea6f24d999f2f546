"""Every result shows itself, on every kind of run, and shows foreign text as text."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.records import Grade, as_row
from liftlab.reporting import markdown
from liftlab.reporting.html import END_TYPE, FINDING_TYPE, MEDIA_TYPE
from liftlab.reporting.sections import attach, section_of
from liftlab.reporting.text.base import marked
from liftlab.settings import load_project
from liftlab.store import RunData, RunFolder
from liftlab.summary import RunSummary, summarize

ROOT = Path(__file__).parents[3]
PROJECT = load_project(ROOT, environ={})
RESULTS = [
    "targets", "answers", "failures", "examples", "right_by", "trials", "latency", "spread",
    "slow", "drift", "cost", "budget", "published", "claims", "recommendations", "provenance",
]  # fmt: skip
HOSTILE = "</td><script>alert(1)</script> $\\frac{a}{b}$ [x](http://evil) <img> @team *b* 名\u202e"


@cache
def summary_of(run: RunData) -> RunSummary:
    return summarize(run, PROJECT)


def renamed(run: RunData, name: str) -> RunData:
    """Return a run in which every text that came from outside is hostile."""
    tables = {
        table: getattr(run, table).assign(case_id=name + getattr(run, table)["case_id"])
        for table in ("trials", "stages", "attempts")
    }
    trials = tables["trials"]
    tables["trials"] = trials.assign(
        category=name,
        failure_class=trials["failure_class"].where(trials["outcome"] != "fail", name),
    )
    row = replace(run.run, model=name, endpoint=name, hardware=name, suite=name, platform=name)
    return replace(run, run=row, **tables)


@pytest.mark.parametrize("stage", ["nlp_to_ir", "ir_to_code"])
def test_the_budget_s_table_has_the_medians_of_every_page(week2: RunData, stage: str) -> None:
    summary = summary_of(week2)
    estimate = next(row.p50 for row in summary.latency.stages if row.what == stage)
    html = section_of(summary.budget)._repr_mimebundle_()["text/html"]
    assert f'data-q="median:{stage}" data-v="{estimate.point}"' in html


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_shows_itself_on_every_kind_of_run(name: str, any_run: RunData) -> None:
    bundle = section_of(getattr(summary_of(any_run), name))._repr_mimebundle_()
    assert bundle[FINDING_TYPE]["run_id"] == any_run.run.run_id
    assert bundle["text/html"].startswith("<style>") != bundle[FINDING_TYPE]["is_empty"]
    shows_nothing = not (bundle["text/plain"] or bundle[MEDIA_TYPE])
    assert shows_nothing == bundle[FINDING_TYPE]["is_empty"]
    assert (END_TYPE in bundle) == (name == "provenance")


def test_the_run_as_a_whole_shows_itself(any_run: RunData) -> None:
    section = section_of(summary_of(any_run))
    assert section.title
    assert not section.title.endswith(".")
    assert section.line.startswith(f"run {any_run.run.run_id}")


def test_results_show_themselves_once_attached(week2: RunData) -> None:
    attach()
    answers: Any = summary_of(week2).answers
    assert "1 of 5</span> answers is right" in answers._repr_mimebundle_()["text/html"]
    assert str(answers).startswith("1 of 5 answers is right")


def test_a_section_of_nothing_known_is_refused() -> None:
    with pytest.raises(TypeError):
        section_of("text")


@pytest.mark.parametrize("name", [*RESULTS, ""])
def test_foreign_text_stays_text(name: str, week2: RunData) -> None:
    summary = summarize(renamed(week2, HOSTILE), PROJECT)
    section = section_of(getattr(summary, name) if name else summary)
    html = section._repr_mimebundle_()["text/html"]
    assert "<script" not in html.lower()
    assert "<img" not in html
    assert "\u202e" not in html


@pytest.mark.parametrize("written", [markdown.status, markdown.daily, markdown.performance])
def test_foreign_text_is_no_markup_in_what_goes_out(written: Any, week2: RunData) -> None:
    text = written(summarize(renamed(week2, HOSTILE), PROJECT))
    assert "<script" not in text.replace("\\<", "")
    assert "[x](" not in text
    assert "\\$" in text
    short = written(summarize(renamed(week2, "[x](http://evil) <img> @team *b*"), PROJECT))
    assert "“\\[x\\](http\\://evil) \\<img\\> \\@team \\*b\\*”" in short


def test_marks_stay_out_of_what_is_escaped(week2: RunData) -> None:
    """A page says of each figure which quantity it is, whatever stands in it."""
    section = section_of(summary_of(week2).answers)
    assert '<span data-q="count:success_rate">1 of 5</span>' in section.html().text
    shown = replace(section, title=marked("<b>", '"><script>'))
    assert "<script" not in shown.html().text
    assert "<b>" not in shown.html().text


def test_an_error_of_a_request_is_written_in_words(week2: RunData) -> None:
    trials = week2.trials.assign(outcome="error", failure_class="endpoint_error", parsed=None)
    stages = week2.stages.assign(error_class="<b>http_5xx", ok=False)
    summary = summarize(replace(week2, trials=trials, stages=stages), PROJECT)
    for name in ("answers", "recommendations"):
        html = section_of(getattr(summary, name)).html().text
        assert "<b>http" not in html
        assert "http_5xx" not in html


def kept(week2: RunData, folder: Path, facets: str, ir: str) -> RunData:
    """Return the published day with one failed answer whose code and IR are kept."""
    run_folder = RunFolder(folder)
    key = {"run_id": "week2_day1", "repeat": 1, "grader_version": "1"}
    code = f"def f():\n    x = '{HOSTILE}'\n"
    digests = [run_folder.artifacts.put_text(text) for text in (code, "def is_even(n): pass")]
    grades = [
        Grade(case_id="max_of_two", facets=facets, code_sha256=digests[0], **key),
        Grade(case_id="is_even", code_sha256=digests[1], **key),
    ]
    stages = week2.stages.copy()
    made = (stages["case_id"] == "max_of_two") & (stages["stage"] == "nlp_to_ir")
    stages.loc[made, "value_sha256"] = run_folder.artifacts.put_text(ir)
    frame = pd.DataFrame([as_row(grade) for grade in grades])
    return replace(week2, grades=frame, stages=stages, folder=run_folder)


def examples(run: RunData) -> str:
    return section_of(summarize(run, PROJECT).examples).html().text


def test_a_failed_answer_stands_beside_its_ir_and_a_right_one(
    week2: RunData, tmp_path: Path
) -> None:
    ir = '{"value": {"intent": "<script>larger</script>"}}'
    html = examples(kept(week2, tmp_path, '{"line": 2, "message": "<script>"}', ir))
    assert "<script" not in html
    assert "x = &#x27;&lt;/td&gt;&lt;script&gt;alert(1)" in html
    assert "← line 2" in html
    assert "&lt;script&gt;larger" in html
    assert "Right: <code>is_even</code>, repeat 1 (same kind, control flow)" in html
    assert "def is_even(n): pass" in html


@pytest.mark.parametrize("ir", ["<b>no JSON", "[1]", "null", "[" * 100_000])
def test_an_ir_need_not_be_json(week2: RunData, tmp_path: Path, ir: str) -> None:
    run = kept(week2, tmp_path, "[]", ir)
    shown = next(
        row for row in summarize(run, PROJECT).examples.rows if row.case_id == "max_of_two"
    )
    assert shown.ir
    assert "<b>" not in examples(run)


@pytest.mark.parametrize("line", ["0", "99", '"2"', "true", "null", "1e400"])
def test_a_line_that_is_none_marks_nothing(week2: RunData, tmp_path: Path, line: str) -> None:
    assert "←" not in examples(kept(week2, tmp_path, f'{{"line": {line}}}', "{}"))


def test_failures_of_every_class_are_among_those_shown(forty: RunData) -> None:
    summary = summary_of(forty)
    shown = {row.failure_class for row in summary.examples.rows}
    assert shown == {row.failure_class for row in summary.failures.rows}
