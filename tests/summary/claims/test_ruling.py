"""The seventeen claims of the published day, ruled by its summary."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

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


def _ruled(summary: RunSummary, metric: str, value: float, **parts: Any) -> tuple[str, bool]:
    """Return the ruling on a claim, and whether a caveat goes with it."""
    of = {name: parts.pop(name) for name in ("groups", "within_s") if name in parts}
    claim = Claim(id="", statement="s", what=Quantity(metric=metric, **of), value=value, **parts)
    found = rule(claim, summary)
    return found.ruling, bool(found.caveat)


YES, NO = "supported", "contradicted"


@pytest.mark.parametrize(
    ("metric", "value", "parts", "ruling", "caveat"),
    [
        ("requests", 5.0, {}, YES, False),
        ("requests", 6.0, {}, NO, False),
        ("requests", 4.6, {"off": 0.5}, YES, False),
        ("requests", 4.4, {"off": 0.5}, NO, False),
        ("requests", 5.5, {"off": 0.5}, YES, False),
        ("requests", 4.0, {"relation": "at_most"}, NO, False),
        ("requests", 5.0, {"relation": "at_most"}, YES, False),
        ("requests", 5.0, {"relation": "at_least"}, YES, False),
        ("requests", 6.0, {"relation": "at_least"}, NO, False),
        # A count of so many as were asked is exact; of up to ten it may be a share in words.
        ("success_rate", 0.2, {"count": 1, "total": 5}, YES, False),
        ("success_rate", 0.4, {"count": 2, "total": 5}, NO, False),
        ("success_rate", 0.2, {"count": 2, "total": 10}, YES, True),
        ("success_rate", 0.25, {"count": 2, "total": 8}, YES, True),
        ("success_rate", 0.3, {"count": 3, "total": 10}, NO, False),
        ("success_rate", 2 / 11, {"count": 2, "total": 11}, NO, False),
        ("success_rate", 0.2, {"count": 20, "total": 100}, NO, False),
        # A mean that few carry misleads; one that lies near its median does not.
        ("ir_to_code_mean_s", 9.86, {"off": 0.005}, YES, True),
        ("e2e_mean_s", 19.6, {"off": 0.05}, YES, True),
        ("nlp_to_ir_mean_s", 9.7, {"off": 0.05}, YES, False),
        # What the run itself did has no interval.
        ("e2e_max_s", 27.0, {"relation": "at_most"}, NO, False),
        ("e2e_max_s", 28.0, {"relation": "at_most"}, YES, False),
        ("e2e_min_s", 14.0, {"relation": "at_least"}, YES, False),
        ("error_rate", 0.01, {"relation": "at_most"}, YES, False),
        ("prompts_tested", 5.0, {"relation": "at_least"}, YES, False),
        ("prompts_tested", 6.0, {"relation": "at_least"}, NO, False),
        ("e2e_within", 0.6, {"within_s": 16.0, "relation": "at_least"}, YES, True),
    ],
)
def test_what_is_claimed_holds_or_not(
    metric: str,
    value: float,
    parts: dict[str, Any],
    ruling: str,
    caveat: bool,
    summary: RunSummary,
) -> None:
    assert _ruled(summary, metric, value, **parts) == (ruling, caveat)


@pytest.mark.parametrize(
    ("metric", "value", "other"),
    [
        ("success_rate", 0.8, "80 %"),
        ("parsed_rate", 0.2, "20 %"),
        ("e2e_median_s", 19.6, "19.6 s"),
        ("e2e_mean_s", 14.96, "14.96 s"),
        ("e2e_p95_s", 14.96, None),
        ("cost_per_trial_usd", 14.96, None),
    ],
)
def test_a_wrong_figure_that_is_another_of_the_run_is_told(
    metric: str, value: float, other: str | None, summary: RunSummary
) -> None:
    claim = Claim(id="", statement="s", what=Quantity(metric=metric), value=value, off=0.005)
    said = rule(replace(claim, off=0.05 if value > 1 else 0.005), summary).why
    assert (f"{other} is the" in said) if other else (" is the " not in said)


@pytest.mark.parametrize(
    ("low", "value", "high", "ruling"),
    [(20.0, 21.0, 22.0, "not supported"), (21.0, 21.0, 21.0, "not supported"),
     (None, 99.0, None, "not supported"), (20.0, 19.9, 22.0, NO), (20.0, 22.1, 22.0, NO)],
)  # fmt: skip
def test_one_number_for_what_is_planned_is_never_supported(
    low: float | None, value: float, high: float | None, ruling: str, summary: RunSummary
) -> None:
    budget = summary.budget.budget
    assert budget is not None
    planned = dict(budget.with_planned)
    planned[0.5] = replace(planned[0.5], low=low, high=high)
    found: Any = SimpleNamespace(
        budget=SimpleNamespace(budget=replace(budget, with_planned=planned)),
        answers=summary.answers,
    )
    assert _ruled(found, "planned_p50_s", value) == (ruling, False)
