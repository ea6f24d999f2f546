"""Claims that a run speaks against, as code scanning reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from liftlab.reporting.sarif import sarif
from liftlab.summary.claims.text.lint import Checked


def checked(line: int, ruling: str | None) -> Any:
    told: Any = None
    if ruling is not None:
        told = type("Ruling", (), {"ruling": ruling, "why": "It is 2 s."})()
    return Checked(line=line, said="1 s", ruling=told)


def test_what_a_run_does_not_carry_is_a_result_at_its_line() -> None:
    rows = [
        checked(1, "supported"),
        checked(2, "contradicted"),
        checked(3, "not supported"),
        checked(4, "not measurable"),
        checked(5, None),
    ]
    told = sarif(rows, Path("docs/a.md"), "r1")
    assert told["version"] == "2.1.0"
    [run] = told["runs"]
    assert run["properties"] == {"run_id": "r1"}
    shown = [(row["ruleId"], row["level"]) for row in run["results"]]
    assert shown == [
        ("contradicted", "error"),
        ("not-supported", "warning"),
        ("not-measurable", "warning"),
    ]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert rules == {name for name, _ in shown}
    first = run["results"][0]
    assert first["message"]["text"] == "“1 s”: contradicted. It is 2 s."
    [place] = first["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "docs/a.md"},
        "region": {"startLine": 2},
    }
