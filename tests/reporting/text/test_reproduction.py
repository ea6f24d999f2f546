"""A failure as Markdown for a tracker: what is in it, and that no answer gets out of its fence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.estimate import Estimate
from liftlab.jobs.reproducing import Minimal
from liftlab.reporting.text.reproduction import fenced, markdown


def failure(outcome: str = "fail", **parts: Any) -> Any:
    run = SimpleNamespace(run_id="r1", suite="mvp", endpoint="local", model="tiny")
    plain: dict[str, Any] = {
        "case_id": "add", "repeat": 1, "run": SimpleNamespace(run=run),
        "trial": {"outcome": outcome, "failure_class": "timeout"},
        "stages": pd.DataFrame({"error_class": [None]}), "facets": {}, "line": None,
        "prompt": None, "code": None, "reply": None,
    }  # fmt: skip
    like, kind = parts.pop("like", None), parts.pop("failure_class", "timeout")
    sent = SimpleNamespace(as_curl=lambda: "curl it", as_python=lambda: "send()")
    return SimpleNamespace(
        trial=SimpleNamespace(**plain | parts), failure_class=kind, sent=sent, like=like,
        stage=SimpleNamespace(name="ir_to_code"),
    )  # fmt: skip


def headings(page: str) -> list[str]:
    return [line[3:] for line in page.split("\n") if line.startswith("## ")]


def test_what_is_not_known_is_left_out() -> None:
    page = markdown(failure(), None, None)
    assert page.startswith("# ")
    assert headings(page) == ["The request"]
    assert page.endswith("```python\nsend()\n```\n")
    assert "Sent again" not in page


def test_an_answer_stands_in_place_of_its_reply_and_beside_a_right_one() -> None:
    known = {"prompt": "Add.", "code": "x = 1", "reply": "raw"}
    page = markdown(failure(**known, like=("sub", 2, "y = 2")), None, None)
    asked, answer, right, _ = headings(page)
    assert (asked, answer) == ("Asked for", "Answer")
    assert "sub, repeat 2" in right
    assert "```python\nx = 1\n```" in page
    assert "raw" not in page
    assert headings(markdown(failure(reply="raw"), None, None)) == ["Reply", "The request"]


def test_how_often_it_came_back_names_what_came_back() -> None:
    share = Estimate(value=0.5, n=4, unit="%")
    page = markdown(failure(), (share, 0), None)
    assert "(answers that run too long): 50 %" in page
    assert "no answer" not in page
    lost = markdown(failure("error", failure_class="deadline"), (share, 1), None)
    assert "(timed out)" in lost
    assert "1 more request had no answer" in lost


@pytest.mark.parametrize(("whole", "said"), [(True, "in 7 requests"), (False, "2 of 9")])
def test_the_smallest_input_says_what_it_is(whole: bool, said: str) -> None:
    least = Minimal(text="if a", before=9, after=2, requests=7, whole=whole)
    page = markdown(failure(), None, least)
    assert said in page
    assert ("smallest" in page) is not whole
    assert "```\nif a\n```" in page


def test_what_was_raised_is_said() -> None:
    page = markdown(failure(facets={"exception": "KeyError", "message": "<b>"}), None, None)
    assert "KeyError" in page
    assert "<b>" not in page.replace("\\<b", "")


@given(st.text(alphabet="`\na", max_size=40))
def test_no_text_ends_its_fence(text: str) -> None:
    lines = fenced(text, "python").split("\n")
    ticks = lines[-1]
    assert lines[0] == f"{ticks}python"
    assert len(ticks) >= 3
    assert set(ticks) == {"`"}
    assert not any(ticks in line for line in lines[1:-1])
    assert len(ticks) == 3 or ticks[1:] in text


def test_a_fenced_text_is_bounded() -> None:
    assert [len(fenced("x" * n)) - 8 for n in (19_999, 20_000, 20_001)] == [19_999, 20_000, 20_000]
    assert fenced("a\n\n") == "```\na\n```"
