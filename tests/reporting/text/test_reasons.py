from __future__ import annotations

import json
from typing import Any

import pandas as pd

from liftlab.reporting.text.reasons import answer_notes


def grades(*rows: tuple[str, str, dict[str, Any] | None]) -> pd.DataFrame:
    columns = ["case_id", "outcome", "facets"]
    return pd.DataFrame(
        [(case, outcome, facets and json.dumps(facets)) for case, outcome, facets in rows],
        columns=columns,
    )


def test_answers_that_were_unwrapped_are_counted_by_kind() -> None:
    (note,) = answer_notes(
        grades(
            ("a", "pass", {"found": "asked", "removed": ["reasoning", "fence"]}),
            ("b", "fail", {"removed": ["fence"]}),
            ("c", "pass", {"found": "asked"}),
            ("d", "ungraded", None),
        )
    )
    assert note == "2 answers were unwrapped before grading (Markdown 2, reasoning 1): 1 is right."


def test_answers_right_but_for_the_name_are_listed() -> None:
    misnamed = {"right_but_for_name": True, "function": "plus"}
    assert answer_notes(grades(("add", "fail", misnamed))) == [
        "1 answer is right but for the function's name: add (named plus)."
    ]
    (note,) = answer_notes(grades(*[("add", "fail", misnamed)] * 12))
    assert note.startswith("12 answers are right but for the function's name: add (named plus), ")
    assert note.endswith(" and 2 more.")


def test_nothing_to_say_is_nothing() -> None:
    assert answer_notes(grades(("a", "pass", {"found": "asked"}), ("b", "ungraded", None))) == []
    assert answer_notes(grades()) == []


def test_what_answers_lacked_is_counted() -> None:
    wanted = [("a", "fail", {"not_installed": name}) for name in ("numpy", "pandas", "numpy")]
    newer = [("a", "ungraded", {"needs_python": version}) for version in ("3.14", "3.12", "3.12")]
    assert answer_notes(grades(*wanted, *newer)) == [
        "3 answers import packages that the sandbox lacks: numpy (2), pandas (1). "
        "Allow them with packages under [grading].",
        "3 answers need a newer Python and were not graded: Python 3.12 (2), Python 3.14 (1). "
        "Name an interpreter with python under [grading].",
    ]
