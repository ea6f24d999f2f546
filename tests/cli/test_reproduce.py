"""`liftlab reproduce`: the exact request, how often it fails again, and on how little."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main
from liftlab.endpoints.urls import fault_of
from liftlab.jobs.minimizing import SpentError, ddmin, leaves_of, only
from liftlab.jobs.reproducing import _PLACE
from liftlab.reporting.text.reproduction import fenced
from tests.conftest import ROOT, LiftServer

Out = pytest.CaptureFixture[str]

PROMPT = "Return the larger of two numbers: a if it is larger than b, otherwise b."
CASE = f"""
[[cases]]
case_id = "max_of_two"
prompt = "{PROMPT}"
entry_point = "max_of_two"
checks = [[[1, 2], 2], [[2, 1], 2]]

[[cases]]
case_id = "also_max"
prompt = "Return the larger one of a and b."
entry_point = "max_of_two"
checks = [[[1, 2], 2]]
"""
BODY = {True: ["if a > b:", "return a", "return b"], False: ["return max(a, b)"]}


def page_for(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer well, but for what has an `if` in it: its block is not indented."""
    ended = {"tokens_used": 7, "generation_time_ms": 1.0, "finish_reason": "stop"}
    last = asked["prompt"].rstrip().split("\n\n")[-1]
    if "schema" not in asked:
        last = asked["prompt"]
        lines = BODY["if" in re.findall(r"\w+", last)]
        code = "\n    ".join(["def max_of_two(a, b):", *lines])
        return {"text": code, **ended}
    if "intent" in asked["schema"]["properties"]:
        summary = PROMPT if "otherwise" in last else "Return the larger."
        named = [{"name": name, "type_hint": "int"} for name in "ab"]
        ir = {
            "intent": {"summary": summary},
            "signature": {"name": "max_of_two", "parameters": named, "returns": "int"},
            "effects": [{"kind": "none"}],
        }
        return {"ir_json": ir, **ended}
    return {"ir_json": {"body": BODY["if" in re.findall(r"\w+", last)]}, **ended}


@pytest.fixture
def inside(
    project_folder: Path, lift_server: LiftServer, monkeypatch: pytest.MonkeyPatch
) -> LiftServer:
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", lift_server.url)
    monkeypatch.setenv("LIFT_TOKEN", "s3cret-token")
    (project_folder / "data/suites/tiny.toml").write_text(CASE)
    lift_server.page_for = page_for
    return lift_server


@pytest.mark.parametrize("pipeline", ["direct", "lift"])
def test_minimize_finds_the_if(pipeline: str, inside: LiftServer, capsys: Out) -> None:
    assert main(["run", "--repeats", "1", "--pipeline", pipeline]) == 0
    assert "sends $LIFT_TOKEN to http://127.0.0.1:" in capsys.readouterr().err
    before = len(inside.log)
    asked = ["reproduce", "latest", "max_of_two", "--again", "4", "--minimize"]
    assert main(asked) == 0
    said = capsys.readouterr()
    assert "at most 64 requests to lift, cost unknown" in said.err
    assert 4 < len(inside.log) - before <= 64
    assert "came back (indentation errors): 100 %" in said.out
    smallest = said.out.partition("The smallest input")[2].partition("```")[2].partition("```")[0]
    found = {"direct": "if", "lift": json.loads(smallest)["intent"] if pipeline == "lift" else ""}
    assert found["lift"] in ("", {"summary": "if"})
    assert re.findall(r"\bif\b", smallest) == ["if"]
    assert not re.search("larger|otherwise|effects", smallest)
    assert "A right answer beside it (also_max, repeat 1)" in said.out
    assert "s3cret-token" not in said.out
    assert '-H "authorization: Bearer $LIFT_TOKEN"' in said.out


def test_the_request_can_be_sent_as_it_is_printed(
    inside: LiftServer, capsys: Out, tmp_path: Path
) -> None:
    assert main(["run", "--repeats", "1", "--pipeline", "direct"]) == 0
    capsys.readouterr()
    assert main(["reproduce", "latest", "max_of_two"]) == 0
    script = capsys.readouterr().out.rpartition("```python\n")[2].partition("\n```")[0]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("200 ")
    assert "if a > b:" in done.stdout
    first, again = inside.log[0], inside.log[-1]
    assert again in inside.log[:2]
    assert first.partition("-")[0] == again.partition("-")[0]


def test_the_place_of_a_server_that_liftlab_starts_is_a_url() -> None:
    assert fault_of(_PLACE) is None


def test_there_has_to_be_a_failure(
    inside: LiftServer, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run", "--repeats", "1", "--pipeline", "direct"]) == 0
    capsys.readouterr()
    assert main(["reproduce", "latest", "also_max"]) == 2
    assert "also_max, repeat 1 did not fail" in capsys.readouterr().err
    monkeypatch.chdir(ROOT)
    assert main(["reproduce", "week2_day1", "is_even"]) in (2, 6)
    assert capsys.readouterr().err.count("\n") == 1


def test_the_tries_are_bounded() -> None:
    tries = 0

    def shows(part: Any) -> bool:
        nonlocal tries
        if tries == 3:
            raise SpentError
        tries += 1
        return 7 in part

    assert 7 in ddmin(range(16), shows)
    assert tries == 3
    assert ddmin(range(16), lambda part: {3, 12} <= set(part)) == [3, 12]


def test_a_part_of_a_json_value_has_its_words() -> None:
    value = {"a": {"b": "one two  three"}, "c": [1, {"d": None}], "e": ""}
    places = list(leaves_of(value))
    assert only(value, places) == value
    assert only(value, [("a", "b", 1), ("c", 1, "d")]) == {"a": {"b": "two"}, "c": [{"d": None}]}
    assert only(value, []) == {}


def test_no_answer_ends_its_fence() -> None:
    assert fenced("```\nout\n````").startswith("`````\n")
