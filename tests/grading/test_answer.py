"""Answers as models wrap them, each labelled by people with the verdict that it deserves.

`mini` came with the task; `blind` was written by somebody who had not seen the code. A `want` of
`unclear` is not judged.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.grading import Graded, grade
from liftlab.sandbox import Sandbox

FOLDER = Path(__file__).parent / "answers"
# A Counter equals a dictionary, and is none: docs/grading.md says that types match exactly.
AGAINST_THE_RULES = {"counter_object"}
# Classes that the endpoint's own words decide, not the text.
NOT_BY_THE_TEXT = {"refusal"}


def verdicts(name: str, sandbox: Sandbox) -> list[tuple[dict[str, Any], Graded]]:
    cases = {case.case_id: case for case in suite.load(FOLDER / f"{name}.toml").cases}
    lines = (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()
    labelled = [answer for answer in map(json.loads, lines) if answer["want"] in ("pass", "fail")]
    with ThreadPoolExecutor(2) as pool:
        graded = pool.map(
            lambda answer: grade(answer["code"], cases[answer["case_id"]], sandbox=sandbox),
            labelled,
        )
        return list(zip(labelled, graded, strict=True))


@pytest.mark.parametrize("name", ["mini", "blind"])
def test_each_answer_gets_the_verdict_that_it_deserves(name: str, sandbox: Sandbox) -> None:
    wrong, classes = {}, {}
    for answer, graded in verdicts(name, sandbox):
        if graded.outcome != answer["want"]:
            wrong[answer["name"]] = (graded.outcome, graded.failure_class, graded.facets)
        right = set(answer.get("class", "").split("|")) - NOT_BY_THE_TEXT - {""}
        if graded.outcome == "fail" and right and graded.failure_class not in right:
            classes[answer["name"]] = (graded.failure_class, right)
    assert wrong.keys() <= AGAINST_THE_RULES, wrong
    assert not classes.keys() - wrong.keys()
