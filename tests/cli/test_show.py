from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from liftlab.cli.show import print_notes


def test_notes_on_answers_are_printed_without_what_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facets = {"removed": ["fence"], "right_but_for_name": True, "function": "g\x1b[2J"}
    row = {"case_id": "add", "repeat": 1, "outcome": "fail", "failure_class": "wrong_answer"}
    row |= {"code_sha256": "0", "facets": json.dumps(facets)}
    grades, attempts = pd.DataFrame([row]), pd.DataFrame({"constrained": [None]})
    run = SimpleNamespace(protocol="lift", pipeline="lift")
    print_notes(SimpleNamespace(grades=grades, attempts=attempts, run=run))  # type: ignore[arg-type]
    _, first, second = capsys.readouterr().out.splitlines()
    assert first == "1 answer was unwrapped before grading (Markdown 1): 0 are right."
    assert second.endswith(
        "right but for the function's name: add (named g\N{REPLACEMENT CHARACTER}[2J)."
    )
