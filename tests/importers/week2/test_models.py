"""What the first benchmark's files may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.importers.week2.models import (
    BenchmarkModel,
    NontrivialModel,
    ResultModel,
    StageModel,
    ValidationModel,
)


def _result(**fields: Any) -> ResultModel:
    return ResultModel.model_validate({"test_name": "add", "completed": True} | fields)


def _stage(**fields: Any) -> StageModel:
    return StageModel.model_validate({"success": True} | fields)


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("test_name", ["a", "a" * 200], ["", "a" * 201, " a", "a\nb"]),
        ("category", ["a", None], [""]),
        ("total_latency_ms", [0, 1e10, None], [-1, 1.1e10, "5"]),
        ("estimated_cost_usd", [0, 1e9, None], [-0.01, 1.1e9]),
    ],
)
def test_values_at_their_ends(field: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        assert _result(**{field: value})
    for value in refused:
        with pytest.raises(ValidationError, match=field):
            _result(**{field: value})


@pytest.mark.parametrize(("attempts", "fine"), [(0, True), (100, True), (101, False), (-1, False)])
def test_attempts_are_at_most_a_hundred(attempts: int, fine: bool) -> None:
    if fine:
        assert _stage(metadata={"attempts": attempts}).attempts == attempts
    else:
        with pytest.raises(ValidationError, match="attempts"):
            _stage(metadata={"attempts": attempts})


def test_attempts_are_the_answer_s_else_the_stage_s() -> None:
    inner = {"attempts": 2, "result": {"metadata": {"attempts": 3}}}
    assert _stage(metadata=inner).attempts == 3
    assert _stage(metadata={"attempts": 2, "result": {"metadata": {}}}).attempts == 2
    assert _stage(metadata={"attempts": 2, "result": {}}).attempts == 2
    assert _stage(metadata={}).attempts is None
    assert _stage().attempts is None


def test_times_are_in_seconds() -> None:
    assert (_stage(latency_ms=4180.0).latency_s, _stage().latency_s) == (4.18, None)
    assert (_result(total_latency_ms=0.0).e2e_s, _result().e2e_s) == (0.0, None)


def test_stages_that_ran_come_in_their_order() -> None:
    both = _result(ir_to_code={"success": True}, nlp_to_ir={"success": False})
    assert list(both.stages) == ["nlp_to_ir", "ir_to_code"]
    assert list(_result(ir_to_code={"success": True}).stages) == ["ir_to_code"]


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("def f(): ...", "def f(): ..."),
        ("<120 chars>", None),
        ("x <1 chars>", "x <1 chars>"),
        ("", None),
    ],
)
def test_a_placeholder_is_no_code(code: str, kept: str | None) -> None:
    assert _result(code_output=code).code == kept
    full = {"success": True, "metadata": {"result": {"source_code": "def g(): ..."}}}
    assert _result(code_output=code, ir_to_code=full).code == "def g(): ..."


@pytest.mark.parametrize(
    ("ir", "code", "function"),
    [
        ({"signature": {"name": "wanted"}}, "def f(): ...", "wanted"),
        ({"signature": {"name": "a b"}}, "def f(): ...", "f"),
        ({"signature": "wanted"}, "async def f(): ...", "f"),
        (None, "def f(): ...\ndef g(): ...", None),
        (None, "def f(): ...\ndef f(): ...", "f"),
        (None, "class A:\n    def f(self): ...", None),
        ("text", None, None),
    ],
)
def test_the_wanted_function(ir: Any, code: str | None, function: str | None) -> None:
    assert _result(ir_output=ir, code_output=code).function == function


def test_half_of_a_surrogate_pair_is_kept_as_its_escape() -> None:
    assert _result(prompt="é \ud800").prompt == "é \\ud800"


def test_each_family_has_its_own_names() -> None:
    assert BenchmarkModel.model_validate({"test_name": "a", "end_to_end_success": True}).completed
    assert ValidationModel.model_validate({"test_name": "a", "compilation_success": True}).completed
    other = {"test_name": "a", "compiled": False, "latency_ms": 1500.0, "cost_usd": 0.5}
    found = NontrivialModel.model_validate(other)
    assert (found.completed, found.e2e_s, found.cost_usd) == (False, 1.5, 0.5)
    with pytest.raises(ValidationError, match="compiled"):
        NontrivialModel.model_validate({"test_name": "a"})
