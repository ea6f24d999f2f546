"""A load, and the times of tokens, a line each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import load as text


def _load(**parts: Any) -> Any:
    given = {
        "loop": "closed loop",
        "n": 1200,
        "ok": 1100,
        "rps": 12.34,
        "errors": (),
        "spreads": (),
        "reasoned_only": 0,
        "reused": 1190,
        "stale": 0,
        "missing": 0,
    }
    return SimpleNamespace(**given | parts)


def _seconds(value: float | None) -> Estimate:
    return Estimate(value=value, n=40, unit="s")


def test_a_plain_load() -> None:
    assert list(text.lines(_load())) == [
        "closed loop: 1,200 requests, 1,100 answered well, 12.3 answered a second",
        "connections: 1,190 of 1,200 requests on one used before",
    ]
    assert next(text.lines(_load(rps=None))).endswith("answered well")


def test_what_went_wrong_is_said() -> None:
    said = list(
        text.lines(_load(errors=(("deadline", 1000), ("reset", 1)), reasoned_only=3, stale=2))
    )
    assert said[1] == "failed: 1,000 × timed out, 1 × connection lost"
    assert said[2] == "no answer token came in 3 replies: only reasoning"
    assert said[3].endswith("; 2 sent again at once on a new one")


def test_quantiles_that_there_are_and_the_largest() -> None:
    quantiles = ((0.5, _seconds(1.0)), (0.95, _seconds(None)), (0.999, _seconds(3.0)))
    spread = SimpleNamespace(name="lag", quantiles=quantiles, unit="s", largest=9.0)
    assert "lag, planned to sent: P50 1 s, P99.9 3 s, largest 9 s" in text.lines(
        _load(spreads=(spread,))
    )
    rate = SimpleNamespace(name="e2e", quantiles=quantiles[:1], unit="1/s", largest=9.0)
    assert "E2E from sent: P50 1 s" in text.lines(_load(spreads=(rate,)))


def test_times_of_tokens() -> None:
    medians = {"ttft": _seconds(0.5), "itl": _seconds(None), "tokens_per_s": _seconds(20.0)}
    stage: Any = SimpleNamespace(stage="nlp_to_ir", n=1200, medians=medians, reasoned_only=0)
    said = text.tokens(stage)
    assert said.startswith("NLP → IR, medians of 1,200 streamed replies: ")
    assert said.count(",") == 3  # what is not known is left out
    stage.reasoned_only = 2
    assert text.tokens(stage).endswith(", no answer token came in 2")


def test_one_is_not_many() -> None:
    one = _load(n=1, ok=1, rps=None, reused=0, missing=1, reasoned_only=1)
    summary: Any = SimpleNamespace(load=one)
    assert text.title(summary) == "1 of 1 request was answered"
    assert list(text.lines(one)) == [
        "closed loop: 1 request, 1 answered well",
        "offered load not reached: 1 of 2 planned requests was not sent, or is lost",
        "no answer token came in 1 reply: only reasoning",
        "connections: 0 of 1 request on one used before",
    ]
    stage: Any = SimpleNamespace(stage="code", n=1, medians={}, reasoned_only=0)
    assert "medians of 1 streamed reply:" in text.tokens(stage)
