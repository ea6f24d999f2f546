"""A ruling in the terminal: the figure that is ruled, its line, why, and what may be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.jobs import opening
from liftlab.reporting.rulings import lint_lines, ruling_lines
from liftlab.settings import load_project
from liftlab.summary import RunSummary, summarize
from liftlab.summary.claims import rule
from liftlab.summary.claims.text.lint import lint

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> RunSummary:
    project = load_project(ROOT, environ={"LIFTLAB_RUNS_DIR": str(tmp_path_factory.mktemp("runs"))})
    return summarize(opening.open_run("week2_day1", project=project), project)


def ruled(report: str, summary: RunSummary) -> list[str]:
    lines = lint_lines(lint(report, summary), Path("day.md"), report, summary)
    return [line.partition("  ")[2] for line in lines if line.startswith("day.md:1:  ")]


def test_the_figure_that_is_ruled_is_named_and_quoted(summary: RunSummary) -> None:
    begin = "On that day we sent each of the prompts once, and kept what came back. "
    text = "The median end to end was 14,960 ms. The mean end to end was 21.6 s, and 3 of 5 parse."
    lines = ruled(f"{begin * 3}{text} {begin * 3}\n", summary)
    figures = [line.partition(" in “")[0] for line in lines]
    assert figures == ["14,960 ms", "21.6 s", "3 of 5"]
    assert "was 21.6 s, and" in lines[1]
    assert all(len(line) < 250 for line in lines)


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("The median E2E is 16 s, and a right answer costs 0.0160 USD.", ["16 s", "0.0160 USD"]),
        ("The median E2E is 16 s, and a request costs 1.6 cents.", ["16 s", "1.6 cents"]),
        ("The median E2E is 20 s, and 20 % of answers are right.", ["20 s", "20 %"]),
        ("The mean E2E is 16 s; we pay $16 per 1,000 requests.", ["16 s", "16 per"]),
        ("The 5 prompts had a median E2E of 5 s.", ["5 s"]),
        ("The median E2E is 3 s. 3 retries in total.", ["3 s", "3 retries"]),
        ("The median of NLP → IR is 16 ms; the median E2E is 16 s.", ["16 ms", "16 s"]),
    ],
)
def test_a_ruling_is_headed_by_the_figure_in_its_own_unit(
    text: str, figures: list[str], summary: RunSummary
) -> None:
    assert [line.partition(" in “")[0] for line in ruled(text, summary)] == figures


def test_what_may_be_said_stands_once_where_it_is_the_reason(summary: RunSummary) -> None:
    found = [row.ruling for row in lint("The mean end to end was 19.6 s.", summary) if row.ruling]
    [ruling] = [rule(one.claim, summary) for one in found]
    lines = [*ruling_lines([ruling])]
    both = [] if ruling.may_say == ruling.why else [f"     say  {ruling.may_say}"]
    assert lines[1:] == [f"     why  {ruling.why}", *both, "", f"1 claim: 1 {ruling.ruling}"]
