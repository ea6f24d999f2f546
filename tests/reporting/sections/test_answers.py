"""Answers as sections: what stands in which table, and what is one click away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.success import success_by
from liftlab.reporting.sections import answers as sections
from liftlab.reporting.sections import section_of
from liftlab.store import RunData
from liftlab.summary.trials import Example
from tests.reporting.conftest import synthetic_run, tables_in
from tests.reporting.sections.test_base import summary_of


def test_success_is_a_row_a_category_below_the_whole(forty: RunData) -> None:
    answers = summary_of(forty).answers
    by_category, by_k = tables_in(section_of(answers).html())
    assert by_category[0] == {
        "Category": "all", "Right": "27", "Graded": "40", "Rate": "68 %",
        "95 % interval": "50–82 %", "Prompts": "20", "Failed at the endpoint": "0",
        "Not graded": "0",
    }  # fmt: skip
    assert [row["Category"] for row in by_category[1:]] == [
        rate.group for rate in answers.by_category
    ]
    assert [(row[""], row["Answers"], row["Prompts"]) for row in by_k] == [
        ("pass@1", "40", "20"), ("pass@2", "40", "20"),
    ]  # fmt: skip


def test_of_prompts_asked_once_there_is_no_pass_at_k(week2: RunData) -> None:
    assert section_of(summary_of(week2).answers).details == ()


@pytest.mark.parametrize(("groups", "figures"), [(1, 0), (2, 1), (5, 1)])
def test_one_group_needs_no_figure(groups: int, figures: int, forty: RunData) -> None:
    answers = summary_of(forty).answers
    some = replace(answers, by_category=answers.by_category[:groups])
    assert len(section_of(some).parts) == figures
    ungraded = replace(some, success=replace(some.success, trials=0))
    assert section_of(ungraded).parts == ()


def test_a_curve_of_nothing_graded_is_a_sentence(forty: RunData) -> None:
    right_by = summary_of(forty).right_by
    nothing = np.array([])
    section = section_of(replace(right_by, curve=success_by(nothing, nothing.astype(bool))))
    assert section.parts == section.sentences == ()
    assert len(section_of(right_by).parts) == 1


def test_failures_are_counted_by_cause_and_their_shares_are_a_click_away(forty: RunData) -> None:
    section = section_of(summary_of(forty).failures)
    shown, folded = tables_in(section.html())
    assert list(shown[0]) == ["Cause", "Answers", "Of failures", "Prompts"]
    assert [row["Answers"] for row in shown] == ["4", "4", "3", "2"]
    assert (folded[0]["Of graded"], folded[0]["95 % interval"]) == ("10 %", "1–32 %")
    assert 'download="failures.csv"' in str(section.details[0][1])


def test_where_nothing_failed_that_is_said_and_no_table() -> None:
    failures = summary_of(synthetic_run(5, 1, pass_rate=1.0)).failures
    section = section_of(failures)
    assert (section.parts, section.is_empty) == ((), False)
    assert section.title
    assert section_of(summary_of(synthetic_run(0, 1)).failures).is_empty
    assert section_of(summary_of(synthetic_run(0, 1)).examples).is_empty


@pytest.mark.parametrize(
    ("line", "marked"), [(None, ""), (0, ""), (1, "a"), (3, "c"), (4, ""), (-1, "")]
)
def test_the_line_that_failed_is_marked_if_there_is_such_a_line(line: Any, marked: str) -> None:
    html = str(sections.marked("a\nb\r\nc", line))
    assert html.count("class=") == bool(marked)
    assert (f'<span class="bad">{marked}</span>  ← line {line}' in html) is bool(marked)
    assert html.count("\n") == 2


def test_the_first_examples_are_open(forty: RunData) -> None:
    examples = summary_of(forty).examples
    shown = [str(part) for part in section_of(examples).parts]
    assert len(shown) == len(examples.rows)
    opened = [part.startswith('<details open="">') for part in shown]
    assert opened == [number < sections.OPEN for number in range(len(shown))]
    assert section_of(examples).title.startswith(f"{len(shown)} of 13 ")


def example(**parts: Any) -> Example:
    plain: dict[str, Any] = {
        "case_id": "add", "repeat": 2, "category": "lists", "failure_class": "timeout",
        "facets": {}, "line": None, "code": "x", "ir": None, "like": None, "like_code": None,
        "checks": pd.DataFrame(),
    }  # fmt: skip
    return Example(**plain | parts)


def shown(row: Example, forty: RunData) -> str:
    examples = replace(summary_of(forty).examples, rows=(row,), failed=1)
    return str(section_of(examples).parts[0])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (example(failure_class=None), "add</code>, repeat 2: not classed"),
        (example(facets={"message": "no", "exception": "E"}), '<p class="note">E: no</p>'),
        (example(facets={"other": "no"}), "</summary><div"),
        (example(code=None), "No code was kept."),
        (example(ir="{}"), "<pre>{}</pre>"),
        (example(like=("add", 1)), "(same prompt)"),
        (example(like=("sub", 1)), "(same kind, lists)"),
        (example(like=("sub", 1)), "Its code was not kept."),
        (example(category=""), "(none)."),
    ],
)
def test_a_failed_answer_says_what_is_known_of_it(row: Example, said: str, forty: RunData) -> None:
    assert said in shown(row, forty)


def test_two_checks_of_a_failed_answer_are_shown_and_the_rest_is_counted(forty: RunData) -> None:
    checks = pd.DataFrame({"expected": ["1", "2", "3"], "actual": ["4", "5", "6"], "error": None})
    html = shown(example(checks=checks), forty)
    (rows,) = tables_in(html)
    assert rows == [{"Expected": "1", "Actual": "4"}, {"Expected": "2", "Actual": "5"}]
    assert "and 1 more" in html
