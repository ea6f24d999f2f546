from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from liftlab.records import Grade, as_row
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.html import END_TYPE, FINDING_TYPE, MEDIA_TYPE
from liftlab.reporting.pages import success
from liftlab.reporting.pages.answers import ir_of, marked
from liftlab.store import RunData, RunFolder

SECTIONS = ["tiles", "fixes_table", "groups", "passk_table", "answers", "changes"]
HOSTILE = "def f():\n    x = '</pre><script>alert(1)</script>'\n"
gathered = cache(gather)


@pytest.fixture(scope="module")
def facts(week2: RunData) -> Facts:
    return gather(week2)


def outcomes(run: RunData, outcome: str) -> Facts:
    trials = run.trials.assign(outcome=outcome, failure_class=None, parsed=None)
    return gather(replace(run, trials=trials))


def title(facts: Facts) -> str:
    return str(success.finding(facts).title)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_holds_on_every_kind_of_run(name: str, any_run: RunData) -> None:
    part = getattr(success, name)(gathered(any_run))
    assert part._repr_mimebundle_()[MEDIA_TYPE]


def test_the_page_has_a_finding_and_an_end(any_run: RunData) -> None:
    told = success.finding(gathered(any_run))._repr_mimebundle_()[FINDING_TYPE]
    assert told["title"]
    assert told["sentences"]
    end = success.provenance(gathered(any_run))._repr_mimebundle_()[END_TYPE]
    assert end == {"run_id": any_run.run.run_id}


def test_the_title_is_what_was_found(facts: Facts) -> None:
    assert title(facts) == (
        "1 of 5 answers is right; missing return seems to spoil most, 60 % of them"
    )


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("pass", "All 5 judged answers are right"),
        ("error", "The endpoint gave no usable answer"),
        ("ungraded", "No answer was judged"),
    ],
)
def test_the_title_where_nothing_failed(week2: RunData, outcome: str, said: str) -> None:
    assert title(outcomes(week2, outcome)) == said


def test_the_first_share_is_of_graded_answers_and_the_second_of_failures(facts: Facts) -> None:
    html = str(success.fixes_table(facts)).replace("\N{NO-BREAK SPACE}", " ")
    assert html.index("60 %") < html.index("75 %")
    assert "undecided" in html


def test_the_rule_takes_a_whole_interval(week2: RunData) -> None:
    many = pd.concat(
        [week2.trials.assign(case_id=week2.trials["case_id"] + str(i)) for i in range(20)]
    )
    html = str(success.fixes_table(gather(replace(week2, trials=many))))
    assert '<span class="verdict unmeasured">yes</span>' in html
    assert "undecided" not in html


def test_errors_are_told_and_are_in_no_share(week2: RunData) -> None:
    trials = week2.trials.copy()
    trials.loc[trials["case_id"] == "multiply", ["outcome", "failure_class"]] = [
        "error",
        "endpoint_error",
    ]
    facts = gather(replace(week2, trials=trials))
    html = str(success.tiles(facts))
    assert "1 / 4" in html
    assert "1 / 5" in html
    assert "1 endpoint error" in " ".join(success.finding(facts).sentences)
    assert "would be 20 % or 40 %" in str(success.changes(facts))


def test_pass_at_k_goes_as_far_as_repeats_allow(forty: RunData, facts: Facts) -> None:
    twice = str(success.passk_table(gather(forty)))
    assert "pass@2" in twice
    assert "pass@3" not in twice
    once = str(success.passk_table(facts))
    assert "pass@2" not in once
    assert "let every case be repeated" in once


def kept(week2: RunData, folder: Path, facets: str, ir: str) -> RunData:
    """Return the published day with one failed answer whose code and IR are kept."""
    run_folder = RunFolder(folder)
    key = {"run_id": "week2_day1", "repeat": 1, "grader_version": "1"}
    digests = {
        case: run_folder.artifacts.put_text(code)
        for case, code in [("max_of_two", HOSTILE), ("is_even", "def is_even(n): return True")]
    }
    grades = [
        Grade(case_id="max_of_two", facets=facets, code_sha256=digests["max_of_two"], **key),
        Grade(case_id="is_even", code_sha256=digests["is_even"], **key),
    ]
    stages = week2.stages.copy()
    made = (stages["case_id"] == "max_of_two") & (stages["stage"] == "nlp_to_ir")
    stages.loc[made, "value_sha256"] = run_folder.artifacts.put_text(ir)
    frame = pd.DataFrame([as_row(grade) for grade in grades])
    return replace(week2, grades=frame, stages=stages, folder=run_folder)


def test_a_failed_answer_stands_beside_its_ir_and_a_right_one(
    week2: RunData, tmp_path: Path
) -> None:
    ir = json.dumps({"value": {"intent": "<script>larger</script>"}})
    run = kept(week2, tmp_path, '{"line": 2, "message": "<script>"}', ir)
    html = str(success.answers(gather(run)))
    assert "<script" not in html
    assert "x = &#x27;&lt;/pre&gt;&lt;script&gt;alert(1)" in html
    assert "← line 2" in html
    assert "&lt;script&gt;larger" in html
    assert "Right: is_even, repeat 1 (same category, control flow)" in html
    assert "def is_even(n): return True" in html


@pytest.mark.parametrize("ir", ["<b>no JSON", "[1]", "null", "[" * 100_000])
def test_an_ir_need_not_be_json(week2: RunData, tmp_path: Path, ir: str) -> None:
    run = gather(kept(week2, tmp_path, "[]", ir))
    assert ir_of(run, "max_of_two", 1)
    assert "<b>" not in str(success.answers(run))


@pytest.mark.parametrize("line", ["0", "99", '"2"', "true", "null", "1e400"])
def test_a_line_that_is_none_marks_nothing(week2: RunData, tmp_path: Path, line: str) -> None:
    run = kept(week2, tmp_path, f'{{"line": {line}}}', "{}")
    assert "←" not in str(success.answers(gather(run)))


def test_a_line_is_counted_as_python_counts_it() -> None:
    assert '<span class="bad">b</span>' in str(marked("a\r\nb\rc", 2))
    assert '<span class="bad">c\N{REPLACEMENT CHARACTER}d</span>' in str(marked("a\nb\nc\x0cd", 3))


def test_groups_stand_apart_only_by_their_intervals(week2: RunData, facts: Facts) -> None:
    assert "No category stands apart" in str(success.groups(facts))
    trials = [
        week2.trials.head(1).assign(case_id=f"{name}_{i}", category=name, outcome=outcome)
        for name, outcome in [("lists", "pass"), ("strings", "fail")]
        for i in range(9)
    ]
    html = str(success.groups(gather(replace(week2, trials=pd.concat(trials)))))
    assert "9 of 9 (lists) are right and 0 of 9 (strings): intervals apart" in html
