"""Other benchmarks' rows as cases: HumanEval, EvalPlus, MBPP, BigCodeBench and LiveCodeBench.

Tests of all but the last are Python source. Nothing here parses or runs it: `grading.foreign`
has that done in the sandbox.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from liftlab import values
from liftlab.suite.models import MAX_CHECKS, MAX_VALUE_BYTES, CaseModel

_MAX_SOURCE = 4 * 1024 * 1024
_METHOD = re.compile(r"^[ \t]*+def\s++(\w++)\s*+\(", re.MULTILINE)
# Without what only `unittest.main` can do; an exception of a test is the test's own.
_RUN_UNITTEST = """
import unittest
_found = unittest.defaultTestLoader.loadTestsFromTestCase(TestCases)
assert _found.countTestCases(), "no tests"
_found.debug()
"""
_PROGRAM = "Write a whole program that reads standard input and prints the answer."


def _inputs(data: Any) -> Any:
    if not isinstance(data, list) or not all(isinstance(item, list) for item in data):
        raise ValueError("must be a list with a list of arguments for each call")
    limits = {"max_bytes": MAX_VALUE_BYTES, "max_nodes": MAX_VALUE_BYTES}
    return [values.encode(item, **limits) for item in data]


def _task_id(data: Any) -> Any:
    return str(data) if type(data) is int else data


def _from_text(data: Any) -> Any:
    """Read JSON that is kept as text in a column."""
    if not isinstance(data, str):
        return [] if data is None else data
    try:
        return json.loads(data or "[]")
    except (ValueError, RecursionError):
        raise ValueError(
            "is text that is not JSON; a packed column is a pickle, which is not read: write it as "
            "JSON, or leave it out to grade by the other tests only"
        ) from None


_Source = Annotated[str, Field(max_length=_MAX_SOURCE)]
_Inputs = Annotated[list[Any], BeforeValidator(_inputs), Field(max_length=MAX_CHECKS)]
_Lines = Annotated[list[_Source], Field(max_length=MAX_CHECKS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What comes as Python source, mostly tests, as in HumanEval, EvalPlus and MBPP.

    All of it is text that only the sandbox may parse or run. `prefix` is what a completion is
    appended to, `test` are asserts that name the function they test, `reference` is a right
    answer, and `inputs` are arguments (JSON data with tags) whose results it tells.
    """

    __pydantic_config__ = ConfigDict(strict=False, extra="forbid")  # an object will do for it

    form: Literal["humaneval", "evalplus", "mbpp", "bigcodebench", "livecodebench"]
    prefix: str = ""
    test: str = field(default="", repr=False)
    reference: str = field(default="", repr=False)
    inputs: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)


class ForeignCaseModel(CaseModel):
    """A case with source; `program` is an object where liftlab wrote it."""

    program: Program


