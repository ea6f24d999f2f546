"""What the two stages of the lift pipeline ask for, and what they take of a reply."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.pipeline import prompts
from liftlab.pipeline.base import Code, StageError
from liftlab.pipeline.lift import IrToCode, NlpToIr
from liftlab.sandbox import ParseReport

IR: dict[str, Any] = {
    "intent": {"summary": "Add"},
    "signature": {"name": "add", "parameters": [{"name": "a", "type_hint": "int"}], "returns": ""},
}
VALUES = {"nlp_to_ir": IR}


def parse(source: bytes) -> ParseReport:
    message = None if b"silent" in source else "was never closed"
    return ParseReport(parsed=b"(1" not in source, message=message)


def test_each_stage_may_be_refused_twice() -> None:
    assert (NlpToIr().attempts, IrToCode().attempts) == (3, 3)


def test_an_ir_is_short_and_a_body_longer() -> None:
    asked, body = NlpToIr().prompt("Add.", {}), IrToCode().prompt("Add.", VALUES)
    assert (asked.max_tokens, body.max_tokens) == (512, 1024)
    assert (asked.schema, body.schema) == (prompts.IR_SCHEMA, prompts.BODY_SCHEMA)
    assert (asked.needs, body.needs) == (prompts.IR_NEEDS, None)
    assert "Request: Add.\n" in asked.text
    assert "def add(a: int)" in body.text


def test_an_ir_of_which_no_function_can_be_made_is_refused() -> None:
    assert NlpToIr().parse(IR, {}, parse) is IR
    refused = NlpToIr().parse({}, {}, parse)
    assert isinstance(refused, StageError)
    assert refused.reason == "invalid_ir"
    assert refused.message.startswith("intent")


def test_a_body_is_put_together_and_has_to_parse() -> None:
    made = IrToCode().parse({"body": ["return a"]}, VALUES, parse)
    assert made == Code(source="def add(a: int):\n    '''Add'''\n    return a\n", function="add")
    refused = IrToCode().parse({"body": ["f(1"]}, VALUES, parse)
    assert isinstance(refused, StageError)
    assert (refused.reason, refused.message) == ("does_not_parse", "was never closed")
    assert isinstance(refused.value, Code)
    silent = IrToCode().parse({"body": ["silent(1"]}, VALUES, parse)
    assert isinstance(silent, StageError)
    assert silent.message == ""


@pytest.mark.parametrize("stage", [NlpToIr(), IrToCode()])
@pytest.mark.parametrize(
    "changed", ["PROMPTS_VERSION", "IR_SCHEMA", "BODY_SCHEMA", "ir_prompt", "body_prompt"]
)
def test_a_fingerprint_changes_with_what_is_asked(
    stage: Any, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stage.fingerprint()
    assert before == stage.fingerprint()
    other = (lambda _: "other") if changed.endswith("prompt") else "other"
    monkeypatch.setattr(prompts, changed, other)
    mine = changed == "PROMPTS_VERSION" or (
        changed.lower().startswith("ir") == isinstance(stage, NlpToIr)
    )
    assert (stage.fingerprint() != before) is mine
