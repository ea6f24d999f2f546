"""The seventeen claims of the published day, ruled by its summary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liftlab.summary import RunSummary
from liftlab.summary.claims import Claim, Quantity, rule
from liftlab.summary.claims.model import estimate

RULINGS = {
    "C01": "contradicted",
    "C02": "not supported",
    "C03": "supported",
    "C04": "contradicted",
    "C05": "contradicted",
    "C06": "not supported",
    "C07": "not supported",
    "C08": "not supported",
    "C09": "not measurable",
    "C10": "not supported",
    "C11": "contradicted",
    "C12": "supported",
    "C13": "not measurable",
    "C14": "not supported",
    "C15": "contradicted",
    "C16": "contradicted",
    "C17": "contradicted",
}
# What the reasons, or the sentence that may be used instead, have to name.
NUMBERS = {
    "C01": ["20 %", "1–72 %", "80 % is the share of answers that parse"],
    "C02": ["20 %", "1 to 26 more prompts"],
    "C03": ["4.2 s"],
    "C04": ["9.86 s"],
    "C05": ["15 %", "9–44 %"],
    "C06": ["14.96 s", "14.16–27.10 s", "4 to 803 more prompts"],
    "C07": ["As published", "too few runs"],
    "C08": ["As published", "on other prompts", "factorial"],
    "C09": ["P90: needs 10 prompts"],
    "C10": ["is_even 32 %", "max_of_two 53 %"],
    "C11": ["14.96 s"],
    "C12": ["End to end is the sum of its stages."],
    "C13": ["1 of 5 answers is right"],
    "C14": ["21.3 s", "guesses"],
    "C15": ["0.0060 USD"],
    "C16": ["None of these 3", "add_numbers"],
    "C17": ["10.0 s"],
}


@pytest.mark.parametrize("name", RULINGS)
def test_a_claim_is_ruled_and_shows_its_numbers(
    name: str, published_claims: dict[str, Claim], summary: RunSummary
) -> None:
    ruling = rule(published_claims[name], summary)
    assert ruling.ruling == RULINGS[name]
    for number in NUMBERS[name]:
        assert number in str(ruling)
    assert ruling.may_say.endswith(".")


def test_a_claim_is_ruled_by_the_figure_of_the_pages(
    published_claims: dict[str, Claim], summary: RunSummary
) -> None:
    pages = {
        "C04": summary.latency.stages[1].mean,
        "C11": summary.latency.e2e.p50,
        "C15": summary.cost.request,
        "C01": summary.answers.success.estimate,
    }
    for name, found in pages.items():
        wanted = published_claims[name].what
        assert isinstance(wanted, Quantity)
        assert estimate(summary, wanted) is found


def test_no_rule_goes_by_the_id(summary: RunSummary, published_claims: dict[str, Claim]) -> None:
    for claim in published_claims.values():
        renamed = rule(replace(claim, id="another"), summary)
        assert replace(renamed, claim=claim) == rule(claim, summary)


@pytest.mark.parametrize(
    ("name", "figure", "ruling"),
    [
        ("C01", 0.2, "supported"),
        ("C04", 9.86, "supported"),
        ("C05", 0.5, "supported"),
        ("C06", 30.0, "supported"),
        ("C06", 10.0, "contradicted"),
        ("C11", 15.0, "supported"),
        ("C14", 60.0, "not supported"),
        ("C15", 0.006, "supported"),
    ],
)
def test_another_figure_gets_another_ruling(
    name: str, figure: float, ruling: str, summary: RunSummary, published_claims: dict[str, Claim]
) -> None:
    assert rule(replace(published_claims[name], value=figure), summary).ruling == ruling


def test_what_is_true_but_misleads_says_so(
    summary: RunSummary, published_claims: dict[str, Claim]
) -> None:
    mean = rule(replace(published_claims["C04"], value=9.86), summary)
    assert mean.caveat == "misleading alone: the median is 4.2 s"
    rate = rule(replace(published_claims["C01"], value=0.2), summary)
    assert rate.caveat == "as a count only: the rate may be 1–72 %"


@pytest.mark.parametrize(
    ("changed", "ruling"),
    [
        ({"cause": "longer_answer"}, "contradicted"),
        ({"stage": "nlp_to_ir"}, "not measurable"),
    ],
)
def test_a_cause_that_holds_none_of_the_excess_explains_nothing(
    changed: dict[str, str], ruling: str, summary: RunSummary, published_claims: dict[str, Claim]
) -> None:
    claim = replace(published_claims["C10"], **changed)  # type: ignore[arg-type]
    assert rule(claim, summary).ruling == ruling
