"""Which quantity the words around a figure name, and which words name none."""

from __future__ import annotations

import pytest

from liftlab.summary import RunSummary
from liftlab.summary.claims import Quantity
from liftlab.summary.claims.text.lint import Checked, lint


def _one(text: str, summary: RunSummary, at: int = 0) -> Checked:
    return lint(text, summary)[at]


# A line with one figure that is read: the metric, the groups, and the figure.
NAMED: list[tuple[str, str, tuple[str, ...], float]] = [
    ("Requests: 5", "requests", (), 5),
    ("number of prompts: 5", "prompts", (), 5),
    ("total prompts = 5", "prompts", (), 5),
    ("13 attempts", "attempts", (), 13),
    ("4 wrong answers in total", "wrong_answers", (), 4),
    ("3 missing returns", "failures_of_class", ("class=missing_return",), 3),
    ("missing return: 3", "failures_of_class", ("class=missing_return",), 3),
    ("zero retries", "retries", (), 0),
    ("arithmetic: 0 of 2", "success_rate", ("category=arithmetic",), 0),
    ("Control flow prompts are at 50 %", "success_rate", ("category=control_flow",), 0.5),
    ("missing returns: 75 % of failures", "share_of_failures", ("class=missing_return",), 0.75),
    ("missing returns: 60 % of answers", "failure_share", ("class=missing_return",), 0.6),
    # Where it is not said of what, the nearer one was meant.
    ("missing return: 61 %", "failure_share", ("class=missing_return",), 0.61),
    ("missing return: 74 %", "share_of_failures", ("class=missing_return",), 0.74),
    ("80 % of answers failed", "success_rate", (), 0.2),
    ("No answers failed", "success_rate", (), 1.0),
    ("End-to-end variation is 36 %", "e2e_cv", (), 0.36),
    ("IR → Code has a CV of 36 %", "ir_to_code_cv", (), 0.36),
    ("In 5 requests the median is 14.96 s", "e2e_median_s", (), 14.96),
    ("P50 fell from 20 s to 14.96 s", "e2e_median_s", (), 14.96),
]


@pytest.mark.parametrize(("text", "metric", "groups", "value"), NAMED)
def test_words_name_a_quantity(
    text: str, metric: str, groups: tuple[str, ...], value: float, summary: RunSummary
) -> None:
    (claim,) = [row.ruling.claim for row in lint(text, summary) if row.ruling]
    assert isinstance(claim.what, Quantity)
    assert (claim.what.metric, claim.what.groups) == (metric, groups)
    assert claim.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("4 wrong answers galore", "not clear"),
        ("3 missing returns of 4", "not clear"),
        ("each of 5 prompts", "a part"),
        ("We need 5 prompts", "a part"),
        ("80 % of easy answers parse", "only the success rate"),
        ("80 % of requests failed", "may mean wrong"),
        ("median 14.96 s with caching", "whose it is"),
        ("In 1,000 requests the median is 14.96 s", "whose it is"),
        ("The median of wrong answers is 14.96 s", "some requests only"),
        ("Median of easy ones: 14.96 s", "by kind of prompt"),
        ("missing return median 14 s", "by failure"),
        ("5 s of 9 s at the median", "stage is not clear"),
        ("arithmetic: 0 of 3", "not named"),  # it has two prompts
    ],
)
def test_words_that_name_none_say_why(text: str, why: str, summary: RunSummary) -> None:
    rows = lint(text, summary)
    assert [row.ruling for row in rows if why in row.why_not] == [None]


@pytest.mark.parametrize(
    ("text", "population"),
    [
        ("The median is 14.96 s", "answered"),
        ("Right answers take 26.9 s at the median", "right"),
        ("The median of correct answers is 26.9 s", "right"),
        ("Right answers cost a lot and take 26.9 s at the median", "right"),
        ("A right answer costs 0.03 USD, and the median request takes 14.96 s", "answered"),
    ],
)
def test_a_time_knows_whose_it_is(text: str, population: str, summary: RunSummary) -> None:
    row = _one(text, summary, -1)
    assert row.ruling is not None
    assert isinstance(row.ruling.claim.what, Quantity)
    assert row.ruling.claim.what.population == population


def test_numbers_of_a_table_are_named_by_row_or_column(summary: RunSummary) -> None:
    table = "| what | number |\n|---|---|\n| right answers | 1 |\n| wrong | 4 |\n| parsed | 4 |"
    told = {row.line: row.ruling for row in lint(table, summary)}
    assert {line: one and one.ruling for line, one in told.items()} == dict.fromkeys(
        (3, 4, 5), "supported"
    )
    assert lint("| what | number |\n|---|---|\n| right | about 1 |", summary) == []


@pytest.mark.parametrize(
    ("text", "off"),
    [("We sent 5 requests", 0), ("We sent 1000 requests", 5), ("We sent 500 requests", 0)],
)
def test_a_large_round_number_may_be_a_rounded_one(
    text: str, off: float, summary: RunSummary
) -> None:
    row = _one(text, summary)
    assert row.ruling is not None
    assert row.ruling.claim.off == off
