"""Slow steps in words: how many, and why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.causes import CAUSES
from liftlab.analysis.slow_steps import Part, SlowStep, SlowSteps
from liftlab.reporting.text import slow as text
from liftlab.reporting.text.slow import step_words, tenths


def _slow(*causes: str, total: int = 40, beyond: int = 0, **known: Any) -> Any:
    rows = [
        {
            "case_id": f"case_{n}",
            "repeat": 1,
            "stage": "code",
            "took_s": 5.0,
            "usual_s": 2.0,
            **dict.fromkeys(CAUSES, 0.0),
            "unexplained_s": 3.0,
            "main_cause": cause,
            "retries": 0,
            "retry_reason": "",
            "probably": "",
            "beyond_chance": n < beyond,
            "advice": "",
        }
        for n, cause in enumerate(causes)
    ]
    columns = ["main_cause", "beyond_chance"]
    steps = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    judged = {"judged": {"code": total}, "reasons": {}} | known
    return SimpleNamespace(steps=SlowSteps(steps=steps, total=total, **judged), left_out=0)


@pytest.mark.parametrize(
    ("slow", "said"),
    [
        (_slow(total=0), "No step has ended with an answer"),
        (_slow(), "No step of 40 was slow"),
        (_slow("retry"), "1 of 40 steps was slow, because the model was asked again"),
        (_slow("queue", total=1), "1 of 1 step was slow, because requests waited in a queue"),
        (
            _slow("retry", "retry", "queue"),
            "3 of 40 steps were slow, mostly because the model was asked again",
        ),
        (_slow("retry", "queue"), "2 of 40 steps were slow: 1 queued, 1 asked again"),
        (_slow("unexplained", "unexplained"), "2 of 40 steps were slow: 2 unexplained"),
    ],
)
def test_how_many_were_slow_and_why(slow: Any, said: str) -> None:
    assert text.title(slow) == said


def test_the_headline_needs_a_step() -> None:
    assert text.headline(_slow(total=0)) == ""
    assert text.headline(_slow()) == "No step of 40 was slow."


@pytest.mark.parametrize(
    ("slow", "said"),
    [
        (_slow(judged={"code": 0}), ""),
        (
            _slow(judged={}, reasons={"code": "too few"}),
            "Which steps took longer than chance explains is not known: too few.",
        ),
        (_slow(), "No step is slower than chance explains."),
        (_slow("unexplained"), "No step is slower than chance explains."),
        (_slow("queue"), "Apart from these causes, no step is slower than chance explains."),
        (
            _slow("queue", "queue", beyond=1, judged={"a": 1, "b": 2}),
            "1 of 3 steps took longer than chance and the known causes explain.",
        ),
    ],
)
def test_what_is_beyond_chance(slow: Any, said: str) -> None:
    assert text.beyond_chance(slow) == said


def test_the_worst_come_one_a_sentence() -> None:
    found = list(text.worst(_slow("retry", "retry", "retry"), 2))
    assert found == [
        "case_0: 3.0 s slower than usual: 3.0 s unexplained.",
        "case_1: 3.0 s slower than usual: 3.0 s unexplained.",
    ]


def _step(*parts: tuple[Any, float], **known: Any) -> SlowStep:
    held = sum(seconds for _, seconds in parts)
    return SlowStep(
        case_id="add",
        repeat=1,
        stage="code",
        took_s=12.0,
        usual_s=2.0,
        parts=tuple(Part(cause=cause, seconds=seconds) for cause, seconds in parts),
        unexplained_s=10.0 - held,
        main_cause="retry",
        **{"retries": 0, "retry_reason": "", "probably": "", "beyond_chance": False, "advice": ""}
        | known,
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (_step(("queue", 10.0)), "10.0 s for queue."),
        (_step(("queue", 9.5)), "9.5 s for queue, 500 ms unexplained."),
        (_step(("queue", 9.51)), "9.5 s for queue."),  # under 5 % is worth no word
        (_step(("queue", 9.6), ("stall", 0.4)), "9.6 s for queue."),
        (
            _step(("retry", 10.0), retries=1, retry_reason="length"),
            "10.0 s for a retry after the answer hit the token limit.",
        ),
        (
            _step(("retry", 10.0), retries=2, retry_reason="tls"),
            "10.0 s for 2 retries after no secure connection.",
        ),
        (_step(("retry", 10.0), retries=3), "10.0 s for 3 retries."),
        (_step(probably="cold_start"), "10.0 s unexplained (probably a cold start)."),
        (
            _step(advice="investigate"),
            "10.0 s unexplained; look for it in the server's log.",
        ),
    ],
)
def test_one_step_in_a_line(step: SlowStep, said: str) -> None:
    assert step_words(step) == f"add: 10.0 s slower than usual: {said}"


def test_seconds_to_a_tenth_and_less_in_milliseconds() -> None:
    assert [tenths(seconds) for seconds in (1.0, 12.34, -3.0)] == ["1.0 s", "12.3 s", "-3.0 s"]
    assert tenths(0.999).endswith(" ms")
