"""Replies as odd as servers send them, through `liftlab run`: who is blamed, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main

STAGE = """
[pipelines.js]
stages = ["entities"]
[stages.entities]
prompt = "List the entities: $request"
attempts = 1
schema = { properties = { entities = { type = "array" } }, required = ["entities"] }
"""
FULL_IR = {
    "intent": {"summary": "Double", "rationale": "asked", "holes": []},
    "signature": {
        "name": "double",
        "parameters": [{"name": "x", "type_hint": "int", "description": "any"}],
        "returns": "int",
        "holes": [],
    },
    "effects": [],
    "assertions": [],
    "metadata": {},
}
CODE = "```python\ndef double(x):\n    return x * 2\n```"


@pytest.fixture
def inside(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    with (project_folder / "liftlab.toml").open("a") as file:
        file.write(STAGE)
    return project_folder


def completion(content: Any, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {"choices": [{"index": 0, "message": said, "finish_reason": finish_reason}]}


def run(odd_server: Any, name: str, *options: str, verb: str = "run") -> int:
    endpoint = ["--endpoint", odd_server.url(name), "--protocol", "openai", "--model", "m"]
    once = ["--repeats", "1", "--case", "double"] if verb == "run" else ["double"]
    return main([verb, *endpoint, *once, *options])


def shown(capsys: pytest.CaptureFixture[str], run: str = "latest") -> dict[str, Any]:
    capsys.readouterr()
    assert main(["show", run, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def lift_answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer without a constraint, as a server does that knows the full IR."""
    body = '"body"' in json.dumps(asked).replace("\\", "") and "def double" in json.dumps(asked)
    return completion(json.dumps({"body": ["return x * 2"], "notes": ""} if body else FULL_IR))


def test_an_unconstrained_server_with_the_full_ir_is_no_failure(
    inside: Path, odd_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_server.says["lift"] = lift_answer
    assert run(odd_server, "lift", "--pipeline", "lift") == 0
    assert "2 of 2 JSON answers were not constrained to their schema" in capsys.readouterr().out
    (trial,) = shown(capsys)["trials"]
    assert (trial["outcome"], trial["attempts"]) == ("pass", 2)


def test_a_server_that_answers_in_prose_fails_for_the_set_up(
    inside: Path, odd_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_server.says["prose"] = lambda asked: completion(CODE)
    assert run(odd_server, "prose", "--pipeline", "lift") == 4
    out, err = capsys.readouterr()
    assert "Most frequent reason, 1 of 1: answers stop at an unusable IR: no JSON in the" in out
    assert "--pipeline direct" in out
    assert "The set-up is the likely cause: try --pipeline direct" in err.splitlines()[-1]
    (trial,) = shown(capsys)["trials"]
    assert (trial["outcome"], trial["failure_class"]) == ("fail", "invalid_ir")


def test_an_unusable_reply_of_another_stage_names_it(
    inside: Path, odd_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_server.says["other"] = lambda asked: completion("{}")
    assert run(odd_server, "other", "--pipeline", "js") == 4
    out, err = capsys.readouterr()
    assert "answers stop at an unusable reply of stage entities: $: 'entities' is a" in out
    assert "--pipeline direct" not in out + err


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (completion('```json\n{"entities": []}\n```'), "fence"),
        (completion('<think>hm</think>{"entities": []}'), "thinking"),
        (completion('Here it is: {"entities": []}'), "prose"),
        (
            completion(
                None, tool_calls=[{"function": {"name": "f", "arguments": '{"entities": []}'}}]
            ),
            "tool_call",
        ),
    ],
)
def test_what_was_around_an_object_is_a_facet(
    inside: Path, odd_server: Any, answer: dict[str, Any], note: str
) -> None:
    from liftlab.jobs import opening
    from liftlab.settings import load_project

    odd_server.says["wrapped"] = lambda asked: answer
    assert run(odd_server, "wrapped", "--pipeline", "js") == 0
    done = opening.open_run("latest", project=load_project())
    assert json.loads(done.grades["facets"].iloc[0]) == {"reply": {"entities": [note]}}
    assert done.stages["ok"].all()


@pytest.mark.parametrize(
    ("answer", "outcome", "failure_class", "words"),
    [
        (completion(None, refusal="I will not"), "fail", "refusal", "refuse: the model refuses"),
        (completion("x", "content_filter"), "fail", "content_filter", "the provider's filter"),
        (completion(None, "length", reasoning="hm"), "fail", "reasoning_unfinished", "reasoning"),
        (
            completion(None, tool_calls=[{"function": {"name": "search"}}]),
            "fail",
            "empty_output",
            "a tool (search)",
        ),
        (completion(CODE, "abort"), "error", "endpoint_error", "broke the answer off (abort)"),
        ({"error": "lost"}, "error", "endpoint_error", "server reported an error: lost"),
        (b"", "error", "endpoint_error", "unreadable reply: empty reply"),
        (
            b'data: {"choices": [{"delta": {"content": "x"}}]}\n\nerror: lost\n\n',
            "error",
            "endpoint_error",
            "server reported an error: lost",
        ),
    ],
)
def test_who_is_blamed_and_what_is_said(
    inside: Path,
    odd_server: Any,
    capsys: pytest.CaptureFixture[str],
    answer: Any,
    outcome: str,
    failure_class: str,
    words: str,
) -> None:
    odd_server.says["odd"] = lambda asked: answer
    assert run(odd_server, "odd", "--pipeline", "direct") == 4
    out, err = capsys.readouterr()
    assert words in out
    assert words in err.splitlines()[-1]
    (trial,) = shown(capsys)["trials"]
    assert (trial["outcome"], trial["failure_class"]) == (outcome, failure_class)


def test_one_case_that_never_came_to_code_is_exit_4_too(
    inside: Path, odd_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_server.says["quick"] = lambda asked: {"error": "lost"}
    assert run(odd_server, "quick", "--pipeline", "direct", verb="quick") == 4
    out, err = capsys.readouterr()
    assert "Most frequent reason, 1 of 1: server reported an error: lost" in out
    assert "The set-up is the likely cause" in err.splitlines()[-1]


def test_a_wrong_answer_is_a_reason_and_no_fault_of_the_set_up(
    inside: Path, odd_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_server.says["wrong"] = lambda asked: completion(CODE.replace("x * 2", "x"))
    assert run(odd_server, "wrong", "--pipeline", "direct", verb="quick") == 0
    told = "Most frequent reason, 1 of 1: answers are right on some inputs only"
    assert told in capsys.readouterr().out
    assert main(["show", "20"]) == 0
    assert told in capsys.readouterr().out
    assert shown(capsys, "20")["reasons"] == [told]


def test_an_answer_that_is_right_needs_no_reason(
    inside: Path, odd_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_server.says["right"] = lambda asked: completion(CODE)
    assert run(odd_server, "right", "--pipeline", "direct") == 0
    assert "reason" not in capsys.readouterr().out
