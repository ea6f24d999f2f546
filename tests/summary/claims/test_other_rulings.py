"""Claims that are no figure: causes, sums, associations, and what works."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.summary.claims import Claim, rule
from liftlab.summary.claims.ruling import fits, quantity_number


def _claim(what: Any, **parts: Any) -> Claim:
    return Claim(id="C", statement="s", what=what, **parts)


def _explained(*shares: float, stage: str = "e2e", steps: str = "code") -> Any:
    rows = [
        SimpleNamespace(
            case_id=f"c{n}",
            stage=steps,
            excess_s=10.0,
            seconds=lambda cause, share=share: 10 * share,
        )
        for n, share in enumerate(shares)
    ]
    summary: Any = SimpleNamespace(slow=SimpleNamespace(steps=rows))
    return rule(_claim("explained", cause="longer_answer", stage=stage), summary)


@pytest.mark.parametrize(
    ("shares", "ruling"),
    [
        ([0.8, 0.9], "supported"),
        ([0.79, 1.0], "not supported"),
        ([0.01, 0.0], "contradicted"),
        ([0.02, 0.0], "not supported"),
    ],
)
def test_a_cause_explains_where_it_holds_most_of_each_excess(
    shares: list[float], ruling: str
) -> None:
    found = _explained(*shares)
    assert found.ruling == ruling
    assert found.why.startswith("Extra time explained by longer answer: c0 ")


def test_only_slow_steps_of_the_stage_count_and_five_are_named() -> None:
    assert _explained(0.9, stage="code").ruling == "supported"
    none = _explained(0.9, stage="nlp_to_ir")
    assert (none.ruling, none.may_say) == ("not measurable", "No step was slow.")
    assert _explained(*[0.9] * 7).why.count("%") == 5


def _sum(whole: float | None, *parts: float | None) -> Any:
    def times(mean: float | None) -> Any:
        return SimpleNamespace(mean=Estimate(value=mean, n=5, unit="s"))

    latency = SimpleNamespace(e2e=times(whole), stages=[times(part) for part in parts])
    return rule(_claim("sum"), SimpleNamespace(latency=latency))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("whole", "parts", "ruling"),
    [
        (10.0, [4.0, 6.0], "supported"),
        (10.01, [4.0, 6.0], "supported"),  # two printed hundredths
        (9.98, [4.0, 6.0], "contradicted"),
        (10.5, [4.0, 6.0], "contradicted"),
        (None, [4.0], "not measurable"),
        (10.0, [4.0, None], "not measurable"),
        (10.0, [], "not measurable"),
    ],
)
def test_end_to_end_is_the_sum_of_its_stages(whole: Any, parts: Any, ruling: str) -> None:
    found = _sum(whole, *parts)
    assert found.ruling == ruling
    if ruling == "contradicted":
        assert ", except for " in found.why
    if ruling == "supported":
        assert found.may_say == "End to end is the sum of its stages."


@pytest.mark.parametrize(
    ("right", "graded", "ruling"),
    [
        (1, 5, "not measurable"),
        (3, 6, "not measurable"),  # two of twenty ways: p = 0.1
        (2, 9, "not measurable"),  # 2 of 36: 0.056
        (2, 10, "not supported"),  # 2 of 45
        (0, 0, "not measurable"),
    ],
)
def test_of_a_few_answers_no_test_can_show_that_times_go_with_failure(
    right: int, graded: int, ruling: str
) -> None:
    summary: Any = SimpleNamespace(answers=SimpleNamespace(right=right, graded=graded))
    assert rule(_claim("association"), summary).ruling == ruling


TRIALS = pd.DataFrame(
    {"case_id": ["a", "a", "b", "c"], "outcome": ["fail", "pass", "fail", "pass"]}
)


@pytest.mark.parametrize(
    ("cases", "ruling", "said"),
    [
        (("a", "c"), "supported", "2 of these 2 prompts were answered right."),
        (("a",), "supported", "This prompt was answered right."),
        (("a", "b"), "contradicted", "1 of these 2 prompts was answered right; never right: b."),
        (("b",), "contradicted", "This prompt was never answered right: b."),
        (("a", "x"), "supported", "This prompt was answered right."),
        (("x",), "not measurable", "None of these prompts was asked."),
    ],
)
def test_what_works_was_right_at_least_once(cases: Any, ruling: str, said: str) -> None:
    summary: Any = SimpleNamespace(run=SimpleNamespace(trials=TRIALS))
    found = rule(_claim("works", cases=cases), summary)
    assert (found.ruling, found.why) == (ruling, said)
    assert bool(found.caveat) is (ruling == "supported")


@pytest.mark.parametrize(
    ("value", "off", "holds"),
    [
        (14.96, 0.005, True),
        (15.0, 0.05, True),
        (15.0, 0.5, True),
        (14.9, 0.05, False),
        (14.95, 0.005, False),
        (None, 0.0, True),  # it says only that there is one
    ],
)
def test_a_figure_fits_to_the_digits_it_was_written_with(
    value: float | None, off: float, holds: bool
) -> None:
    found = Estimate(value=14.96, n=5, low=14.16, high=27.1, confidence=0.94, unit="s")
    assert fits(_claim("sum", value=value, off=off), found) is holds


def test_a_figure_fits_within_the_clock_s_error_and_none_fits_what_is_only_longer() -> None:
    rough = Estimate(value=14.96, n=5, unit="s", finest=0.1)
    assert fits(_claim("sum", value=15.06, off=0.0), rough)
    assert not fits(_claim("sum", value=15.2, off=0.0), rough)
    over = Estimate(value=300.0, n=5, unit="s", over=True)
    assert not fits(_claim("sum", value=300.0, off=0.5), over)
    assert not fits(_claim("sum", value=1.0, off=0.5), Estimate(value=None, n=0))


@pytest.mark.parametrize(
    ("estimate", "number"),
    [
        (Estimate(value=0.7, n=5, unit="%"), 0.7),
        (Estimate(value=0.0563, n=5, unit="s"), 0.0563),
        (Estimate(value=1234567.0, n=5, unit="s"), 1_230_000.0),
        (Estimate(value=0.0004, n=5, unit="%"), 0.0004),  # printed as "< 0.1 %"
    ],
)
def test_the_number_that_pages_print(estimate: Estimate, number: float) -> None:
    assert quantity_number(estimate) == pytest.approx(number)