class _Task(BaseModel, ABC):
    """What the formats have in common; fields that we have no use for are let pass."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    task_id: Annotated[str, BeforeValidator(_task_id)]

    @abstractmethod
    def case(self) -> CaseModel: ...

    def with_program(self, prompt: str, entry_point: str | None, **program: Any) -> CaseModel:
        return ForeignCaseModel(
            case_id=self.task_id,
            prompt=prompt,
            category=program["form"],
            entry_point=entry_point,
            program=Program(**program),
        )


class _HumanEval(_Task):
    prompt: str
    entry_point: str
    canonical_solution: _Source
    test: _Source

    def case(self) -> CaseModel:
        return self.with_program(
            self.prompt,
            self.entry_point,
            form="humaneval",
            prefix=self.prompt,
            test=f"{self.test}\n\ncheck({self.entry_point})\n",
            reference=self.prompt + self.canonical_solution,
        )


class _EvalPlus(_Task):
    prompt: str
    entry_point: str
    canonical_solution: _Source
    base_input: _Inputs
    plus_input: _Inputs = []

    def case(self) -> CaseModel:
        return self.with_program(
            self.prompt,
            self.entry_point,
            form="evalplus",
            prefix=self.prompt,
            reference=self.prompt + self.canonical_solution,
            inputs=tuple(map(tuple, self.base_input + self.plus_input)),
        )


class _Mbpp(_Task):
    text: str | None = None
    prompt: str | None = None
    code: _Source
    test_list: Annotated[_Lines, AfterValidator(list)]
    test_setup_code: _Source = ""
    test_imports: _Lines = []

    def case(self) -> CaseModel:
        lines = [*self.test_imports, self.test_setup_code, *self.test_list]
        test = "\n".join(line for line in lines if line.strip()) + "\n"
        # Their prompts leave the function's name to the asserts, and show these to the model.
        asked = (self.text or self.prompt or "").strip()
        prompt = f"{asked}\nYour code should pass:\n{test}"
        return self.with_program(prompt, None, form="mbpp", test=test, reference=self.code)


class _BigCodeBench(_Task):
    complete_prompt: str
    instruct_prompt: str | None = None
    entry_point: str
    canonical_solution: _Source = ""
    test: _Source

    def case(self) -> CaseModel:
        return self.with_program(
            self.instruct_prompt or self.complete_prompt,
            self.entry_point,
            form="bigcodebench",
            prefix=self.complete_prompt,
            test=self.test + _RUN_UNITTEST,
            reference=self.complete_prompt + self.canonical_solution,
        )


class _LiveTest(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    input: str
    output: str = Field(validation_alias=AliasChoices("output", "expected_output"))
    testtype: Literal["stdin", "functional"] = "stdin"

    @model_validator(mode="after")
    def _is_readable(self) -> Self:
        if self.testtype == "functional":
            self.call()
        return self

    def call(self) -> dict[str, Any]:
        """Return a check of one call: an argument a line, and its result."""
        try:
            given = [json.loads(line) for line in self.input.split("\n") if line.strip()]
            [args, [expected]] = _inputs([given, [json.loads(self.output)]])
        except (json.JSONDecodeError, RecursionError):
            message = "a functional test has a JSON value a line as input, and one as output"
            raise ValueError(message) from None
        return {"args": args, "expected": expected}


_LiveTests = Annotated[
    list[_LiveTest], BeforeValidator(_from_text), Field(default=[], max_length=MAX_CHECKS)
]


class _LiveCodeBench(_Task):
    task_id: Annotated[str, BeforeValidator(_task_id)] = Field(
        validation_alias=AliasChoices("question_id", "task_id", "id")
    )
    question: str = Field(validation_alias=AliasChoices("question_content", "question", "prompt"))
    starter_code: str = ""
    difficulty: str | None = None
    platform: str | None = None
    public_test_cases: _LiveTests
    private_test_cases: _LiveTests
    metadata: Annotated[dict[str, Any] | list[Any], BeforeValidator(_from_text)] = {}

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        tests = (*self.public_test_cases, *self.private_test_cases)
        if len({test.testtype for test in tests}) > 1:
            raise ValueError("the tests of one row are all stdin or all functional")
        return self

    def case(self) -> CaseModel:
        tests = [*self.public_test_cases, *self.private_test_cases]
        known = self.difficulty in ("easy", "medium", "hard")
        case: dict[str, Any] = {
            "case_id": self.task_id,
            "category": self.platform or "livecodebench",
            "difficulty": self.difficulty if known else None,
        }
        if not any(test.testtype == "functional" for test in tests):
            checks = [{"stdin": test.input, "stdout": test.output} for test in tests]
            prompt = f"{self.question}\n\n{_PROGRAM}"
            return CaseModel.model_validate(case | {"prompt": prompt, "checks": checks})
        named = self.metadata.get("func_name") if isinstance(self.metadata, dict) else None
        found = _METHOD.findall(self.starter_code)
        case |= {
            "prompt": f"{self.question}\n\nBegin with:\n{self.starter_code}",
            "entry_point": named or (found[-1] if found else None),
            "checks": [test.call() for test in tests],
            "program": Program(form="livecodebench", prefix=self.starter_code),
        }
        return ForeignCaseModel.model_validate(case)


_FOREIGN = {"task_id", "question_id", "public_test_cases"}
_FORMS: dict[str, type[_Task]] = {
    "public_test_cases": _LiveCodeBench,
    "complete_prompt": _BigCodeBench,
    "test_list": _Mbpp,
    "base_input": _EvalPlus,
}


def read_case(data: Any) -> CaseModel:
    """Make a case of an object: liftlab's own, or one of another benchmark's making.

    Raises pydantic.ValidationError if a field is missing or wrong.
    """
    if not isinstance(data, dict) or "case_id" in data or not _FOREIGN & data.keys():
        has_source = isinstance(data, dict) and "program" in data
        return (ForeignCaseModel if has_source else CaseModel).model_validate(data)
    form = next((form for key, form in _FORMS.items() if key in data), _HumanEval)
    return form.model_validate(data).case()
