"""The seventeen claims of the published day, ruled from its rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liftlab.analysis.claims import Claim, Evidence, Ruling, rule, rule_all

RULINGS = {
    ("C01", "parsed"): "supported as a count only",
    ("C01", "pass"): "contradicted",
    ("C02", "parsed"): "not supported",
    ("C02", "pass"): "not supported",
    ("C03", ""): "supported",
    ("C04", ""): "supported",
    ("C05", ""): "contradicted",
    ("C06", ""): "not supported",
    ("C07", ""): "not supported",
    ("C08", ""): "not supported",
    ("C09", ""): "not measurable",
    ("C10", ""): "not supported",
    ("C11", ""): "contradicted",
    ("C12", ""): "supported",
    ("C13", ""): "not measurable",
    ("C14", ""): "not supported",
    ("C15", ""): "contradicted",
    ("C16", "pass"): "contradicted",
    ("C17", ""): "contradicted",
}
# What the reasons, or the sentence that may be used instead, have to name.
NUMBERS = {
    ("C01", "parsed"): ["28–99 %", "4 of 5"],
    ("C01", "pass"): ["1 of 5", "1–72 %"],
    ("C02", "parsed"): ["+0.458", "go on", "9 successes"],
    ("C02", "pass"): ["-2.485", "go on", "1 failure"],
    ("C03", ""): ["4.2 s", "n = 4"],
    ("C04", ""): ["7.39 s", "58 %", "9.86 s", "the median is 4.2 s"],
    ("C05", ""): ["15 %", "9–44 %", "4.9 %", "n = 4", "no case was repeated"],
    ("C06", ""): ["14.96 s", "93.75 % interval 14.16–27.10 s", "3 of 5"],
    ("C07", ""): ["0.974", "0.85–1.12", "No start span", "As published"],
    ("C08", ""): ["0.52–0.91", "0.40–1.19", "on other cases", "factorial", "As published"],
    ("C09", ""): ["an upper limit 29", "an upper limit 59", "an upper limit 299"],
    ("C10", ""): ["is_even 32 %", "max_of_two 53 %", "8.8 s unexplained", "7.3 s unexplained"],
    ("C11", ""): ["14.9 s", "15.0 s", "mean 19.6 s", "24.5 s for each success"],
    ("C12", ""): ["10 ms", "derived"],
    ("C13", ""): ["1 failed of 5"],
    ("C14", ""): ["33.6 s", "as observed (n = 5)"],
    ("C15", ""): ["0.0060 USD", "1.8 times", "Idle time"],
    ("C16", "pass"): ["0 of 3", "missing_return", "add_numbers"],
    ("C17", ""): ["10.0 s", "10.4 s", "n = 4"],
}
NEEDED = {
    ("C01", "parsed"): 60,
    ("C02", "parsed"): 33,
    ("C07", ""): 57,
    ("C09", ""): 299,
    ("C13", ""): 10,
    ("C14", ""): 59,
}


@pytest.fixture(scope="module")
def rulings(week2: Evidence, published_claims: dict[str, Claim]) -> dict[tuple[str, str], Ruling]:
    found = rule_all(published_claims.values(), week2)
    return {(each.claim.id, each.measure): each for each in found}


def test_every_claim_is_ruled(rulings: dict[tuple[str, str], Ruling]) -> None:
    assert {key: each.ruling for key, each in rulings.items()} == RULINGS


@pytest.mark.parametrize("key", NUMBERS, ids="-".join)
def test_a_ruling_shows_its_numbers(
    rulings: dict[tuple[str, str], Ruling], key: tuple[str, str]
) -> None:
    said = rulings[key].sentence()
    for number in NUMBERS[key]:
        assert number in said
    assert rulings[key].may_say.endswith(".")
    assert rulings[key].n_needed == NEEDED.get(key, rulings[key].n_needed)


def test_what_is_not_supported_says_what_would_be(
    rulings: dict[tuple[str, str], Ruling],
) -> None:
    for each in rulings.values():
        unsure = each.ruling in ("not supported", "supported as a count only")
        if unsure and each.claim.metric != "explained":  # more of the same rows would not help
            assert each.n_needed is not None
            assert each.n_needed > 0


def test_what_is_true_but_misleads_says_so(rulings: dict[tuple[str, str], Ruling]) -> None:
    assert rulings["C04", ""].caveat == "misleading alone"
    assert "skewed_mean" in rulings["C04", ""].faults
    assert rulings["C03", ""].caveat == ""


def test_no_rule_goes_by_the_id(week2: Evidence, published_claims: dict[str, Claim]) -> None:
    for claim in published_claims.values():
        renamed = rule(replace(claim, id="another"), week2)
        original = rule(claim, week2)
        assert replace(renamed, claim=claim) == original


def test_another_figure_gets_another_ruling(
    week2: Evidence, published_claims: dict[str, Claim]
) -> None:
    def ruling(name: str, **changed: object) -> str:
        return rule(replace(published_claims[name], **changed), week2).ruling  # type: ignore[arg-type]

    assert ruling("C17", value=10.0) == "supported"
    assert ruling("C17", population="completed") == "supported"
    assert ruling("C11", population="ok") == "supported"
    assert ruling("C05", population="completed") == "not supported"
    assert ruling("C06", value=5.0) == "contradicted"
    assert ruling("C06", value=30.0) == "supported"
    assert ruling("C03", value=6.0) == "not supported"
    assert ruling("C11", value=14.5) == "not supported"
    assert ruling("C15", price="week2-published") == "supported"
    assert ruling("C15", price="unknown") == "not measurable"
    assert ruling("C14", value=30.0) == "contradicted"
    assert ruling("C16", cases=("is_even",)) == "supported as a count only"
    assert ruling("C10", cause="cold") == "contradicted"
