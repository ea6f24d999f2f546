"""What a file of session checks may say, at both sides of every bound."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.errors import UsageError
from liftlab.sessions.model import (
    ApiModel,
    CallModel,
    CheckModel,
    ChecksModel,
    ExpectModel,
    StepModel,
    ThatModel,
    code_check,
    header_name,
)

STEP = {"call": "make"}


def check(**more: Any) -> CheckModel:
    plain = {"id": "a", "group": "g", "why": "w", "severity": "major", "step": [STEP]}
    return CheckModel.model_validate(plain | more)


def test_what_is_not_said_has_a_default() -> None:
    made = check()
    assert (made.basis, made.alone, made.go_on, made.deadline_s) == ("contract", False, False, 60.0)
    [step] = made.step
    assert (step.call, step.user, step.repeat, step.parallel) == (["make"], "a", 1, 1)
    assert (step.restart, step.break_off, step.content_type) == (False, False, "application/json")
    assert (step.expect.error, step.expect.code_at) == (False, "source_code")
    api = ApiModel.model_validate({"calls": {"make": {"method": "POST"}}})
    assert (api.name, api.base, api.deadline_s, api.run_deadline_s) == ("session API", "", 10, 900)
    assert api.calls["make"].ok == ["2xx"]


@pytest.mark.parametrize(
    ("kept", "refused"),
    [
        ({"id": "a" * 80}, {"id": "a" * 81}),
        ({"id": "9.b_-"}, {"id": "-a"}),
        ({"group": "g" * 60}, {"group": "g" * 61}),
        ({"group": "g"}, {"group": ""}),
        ({"why": "w" * 500}, {"why": "w" * 501}),
        ({"why": "w"}, {"why": ""}),
        ({"step": [STEP] * 200}, {"step": [STEP] * 201}),
        ({"step": [STEP]}, {"step": []}),
        ({"deadline_s": 600.0}, {"deadline_s": 600.1}),
        ({"deadline_s": 0.001}, {"deadline_s": 0.0}),
        ({"severity": "minor"}, {"severity": "bad"}),
        ({"basis": "good sense"}, {"basis": "taste"}),
        ({"alone": True}, {"alone": 1}),
        ({}, {"more": 1}),
    ],
)
def test_a_check_is_bounded(kept: dict[str, Any], refused: dict[str, Any]) -> None:
    check(**kept)
    with pytest.raises(ValidationError):
        check(**refused)


@pytest.mark.parametrize(
    ("kept", "refused"),
    [
        ({"repeat": 1000}, {"repeat": 1001}),
        ({"repeat": 1}, {"repeat": 0}),
        ({"parallel": 1000}, {"parallel": 1001}),
        ({"parallel": 1}, {"parallel": 0}),
        ({"path": "p" * 100_000}, {"path": "p" * 100_001}),
        ({"hex": "0a FF"}, {"hex": "0"}),
        ({"body": {}}, {"body": {}, "raw": "x"}),
        ({"each": "x"}, {"each": "x", "repeat": 2}),
        ({"user": "a_{name}"}, {"user": "A"}),
        ({"user": {"raw": 1}}, {"user": {}}),
        ({"method": "GET"}, {"method": "get"}),
        ({"untested_if": ["no reply", 404]}, {"untested_if": ["600"]}),
        ({"with": {"name": 1}}, {"with": {"Name": 1}}),
        ({"save": {"id": "a.b"}}, {"save": {"id": "a..b"}}),
    ],
)
def test_a_step_is_bounded(kept: dict[str, Any], refused: dict[str, Any]) -> None:
    StepModel.model_validate(STEP | kept)
    with pytest.raises(ValidationError):
        StepModel.model_validate(STEP | refused)


def test_a_step_is_of_one_kind() -> None:
    for kind in ({"wait": 1.0}, {"steps": [STEP]}, {"lanes": [[STEP]]}, {"restart": True}, STEP):
        StepModel.model_validate(kind)
    for none_or_two in ({}, {"repeat": 2}, {"wait": 1.0, "restart": True}, STEP | {"wait": 1.0}):
        with pytest.raises(ValidationError, match="is or has one of call, steps, lanes"):
            StepModel.model_validate(none_or_two)


def test_what_goes_with_a_call_goes_with_no_other_kind() -> None:
    StepModel.model_validate({"steps": [STEP], "repeat": 2, "severity": "minor"})
    with pytest.raises(ValidationError, match="path goes with call"):
        StepModel.model_validate({"wait": 1.0, "path": "/x"})


def test_one_thing_that_must_hold_has_one_comparison() -> None:
    assert ThatModel(at="n", equals=None).operator == "equals"
    assert ThatModel(at="n", at_least=2, plus=1).operator == "at_least"
    for wrong in ({"at": "n"}, {"at": "n", "equals": 1, "contains": 2}, {"at": "n", "plus": 1}):
        with pytest.raises(ValidationError, match="has one comparison"):
            ThatModel.model_validate(wrong)


def test_one_is_as_good_as_a_list_of_one() -> None:
    expect = ExpectModel.model_validate({"status": 201, "that": {"at": "n", "equals": 1}})
    assert expect.status == ["201"]
    assert [that.at for that in expect.that] == ["n"]
    assert CallModel.model_validate({"method": "GET", "ok": [200, "3xx"]}).ok == ["200", "3xx"]
    for wrong in ([], ["6xx"], ["20"]):
        with pytest.raises(ValidationError):
            CallModel.model_validate({"method": "GET", "ok": wrong})


def test_a_schema_is_one_or_the_name_of_one() -> None:
    ExpectModel.model_validate({"reply": {"type": "object"}})
    ExpectModel.model_validate({"reply": "session"})
    with pytest.raises(ValidationError, match="not a JSON Schema"):
        ExpectModel.model_validate({"reply": {"type": "nothing"}})


def test_an_example_is_a_function_s_call_and_what_it_gives() -> None:
    name, made = code_check("{name}(2, 3) -> 5", {"name": "add"})
    assert name == "add"
    assert made.fresh_args() == (2, 3) or made.fresh_args() == [2, 3]
    with pytest.raises(UsageError, match="is no function: write"):
        code_check("2(3) -> 5", {})
    with pytest.raises(ValidationError, match="is no function"):
        ExpectModel.model_validate({"code": ["2(3) -> 5"]})
    assert ExpectModel.model_validate({"code": "{name}(2) -> 4"}).code == ["{name}(2) -> 4"]


def test_a_header_that_cannot_be_sent_is_refused() -> None:
    assert header_name("x-user") == "x-user"
    with pytest.raises(ValueError, match="x user"):
        header_name("x user\n")


CALLS = {"make": {"method": "POST"}}


@pytest.mark.parametrize(
    ("model", "kept", "refused"),
    [
        (CallModel, {"path": "p" * 2000}, {"path": "p" * 2001}),
        (CallModel, {"method": "A" * 20}, {"method": "A" * 21}),
        (CallModel, {"deadline_s": 600}, {"deadline_s": 601}),
        (CallModel, {"ok": ["1xx", "599"]}, {"ok": ["099"]}),
        (CallModel, {"makes": "a.b"}, {"makes": "a..b"}),
        (ApiModel, {"name": "n" * 100}, {"name": "n" * 101}),
        (ApiModel, {"base": "b" * 500}, {"base": "b" * 501}),
        (ApiModel, {"run_deadline_s": 86_400.0}, {"run_deadline_s": 86_401.0}),
        (ApiModel, {"run_deadline_s": 0.001}, {"run_deadline_s": 0.0}),
        (ApiModel, {"run_deadline_s": 1.0}, {"run_deadline_s": float("inf")}),
        (ApiModel, {"deadline_s": 1.0}, {"deadline_s": float("inf")}),
        (ApiModel, {"user_header": "x-user"}, {"user_header": "x user"}),
        (ApiModel, {"headers": {"x-a": "b"}}, {"headers": {"x a": "b"}}),
        (ApiModel, {"calls": {"m" * 60: CALLS["make"]}}, {"calls": {"m" * 61: CALLS["make"]}}),
        (StepModel, {"user": "u" * 60}, {"user": "u" * 61}),
        (StepModel, {"user": ["a", "b"]}, {"user": ["a", 1]}),
        (StepModel, {"deadline_s": 0.001}, {"deadline_s": 0.0}),
    ],
)
def test_the_rest_is_bounded(model: Any, kept: dict[str, Any], refused: dict[str, Any]) -> None:
    plain = {CallModel: CALLS["make"], ApiModel: {"calls": CALLS}, StepModel: STEP}[model]
    model.model_validate(plain | kept)
    with pytest.raises(ValidationError):
        model.model_validate(plain | refused)


@pytest.mark.parametrize(("count", "fine"), [(0, False), (1, True), (1000, True), (1001, False)])
def test_a_file_has_so_many_checks(count: int, fine: bool) -> None:
    one = {"id": "a", "group": "g", "why": "w", "severity": "major", "step": [STEP]}
    told = {"api": {"calls": CALLS}, "check": [one] * count}
    if fine:
        assert len(ChecksModel.model_validate(told).check) == count
    else:
        with pytest.raises(ValidationError, match="check"):
            ChecksModel.model_validate(told)


def test_a_value_is_of_its_own_kind_and_stays() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        check().group = "h"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="repeat"):
        StepModel.model_validate(STEP | {"repeat": "2"})
    assert StepModel.model_validate(STEP | {"variables": {"a": 1}}).variables == {"a": 1}
