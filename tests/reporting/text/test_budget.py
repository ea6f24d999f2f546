"""How long a request will take with the planned stages, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import budget as text


def _s(value: float) -> Estimate:
    return Estimate(value=value, n=40, unit="s")


def _result(planned: int = 2, **parts: Any) -> Any:
    budget = {
        "without": {0.5: _s(10.0)},
        "with_planned": {0.5: _s(15.0)},
        "planned": ("stage",) * planned,
        "lowest_s": 12.0,
        "highest_s": 18.0,
        "within": lambda limit: (0.9, 0.4),
        "stages": (SimpleNamespace(name="nlp_to_ir", saves_p50_s=2.5),),
        "rows": 40,
        "n": 20,
        "left_out": 0,
        "misplaced": (),
        "kept": (),
    }
    given = {"limits": (("target", 15.0),), "beside": None}
    for name, value in parts.items():
        (budget if name in budget else given)[name] = value
    return SimpleNamespace(**{"budget": SimpleNamespace(**budget)} | given)


NOTHING = _result(budget=None)


def test_the_median_with_the_planned_stages() -> None:
    assert (
        text.title(_result()) == "With 2 planned stages the median request will take 15 s; now 10 s"
    )
    assert text.title(_result(planned=1)).startswith("With 1 planned stage the")
    said = "Every planned stage is measured: the median request takes 10 s"
    assert text.title(_result(planned=0)) == said
    assert text.title(NOTHING).startswith("No request was answered")


def test_without_times_nothing_else_is_said() -> None:
    assert list(text.sentences(NOTHING)) == []


def test_between_which_medians_the_plan_lies() -> None:
    said = "If every planned stage takes its least, or its most: 12.0–18.0 s."
    assert said in text.sentences(_result())
    assert said not in text.sentences(_result(planned=0))


def test_how_many_end_within_the_target() -> None:
    first, *_ = text.sentences(_result())
    assert first == "40 % of requests will end within 15 s; now 90 % do."
    assert next(text.sentences(_result(planned=0))) == "90 % of requests end within 15 s."
    assert not any("end within" in said for said in text.sentences(_result(limits=())))


@pytest.mark.parametrize(("saves", "said"), [(2.5, "2.5 s"), (-0.1, "0 s")])
def test_which_stage_is_the_lever(saves: float, said: str) -> None:
    stage = SimpleNamespace(name="nlp_to_ir", saves_p50_s=saves)
    expected = f"Halving NLP → IR would save {said}, the most of any stage."
    assert text.lever(_result(stages=(stage,)).budget) == expected
    assert text.lever(_result(stages=()).budget) == ""


def test_what_running_in_parallel_would_gain() -> None:
    parallel = SimpleNamespace(with_planned={0.5: _s(12.0)})
    said = "Run in parallel, the planned stages would end 3 s sooner."
    assert said in text.sentences(_result(beside=parallel))
    for other in (_result(beside=parallel, planned=1), _result()):
        assert not any("parallel" in sentence for sentence in text.sentences(other))


def test_what_the_figures_rest_on() -> None:
    said = text.model(_result().budget)
    assert said.endswith(": 40 requests of 20 prompts.")
    more = text.model(_result(left_out=1200, misplaced=("nlp_to_ir",)).budget)
    assert "1,200 without an answer are left out." in more
    assert more.endswith("This run has no stage NLP → IR: what comes after it was put at the end.")


def test_how_good_an_estimate_was() -> None:
    inside = Estimate(value=0.8, n=40, unit="%")
    kept = SimpleNamespace(
        name="intent_inference", low_s=1.0, high_s=2.0, measured=_s(1.5), inside=inside
    )
    *_, last = text.sentences(_result(kept=(kept,)))
    assert last == (
        "intent inference was estimated at 1.00–2.00 s; its median is 1.5 s, and 80 % of its "
        "times lie in the range."
    )


def _of(value: float | None, unit: str, reason: str = "") -> Estimate:
    return Estimate(value=value, n=20, unit=unit, reason=reason)


def _found(**parts: Any) -> Any:
    given = {
        "now": SimpleNamespace(p50=_of(10.0, "s")),
        "then": SimpleNamespace(p50=_of(5.0, "s")),
        "cost_now": _of(0.02, "USD"),
        "cost_then": _of(0.01, "USD"),
        "month": None,
    }
    return SimpleNamespace(**given | parts)


def _then(**parts: Any) -> list[str]:
    _, *sentences = text.what_if(_found(**parts))
    return sentences


def test_the_median_then_and_now() -> None:
    assert next(text.what_if(_found())) == "The median request would take 5 s instead of 10 s"
    none = _found(then=SimpleNamespace(p50=_of(None, "s")))
    assert next(text.what_if(none)) == "No request was answered, so there are no times"


def test_the_cost_then_and_now() -> None:
    assert _then() == ["A request would cost 0.01 USD instead of 0.02 USD."]
    assert _then(cost_now=_of(None, "USD")) == ["A request would cost 0.01 USD."]
    assert _then(cost_then=_of(None, "USD")) == []


def test_the_bill_of_a_month() -> None:
    month = SimpleNamespace(requests=10_000.0, usd=_of(250.0, "USD"))
    assert _then(month=month)[-1] == "10,000 requests a month would cost 250 USD."
    month = SimpleNamespace(requests=10_000.0, usd=_of(None, "USD", "no price"))
    assert _then(month=month)[-1] == "The bill of a month is not known: no price."
