"""Two runs beside each other, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.paired import Change
from liftlab.reporting.text import comparison as text
from liftlab.summary.comparison import RankedRun, RankedRuns


def _change(ratio: float | None, verdict: Any, what: str = "e2e") -> Change:
    low, high = (None, None) if ratio is None else (ratio - 0.1, ratio + 0.1)
    estimate = Estimate(value=ratio, n=20, low=low, high=high, confidence=0.95)
    return Change(what=what, ratio=estimate, margin=0.1, verdict=verdict)


def _comparison(**parts: Any) -> Any:
    success = SimpleNamespace(
        first=parts.pop("first_rate", None),
        second=parts.pop("second_rate", None),
        difference=Estimate(
            value=0.2, n=20, low=0.1, high=0.3, confidence=0.95, unit="percentage points"
        ),
        verdict=parts.pop("verdict", "better"),
    )
    times = SimpleNamespace(
        times=[_change(5.0, "slower", "code"), parts.pop("change", _change(None, "cannot tell"))],
        success=success,
        shared=parts.pop("shared", 20),
        only_first=parts.pop("only_first", 0),
        only_second=parts.pop("only_second", 0),
    )
    given = {
        "first": SimpleNamespace(run_id="r1", row=parts.pop("row", {})),
        "times": times,
        "why": "",
        "differs": {},
        "cases": [],
        "unproven": (),
        "bottlenecks": (),
        "changed_cases": (),
        "uncertainty_s": None,
    }
    return SimpleNamespace(**given | parts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_change(None, "cannot tell"), "The two runs have no times to compare"),
        (_change(0.8, "faster"), "The second run is 20 % faster end to end"),
        (_change(1.25, "slower"), "The second run is 25 % slower end to end"),
        (_change(1.99, "slower"), "The second run is 99 % slower end to end"),
        (_change(2.0, "slower"), "The second run takes 2 times as long end to end"),
        (_change(2.5, "cannot tell"), "Not enough data to say whether the second run is faster"),
        (_change(1.0, "equivalent"), "The second run is as fast end to end, within 10 %"),
    ],
)
def test_the_title_says_how_much_faster(change: Change, said: str) -> None:
    assert text.title(_comparison(change=change)) == said


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, ""),
        ({"first_rate": 0.5}, ""),
        ({"change": _change(0.8, "faster")}, "Since run r1: it is 20 % faster end to end."),
        (
            {"first_rate": 0.5, "second_rate": 0.7, "row": {"started_at": "2026-01-02T03:04"}},
            "Since run r1 (2026-01-02): right answers went from 50 % to 70 %.",
        ),
        (
            {"first_rate": 0.5, "second_rate": 0.7, "verdict": "cannot tell"},
            "Since run r1: right answers went from 50 % to 70 %, "
            "too few prompts to call it a change.",
        ),
        (
            {
                "first_rate": 0.5,
                "second_rate": 0.5,
                "verdict": "equivalent",
                "change": _change(1.25, "slower"),
            },
            "Since run r1: right answers went from 50 % to 50 %, the same within the margin; "
            "it is 25 % slower end to end.",
        ),
    ],
)
def test_what_changed_since(parts: dict[str, Any], said: str) -> None:
    assert text.since(_comparison(**parts)) == said


def test_a_stage_s_change() -> None:
    assert text.change(_change(None, "cannot tell")) == "End to end: no times to compare."
    said = text.change(_change(1.5, "slower", "nlp_to_ir"))
    assert said == "NLP → IR: slower, × 1.50 (95 % interval 1.40–1.60)."


def test_the_success_rate_in_percentage_points() -> None:
    said = text.success(_comparison(first_rate=0.5, second_rate=0.7))
    assert said.startswith("Right answers: 50 % before, 70 % after, a difference of 20")
    assert said.endswith(": better.")
    for rates in ({"first_rate": 0.5}, {"second_rate": 0.5}):
        said = text.success(_comparison(**rates))
        assert said == "Right answers: no prompt was graded in both runs."


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"shared": 1}, "1 prompt is in both runs, made in the same way."),
        ({"shared": 2}, "2 prompts are in both runs, made in the same way."),
        (
            {"differs": {"model": ("a", "b"), "price": (1, 2)}},
            "20 prompts are in both runs. Not the same: model, price.",
        ),
    ],
)
def test_what_both_have(parts: dict[str, Any], said: str) -> None:
    assert said in text.sentences(_comparison(**parts))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"only_first": 1}, "Left out: 1 only in the first."),
        (
            {"only_first": 1, "only_second": 1200},
            "Left out: 1 only in the first, 1,200 only in the second.",
        ),
    ],
)
def test_what_one_has_alone(parts: dict[str, Any], said: str) -> None:
    assert said in text.sentences(_comparison(**parts))


def test_prompts_that_changed_beyond_chance() -> None:
    def case(p: float | None, verdict: str) -> Any:
        return SimpleNamespace(p=p, verdict=verdict)

    none = text.by_prompt(_comparison(cases=[case(None, "cannot tell")]))
    assert none == "What single prompts took; verdicts need three repeats in both runs"
    one = text.by_prompt(_comparison(cases=[case(0.01, "slower"), case(None, "cannot tell")]))
    assert one == "1 of 1 prompt changed beyond chance"
    some = text.by_prompt(_comparison(cases=[case(0.01, "slower"), case(0.4, "cannot tell")]))
    assert some == "1 of 2 prompts changed beyond chance"


def test_what_weakens_a_comparison() -> None:
    assert len(list(text.sentences(_comparison()))) == 2  # right answers, and what is shared
    notes = text.sentences(
        _comparison(
            unproven=("Unproven.",),
            bottlenecks=("r1", "r2"),
            changed_cases=["a", "b"],
            differs={"price": (1, 2)},
            uncertainty_s=0.003,
        )
    )
    assert list(notes)[2:] == [
        "Unproven.",
        "The client was the bottleneck in r1 and r2: times are too long by an unknown part.",
        "Left out, because prompt or checks changed: a and b.",
        "Costs are not compared: the price is not the same, or not known for both.",
        "Times are known to ± 3 ms.",
    ]


def test_why_these_two_comes_first() -> None:
    assert next(text.sentences(_comparison(why="The newest two."))) == "The newest two."
    assert next(text.sentences(_comparison())).startswith("Right answers")


def _ranked(*places: tuple[tuple[int, int], tuple[int, int]], shared: int = 20) -> RankedRuns:
    rows = tuple(
        RankedRun(
            run_id=f"r{n}",
            endpoint="e",
            model="m",
            success=Estimate(value=0.7, n=20, unit="%"),
            median=Estimate(value=10.0, n=20, unit="s"),
            success_places=right,
            time_places=time,
        )
        for n, (right, time) in enumerate(places)
    )
    return RankedRuns(rows=rows, shared=shared)


CLEAR = _ranked(((1, 1), (2, 3)), ((2, 3), (1, 1)), ((2, 3), (2, 3)))
OPEN = _ranked(((1, 2), (1, 2)), ((1, 2), (1, 2)), ((3, 3), (3, 3)))


@pytest.mark.parametrize(
    ("ranked", "said"),
    [
        (CLEAR, "r0 is right most often"),
        (OPEN, "Not enough data to say which of 2 runs is right most often"),
        (_ranked(((1, 1), (1, 1)), shared=0), "No prompt is in all runs: they cannot be ranked"),
    ],
)
def test_which_is_right_most_often(ranked: Any, said: str) -> None:
    assert text.most_often_right(ranked) == said


@pytest.mark.parametrize(
    ("ranked", "said"),
    [
        (CLEAR, "r1 is the fastest end to end."),
        (OPEN, "The fastest is one of r0 and r1."),
        (
            _ranked(((1, 2), (1, 2)), ((1, 2), (1, 2))),
            "Not enough data to say which is the fastest.",
        ),
    ],
)
def test_which_is_the_fastest(ranked: Any, said: str) -> None:
    assert next(text.ranking(ranked)) == said


def test_what_all_have() -> None:
    assert "20 prompts are in all 3 runs." in text.ranking(CLEAR)


def test_a_run_on_one_line() -> None:
    assert text.placed(CLEAR.rows[0]) == "r0: right 70 % (place 1), median 10 s (place 2–3)"
