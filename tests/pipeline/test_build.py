"""A stage told in a table: what fills its prompt in, and which source it takes out of a reply."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.pipeline.base import Code, StageError
from liftlab.pipeline.build import ConfiguredStage
from liftlab.sandbox import ParseReport
from liftlab.settings import StageSettings

IR = {"intent": {"summary": "Add"}, "signature": {"name": "add", "parameters": [{"name": "a"}]}}
VALUES = {"nlp_to_ir": IR, "plan": "Go."}
SCHEMA = {"type": "object"}


def stage(**table: Any) -> ConfiguredStage:
    return ConfiguredStage("mine", StageSettings.model_validate({"prompt": "$request", **table}))


def parse(source: bytes) -> ParseReport:
    return ParseReport(parsed=source != b"def f(", message="'(' was never closed")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$request.", "Add."),
        ("${request}s", "Adds"),
        ("$request.Then", "Add.Then"),
        ("$plan.Now", "Go..Now"),
        ("$nlp_to_ir.signature.name!", "add!"),
        ("$nlp_to_ir.signature.parameters.0", '{"name": "a"}'),
        ("$nlp_to_ir.intent", '{"summary": "Add"}'),
        ("$other $$1", "$other $1"),
    ],
)
def test_a_prompt_is_filled_in_with_values_and_parts_of_them(template: str, text: str) -> None:
    assert stage(prompt=template).prompt("Add", VALUES).text == text


def test_a_part_that_is_not_there_is_told() -> None:
    with pytest.raises(LookupError, match=r"names \$nlp_to_ir.signature.none, which nlp_to_ir"):
        stage(prompt="$nlp_to_ir.signature.none").prompt("Add", VALUES)


@pytest.mark.parametrize(
    ("table", "reply", "value"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"gives_code": True}, "def f(): 1", Code(source="def f(): 1")),
        ({"code_path": "code", "schema": SCHEMA}, {"code": "x"}, Code(source="x")),
        (
            {"code_path": "code", "function_path": "signature.name", "schema": SCHEMA},
            {"code": "x", "signature": {"name": "f"}},
            Code(source="x", function="f"),
        ),
        (
            {"gives_code": True, "function_path": "$nlp_to_ir.signature.name"},
            "x",
            Code(source="x", function="add"),
        ),
    ],
)
def test_the_source_is_where_the_table_says(table: Any, reply: Any, value: Any) -> None:
    assert stage(**table).parse(reply, VALUES, parse) == value


def test_a_reply_without_the_source_lacks_it() -> None:
    made = stage(code_path="code", schema=SCHEMA)
    for reply in ({}, {"code": 1}):
        refused = made.parse(reply, VALUES, parse)
        assert refused == StageError(
            reason="schema_mismatch", message="the reply has no text at code"
        )


def test_source_that_does_not_parse_is_asked_for_again_where_attempts_are_given() -> None:
    once, more = stage(gives_code=True), stage(gives_code=True, attempts=2)
    assert once.parse("def f(", VALUES, parse) == Code(source="def f(")
    refused = more.parse("def f(", VALUES, parse)
    assert (refused.reason, refused.value) == ("does_not_parse", Code(source="def f("))


@pytest.mark.parametrize(
    "table",
    [
        {"class": "a:B"},
        {"prompt": None, "gives_code": True},
        {"code_path": "code"},
        {"function_path": "name"},
        {"prompt": None, "class": "no colon"},
    ],
)
def test_a_table_that_contradicts_itself_is_refused(table: Any) -> None:
    with pytest.raises(ValidationError):
        stage(**table)
