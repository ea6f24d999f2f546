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
    row = {"case_id": "add", "outcome": "fail", "facets": json.dumps(facets)}
    print_notes(SimpleNamespace(grades=pd.DataFrame([row])))  # type: ignore[arg-type]
    first, second = capsys.readouterr().out.splitlines()
    assert first == "  1 answer was unwrapped before grading (Markdown 1): 0 are right."
    assert second.endswith(
        "right but for the function's name: add (named g\N{REPLACEMENT CHARACTER}[2J)."
    )
