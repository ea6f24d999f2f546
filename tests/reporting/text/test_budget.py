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
    for words in (text.ends, text.within, text.lever, text.beside, text.model):
        assert words(NOTHING) == ""
    assert list(text.estimates(NOTHING)) == []


def test_between_which_medians_the_plan_lies() -> None:
    assert text.ends(_result()) == (
        "If every planned stage takes its least, or its most: 12.0–18.0 s."
    )
    assert text.ends(_result(planned=0)) == ""


def test_how_many_end_within_the_target() -> None:
    assert text.within(_result()) == "40 % of requests will end within 15 s; now 90 % do."
    assert text.within(_result(planned=0)) == "90 % of requests end within 15 s."
    assert text.within(_result(limits=())) == ""


@pytest.mark.parametrize(("saves", "said"), [(2.5, "2.5 s"), (-0.1, "0 s")])
def test_which_stage_is_the_lever(saves: float, said: str) -> None:
    stage = SimpleNamespace(name="nlp_to_ir", saves_p50_s=saves)
    expected = f"Halving NLP → IR would save {said}, the most of any stage."
    assert text.lever(_result(stages=(stage,))) == expected
    assert text.lever(_result(stages=())) == ""


def test_what_running_in_parallel_would_gain() -> None:
    parallel = SimpleNamespace(with_planned={0.5: _s(12.0)})
    said = "Run in parallel, the planned stages would end 3 s sooner."
    assert text.beside(_result(beside=parallel)) == said
    assert text.beside(_result(beside=parallel, planned=1)) == ""
    assert text.beside(_result()) == ""


def test_what_the_figures_rest_on() -> None:
    said = text.model(_result())
    assert said.endswith(": 40 requests of 20 prompts.")
    more = text.model(_result(left_out=1200, misplaced=("nlp_to_ir",)))
    assert "1,200 without an answer are left out." in more
    assert more.endswith("This run has no stage NLP → IR: what comes after it was put at the end.")


def test_how_good_an_estimate_was() -> None:
    inside = Estimate(value=0.8, n=40, unit="%")
    kept = SimpleNamespace(
        name="intent_inference", low_s=1.0, high_s=2.0, measured=_s(1.5), inside=inside
    )
    assert list(text.estimates(_result(kept=(kept,)))) == [
        "intent inference was estimated at 1.00–2.00 s; its median is 1.5 s, and 80 % of its "
        "times lie in the range."
    ]
