"""What a suite's file may say, at the ends of each value."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.suite.models import (
    MAX_CASES,
    MAX_CHECKS,
    MAX_VALUE_BYTES,
    CaseModel,
    CheckModel,
    LimitsModel,
    SuiteModel,
)

CASE: dict[str, Any] = {"case_id": "double", "prompt": "Double a number."}


def _case(**fields: Any) -> CaseModel:
    return CaseModel.model_validate({**CASE, **fields})


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("cpu_s", [0.001, 600.0], [0.0, 600.1, float("inf")]),
        ("wall_s", [0.001, 3600.0, None], [0.0, 3600.1]),
        ("memory_mb", [64, 65_536], [63, 65_537, 64.5]),
        ("output_kb", [1, 65_536], [0, 65_537]),
    ],
)
def test_limits_at_their_ends(field: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        assert getattr(LimitsModel(**{field: value}), field) == value
    for value in refused:
        with pytest.raises(ValidationError, match=field):
            LimitsModel(**{field: value})


def test_limits_that_are_not_given() -> None:
    limits = LimitsModel()
    assert (limits.cpu_s, limits.wall_s) == (5, None)
    assert (limits.memory_mb, limits.output_kb) == (512, 64)


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        (
            "case_id",
            ["a", "_", "a" * 100, "HumanEval/0", "a.b:c+d-e"],
            ["", "-a", "a" * 101, "a b"],
        ),
        ("prompt", ["x", "x" * 20_000, " x\n"], ["", " \n", "x" * 20_001, "\ud800"]),
        ("category", ["x", "x" * 100, "a b"], ["", "x" * 101, " x", "x ", "a\nb"]),
        ("entry_point", ["f", "f" * 100, "é"], ["", "f" * 101, "1f", "class", "a.b"]),
        ("difficulty", ["easy", "medium", "hard", None], ["Easy", "", 1]),
    ],
)
def test_a_case_s_texts_at_their_ends(field: str, allowed: list[Any], refused: list[Any]) -> None:
    for text in allowed:
        assert getattr(_case(**{field: text}), field) == text
    for text in refused:
        with pytest.raises(ValidationError, match=field):
            _case(**{field: text})


def test_a_check_is_a_pair_or_a_table() -> None:
    pair, table = _case(checks=[[[1, 2], 3], {"args": [1, 2], "expected": 3}]).checks
    assert pair == table
    for wrong in ([[1], 2, 3], [1, 2], [[1]], "x", 3):
        with pytest.raises(ValidationError, match=r"a check is \[\[arguments\], expected\]"):
            _case(checks=[wrong])


@pytest.mark.parametrize(
    "check",
    [
        {},
        {"expected": 1, "raises": "ValueError"},
        {"expected": 1, "stdout": "1"},
        {"raises": "ValueError", "stdout": "1"},
    ],
)
def test_a_check_wants_one_thing(check: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="either expected or raises, or stdout"):
        CheckModel.model_validate(check)


def test_none_may_be_expected_where_it_is_written() -> None:
    assert CheckModel.model_validate({"expected": None}).expected is None
    assert CheckModel.model_validate({"raises": "ValueError"}).raises == "ValueError"
    assert CheckModel.model_validate({"stdout": ""}).stdout == ""


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"stdin": "1", "expected": 1}, "has stdout, too"),
        ({"stdin": ""}, "has stdout, too"),
        ({"stdout": "1", "args": [1]}, "no args or kwargs"),
        ({"stdout": "1", "kwargs": {"a": 1}}, "no args or kwargs"),
    ],
)
def test_a_program_reads_and_writes(check: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CheckModel.model_validate(check)


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_a_stream_is_at_most_a_mebibyte_in_utf_8(stream: str) -> None:
    def check(text: str) -> CheckModel:
        return CheckModel.model_validate({"stdout": "", stream: text})

    for longest in ("x" * MAX_VALUE_BYTES, "é" * (MAX_VALUE_BYTES // 2)):
        assert getattr(check(longest), stream) == longest
    for longer in ("x" * (MAX_VALUE_BYTES + 1), "é" * (MAX_VALUE_BYTES // 2 + 1)):
        with pytest.raises(ValidationError, match="longer than 1 MiB"):
            check(longer)
    for half in ("\ud800", "\udfff"):
        with pytest.raises(ValidationError, match="surrogate"):
            check(half)


def test_argument_names_are_python_s() -> None:
    assert CheckModel.model_validate({"kwargs": {"a": 1}, "expected": 1}).kwargs == {"a": 1}
    with pytest.raises(ValidationError, match="can't be a name in Python"):
        CheckModel.model_validate({"kwargs": {"a b": 1}, "expected": 1})


def test_checks_are_counted_from_one_and_named_once() -> None:
    checks = [[[1], 2], {"args": [2], "expected": 4, "name": "two"}, [[3], 6]]
    assert _case(checks=checks).check_names() == ["check_1", "two", "check_3"]
    with pytest.raises(ValidationError, match="two checks are named 'check_3'"):
        _case(checks=[[[1], 2], {"expected": 4, "name": "check_3"}, [[3], 6]])


def test_a_case_calls_a_function_or_runs_a_program() -> None:
    with pytest.raises(ValidationError, match="all call a function, or all run a program"):
        _case(checks=[[[1], 2], {"stdout": "2"}])
    assert _case(checks=[{"stdout": "2"}, {"stdin": "1", "stdout": "2"}]).checks


def test_the_function_s_name_is_the_signature_s_or_the_entry_point() -> None:
    assert _case().function is None
    assert _case(entry_point="double").function == "double"
    assert _case(signature="double(x)").function == "double"
    assert _case(signature="double(x)", entry_point="double").function == "double"
    with pytest.raises(ValidationError, match="name two functions"):
        _case(signature="double(x)", entry_point="twice")


def test_a_suite_is_bounded() -> None:
    case = CaseModel.model_validate(CASE)
    assert len(SuiteModel(cases=[case] * MAX_CASES).cases) == 10_000
    with pytest.raises(ValidationError, match="cases"):
        SuiteModel(cases=[case] * (MAX_CASES + 1))
    pair = [[1], 2]
    assert len(_case(checks=[pair] * MAX_CHECKS).checks) == 10_000
    with pytest.raises(ValidationError, match="checks"):
        _case(checks=[pair] * (MAX_CHECKS + 1))
    assert SuiteModel(cases=[], description="x" * 2_000).description == "x" * 2_000
    with pytest.raises(ValidationError, match="description"):
        SuiteModel(cases=[], description="x" * 2_001)


def test_packages_are_modules() -> None:
    assert SuiteModel(cases=[], packages=["numpy", "scipy.stats"]).packages[1] == "scipy.stats"
    for wrong in ("", "a..b", "a-b", "a."):
        with pytest.raises(ValidationError, match="packages"):
            SuiteModel(cases=[], packages=[wrong])


def test_nothing_is_converted_and_no_name_is_unknown() -> None:
    with pytest.raises(ValidationError, match="memory_mb"):
        LimitsModel.model_validate({"memory_mb": "512"})
    with pytest.raises(ValidationError, match="tags"):
        _case(tags=["x"])
