"""One trial in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.reporting.text import trial as text


def _trial(outcome: str | None = "pass", e2e_s: Any = 5.0, **parts: Any) -> Any:
    failure = parts.pop("failure_class", None)
    own = parts.pop("client_s", [None, None, None])  # of the trial and its stages
    given = {
        "case_id": "add",
        "repeat": 2,
        "trial": {"outcome": outcome, "failure_class": failure, "e2e_s": e2e_s, "client_s": own[0]},
        "stages": pd.DataFrame(
            {
                "stage": ["nlp_to_ir", "ir_to_code"],
                "latency_s": parts.pop("latency_s", [3.0, 2.0]),
                "client_s": own[1:],
                "error_class": parts.pop("error_class", [None, None]),
            }
        ),
        "attempts": pd.DataFrame({"attempt": parts.pop("attempt", [1, 1])}),
        "checks": pd.DataFrame({"passed": parts.pop("passed", [])}),
        "facets": {},
        "line": None,
        "limits": (),
    }
    return SimpleNamespace(**given | parts)


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (_trial(), "add, repeat 2: right"),
        (_trial("fail", failure_class="timeout"), "wrong, answers that run too long"),
        (_trial("fail", failure_class=float("nan")), "add, repeat 2: wrong"),
        (_trial("error", error_class=["reset", "deadline"]), "no answer, timed out"),
        (_trial("error", failure_class="endpoint_error"), "no answer, endpoint failures"),
        (_trial("ungraded"), "add, repeat 2: not graded"),
        (_trial(None), "add, repeat 2: not graded"),
        # An error that was got over is not why an answer is wrong.
        (_trial("fail", failure_class="crash", error_class=["reset", None]), "interpreter"),
    ],
)
def test_how_it_ended(trial: Any, said: str) -> None:
    assert text.title(trial).endswith(said)


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (_trial(), "It took 5 s (NLP → IR 3 s, IR → Code 2 s) in 2 requests."),
        (_trial(attempt=[1], latency_s=[5.0, None]), "It took 5 s in 1 request."),
        (
            _trial(e2e_s=14.96, latency_s=[14.96, None], limits=[15.0]),
            "It took 14.96 s in 2 requests.",
        ),
        (  # what liftlab's own work took is none of it
            _trial(e2e_s=6.5, latency_s=[4.0, 2.5], client_s=[1.5, 1.0, 0.5]),
            "It took 5 s (NLP → IR 3 s, IR → Code 2 s) in 2 requests; "
            "liftlab's own work took 1.5 s more.",
        ),
        (_trial(e2e_s=None), "No time was measured."),
        (_trial(e2e_s=float("nan")), "No time was measured."),
        (
            _trial(attempt=[1, None], latency_s=[5.0, None]),
            "It took 5 s; how many requests it sent is not known.",
        ),
    ],
)
def test_how_long_it_took(trial: Any, said: str) -> None:
    assert text.times(trial) == said


def test_what_it_raised() -> None:
    facets = {"exception": "ValueError", "message": "no"}
    assert text.raised(_trial()) == ""
    assert text.raised(_trial(facets={"exception": 3})) == ""
    assert text.raised(_trial(facets=facets)) == "ValueError: no"
    assert text.raised(_trial(facets=facets, line=0)) == "ValueError on line 0: no"
    assert text.raised(_trial(facets={"exception": "KeyError"}, line=7)) == "KeyError on line 7"


def test_how_many_checks_it_met() -> None:
    assert text.checks(_trial()) == ""
    assert text.checks(_trial(passed=[True])) == "1 of 1 check met."
    assert text.checks(_trial(passed=[True, False, True])) == "2 of 3 checks met."
