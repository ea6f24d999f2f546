"""How long requests take, and by when a request has a right answer, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.records import LOAD
from liftlab.reporting.text import latency as text


def _right_by(*seconds: float, value: float = 0.5) -> Any:
    curve = SimpleNamespace(
        seconds=list(seconds), at=lambda at: Estimate(value=value, n=20, unit="%")
    )
    return SimpleNamespace(curve=curve, limits=(("target", 15.0), ("wish", 5.0)))


def test_how_many_are_right_in_the_end() -> None:
    said = "50 % have a right answer within 9 s; the others never get one"
    assert text.right_by_title(_right_by(1.0, 9.0)) == said
    assert text.right_by_title(_right_by(9.0, value=1.0)) == "All have a right answer within 9 s"
    assert (
        text.right_by_title(_right_by()) == "No request has a right answer, however long one waits"
    )


def test_how_many_are_right_within_each_target() -> None:
    assert list(text.right_within(_right_by(1.0))) == [
        "Right within 15 s: 50 %.",
        "Right within 5 s: 50 %.",
    ]


def _parts(value: float | None, reason: str = "") -> Any:
    repeat = Estimate(value=value, n=20, unit="%")
    return SimpleNamespace(repeat=repeat, share=repeat, reason=reason)


def _spread(*rows: tuple[str, Any]) -> Any:
    return SimpleNamespace(rows=rows)


def test_the_stage_that_varies_most_is_named() -> None:
    rows = [("nlp_to_ir", _parts(0.2)), ("ir_to_code", _parts(0.4)), ("e2e", _parts(0.9))]
    assert text.spread_title(_spread(*rows)).startswith("IR → Code varies most: by 40 %")
    unknown = _spread(("nlp_to_ir", _parts(None, "needs repeats")), ("e2e", _parts(0.9)))
    assert "%" not in text.spread_title(unknown)


def test_how_much_lies_between_prompts_or_what_would_tell() -> None:
    assert text.between_prompts(_spread(("e2e", _parts(0.9)))).startswith("90 % ")
    assert text.between_prompts(_spread(("nlp_to_ir", _parts(0.9)))) == ""
    assert text.between_prompts(_spread(("e2e", _parts(None, "needs repeats")))).endswith(
        "needs repeats."
    )
    assert text.between_prompts(_spread(("e2e", _parts(None, "is odd")))) == ""


def _time(what: str = "e2e", **known: Any) -> Any:
    ratio = Estimate(value=known.pop("ratio", 1.0), n=20, quantity=f"drift:{what}")
    low = Estimate(value=0.3, low=known.pop("low", None), n=20)
    return SimpleNamespace(
        **{"what": what, "p": 0.5, "drifts": False, "ratio": ratio, "neighbours": low} | known
    )


def _drift(*drifting: Any, ordered: bool = True, **e2e: Any) -> Any:
    times = SimpleNamespace(ordered=ordered, e2e=_time(**e2e), drifting=drifting)
    return SimpleNamespace(times=times)


def test_each_time_that_drifts_is_named_with_its_change() -> None:
    longer, less = _time("nlp_to_ir", ratio=1.25), _time(ratio=0.9)
    said = text.drift_title(_drift(longer, less))
    first, second = said.split("; ")
    assert first.startswith("NLP → IR took 25 % longer ")
    assert second.startswith("End to end took 10 % less ")
    assert said.quantities == [("drift:nlp_to_ir", "25 %"), ("drift:e2e", "10 %")]


def test_no_drift_is_told_apart_from_not_enough_repeats() -> None:
    longer = _time()
    drifts = (_drift(), _drift(p=None), _drift(ordered=False), _drift(longer))
    titles = [text.drift_title(drift) for drift in drifts]
    assert len(set(titles)) == 4
    assert titles[1].startswith("Not enough")
    assert text.drift_title(_drift(longer, p=None)) == titles[3]


@pytest.mark.parametrize(
    ("ordered", "low", "said"),
    [(True, 0.21, True), (True, 0.2, False), (True, None, False), (False, 0.5, False)],
)
def test_neighbours_that_go_together_are_told(ordered: bool, low: Any, said: bool) -> None:
    assert bool(text.neighbours(_drift(ordered=ordered, low=low))) is said


@pytest.mark.parametrize(
    ("p", "drifts", "said"),
    [(None, False, "undecided"), (0.01, True, "drifts"), (0.5, False, "none seen")],
)
def test_whether_a_time_drifts(p: Any, drifts: bool, said: str) -> None:
    assert text.drifts(_time(p=p, drifts=drifts)) == said


def _latency(pipeline: str = "lift", right: float = 2.0, left_out: int = 0, **p95: Any) -> Any:
    tail = Estimate(**{"value": 4.0, "n": 20, "unit": "s"} | p95)
    median = Estimate(value=2.0, n=20, unit="s")
    return SimpleNamespace(
        run=SimpleNamespace(run=SimpleNamespace(pipeline=pipeline)),
        e2e=SimpleNamespace(n=p95.get("n", 20), p50=median, p95=tail, left_out=left_out),
        right=SimpleNamespace(p50=Estimate(value=right, n=20, unit="s")),
    )


@pytest.mark.parametrize(
    ("latency", "said"),
    [
        (_latency(), "P95 is 4 s."),
        (_latency(value=None, reason="too few prompts"), "Too few prompts."),
        (_latency(value=None), ""),
        (_latency(n=0), ""),
        (_latency(LOAD), ""),
    ],
)
def test_the_tail_or_why_there_is_none(latency: Any, said: str) -> None:
    assert text.tail(latency) == said


def test_what_differs_and_what_has_no_time_is_said() -> None:
    assert list(text.sentences(_latency())) == ["P95 is 4 s."]
    assert len(list(text.sentences(_latency(right=3.0)))) == 2
    for count, verb in ((1, "has"), (2, "have")):
        *_, last = text.sentences(_latency(left_out=count))
        assert last.startswith(f"{count} request")
        assert f" and {verb} no time" in last
