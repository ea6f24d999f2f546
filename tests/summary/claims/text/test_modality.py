"""Words that say whether a figure is how things are, a limit, a goal, or somebody's hope."""

from __future__ import annotations

import pytest

from liftlab.summary.claims.text import modality


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('we say "80 % success" here', "we say                here"),
        ("it's 'well under 5 s' now", "it's                  now"),
        ('"no" is short', '"no" is short'),
        ("the team's and the users' wish", "the team's and the users' wish"),
    ],
)
def test_a_quotation_is_blanked_and_moves_nothing(text: str, left: str) -> None:
    assert modality.without_quotes(text) == left
    assert len(left) == len(text)


@pytest.mark.parametrize(
    ("heading", "is_plan"),
    [("next steps", True), ("targets", True), ("targets met", False), ("results", False)],
)
def test_a_heading_may_hold_plans(heading: str, is_plan: bool) -> None:
    assert modality.plans(heading) is is_plan


@pytest.mark.parametrize(
    ("left", "right", "planned", "is_read"),
    [
        ("the median is ", "", False, True),
        ("is the median ", "? ", False, False),
        ("[ ] median ", "", False, False),
        ("the median may be ", "", False, False),
        ("the median is ", ", so we could ship", False, True),  # what follows from it
        ("the median is ", " as they said", False, False),
        ("median ", "", True, False),
        ("median ", ": met", True, True),
    ],
)
def test_a_condition_a_question_and_a_plan_are_no_claims(
    left: str, right: str, planned: bool, is_read: bool
) -> None:
    assert (modality.unread(left, right, planned=planned) == "") is is_read


@pytest.mark.parametrize(
    ("left", "is_aimed"),
    [
        ("we have ", False),
        ("the goal is ", True),
        ("the goal was 70 %, now we have ", False),
        ("our goal now is a target of ", True),  # "now" is of the goal
        ("the goal was met, and the target is ", False),
        ("the goal is met", False),
    ],
)
def test_what_is_wanted_is_not_what_is(left: str, is_aimed: bool) -> None:
    assert modality.aimed(left) is is_aimed


@pytest.mark.parametrize(
    ("clause", "left", "right", "limit", "verdict"),
    [
        ("median ≤ 30 s", "median ", ": ✅", True, "met"),
        ("median ≤ 30 s", "median ", ": yes", True, "met"),
        ("median ≤ 30 s", "median ", " ✔", True, "met"),
        ("median ≤ 30 s", "median ", " ❌", True, "not met"),
        ("median ≤ 30 s", "median ", ": no (40 s)", True, "not met"),
        ("median 30 s", "median ", ": yes", False, ""),  # without a limit a word is wanted
        ("the target is 30 s", "the target is ", "", False, "open"),
        ("the median is 30 s", "the median is ", "", False, ""),
        ("we reached 30 s", "we reached ", "", False, ""),
        ("we reached under 30 s", "we reached under ", "", True, "met"),
        ("the 30 s target is met", "the ", " target is met", False, "met"),
        ("the 30 s target is not met", "the ", " target is not met", False, "not met"),
        ("we miss the 30 s target", "we miss the ", " target", False, "not met"),
        ("we never reach the 30 s target", "we never reach the ", " target", False, "not met"),
        # A denial is of the verdict if it is no more than a dozen letters before it.
        ("the target is not 1234567 met", "", "", False, "not met"),
        ("the target is not 12345678 met", "", "", False, "met"),
        # The figure behind a verdict on another one is how things are.
        ("the 70 % target is not met: 38 %", "the 70 % target is not met: ", "", False, ""),
        ("the 70 % target is not met: < 38 %", "the 70 % target is not met: ", "", True, "not met"),
        ("target: 38 %, met", "target: ", ", met", False, "met"),
    ],
)
def test_a_target_is_met_or_not_or_open(
    clause: str, left: str, right: str, limit: bool, verdict: str
) -> None:
    assert modality.target(clause, left, right, limit=limit) == verdict


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ("median ", "", "is"),
        ("median under ", "", "at_most"),
        ("median <", "", "at_most"),
        ("median <=", "", "at_most"),
        ("cost under $", "", "at_most"),
        ("median ", " or less", "at_most"),
        ("more than ", "", "at_least"),
        ("no more than ", "", "at_most"),
        ("success >= ", "", "at_least"),
        ("", "+ of answers", "at_least"),
        ("", " or better", "at_least"),
        ("under the bar, ", "", "is"),
        ("about ", " or less", "is"),
    ],
)
def test_a_limit_is_told_before_or_behind_the_figure(left: str, right: str, relation: str) -> None:
    assert modality.relation(left, right) == relation
