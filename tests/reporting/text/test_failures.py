"""What is wrong with the answers that are not right, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.success import failure_classes
from liftlab.reporting.text import failures as text


def _failures(*classes: str | None, clearly: bool = True, graded: bool = True) -> Any:
    outcome = ["fail" if name else "pass" if graded else "error" for name in classes]
    table = pd.DataFrame({"outcome": outcome, "failure_class": classes}, dtype=object)
    table["case_id"] = [str(n) for n in range(len(table))]
    rows = failure_classes(table)
    return SimpleNamespace(
        run=SimpleNamespace(counted=lambda _, name: table[[name]].drop_duplicates()),
        rows=rows,
        count=sum(row.count for row in rows),
        clearly_first=clearly,
    )


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([None], "No answer failed"),
        (["timeout"], "One answer failed: answers that run too long"),
        (["name_error"] * 2, "Undefined names cause all 2 failures"),
        (["name_error", "crash"], "2 answers fail in 2 different ways"),
        (
            ["name_error", "name_error", "crash"],
            "Undefined names cause most failures: 2 of 3",
        ),
        (
            ["name_error", "name_error", "crash", "timeout"],
            "The most frequent fault is undefined names: 2 of 4 failures",
        ),
    ],
)
def test_the_title_names_the_cause(classes: list[str | None], said: str) -> None:
    assert text.title(_failures(*classes)) == said


def test_nothing_graded_is_not_nothing_wrong() -> None:
    assert text.title(_failures(None, graded=False)) == "No answer was graded"
    assert text.first(_failures(None)) == ""


def test_how_much_the_first_spoils() -> None:
    one = text.first(_failures("name_error", "name_error", None, None))
    assert one.startswith("They spoil 50 % (likely ")
    assert one.endswith(") of all graded answers.")
    tied = text.first(_failures("name_error", "crash", None, clearly=False))
    assert tied.startswith("Undefined names spoil 33 %")
    assert tied.endswith(" That is not clearly more than crashes of the interpreter.")
    sure = text.first(_failures("name_error", "name_error", "crash"))
    assert "not clearly" not in sure
