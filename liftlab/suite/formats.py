"""Other benchmarks' files as suites: HumanEval, EvalPlus and MBPP, one JSON object a line.

Their tests are Python source. Nothing here parses or runs it: `grading.foreign` has that
done in the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from liftlab import values
from liftlab.suite.models import MAX_CHECKS, MAX_VALUE_BYTES, CaseModel

_MAX_SOURCE = 4 * 1024 * 1024


def _inputs(data: Any) -> Any:
    if not isinstance(data, list) or not all(isinstance(item, list) for item in data):
        raise ValueError("must be a list with a list of arguments for each call")
    limits = {"max_bytes": MAX_VALUE_BYTES, "max_nodes": MAX_VALUE_BYTES}
    return [values.encode(item, **limits) for item in data]


def _task_id(data: Any) -> Any:
    return str(data) if type(data) is int else data


_Source = Annotated[str, Field(max_length=_MAX_SOURCE)]
_Inputs = Annotated[list[Any], BeforeValidator(_inputs), Field(max_length=MAX_CHECKS)]
_Lines = Annotated[list[_Source], Field(max_length=MAX_CHECKS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Tests that come as Python source, as in HumanEval, EvalPlus and MBPP.

    All of it is text that only the sandbox may parse or run. `prefix` is what a completion is
    appended to, `test` are asserts that name the function they test, `reference` is a right
    answer, and `inputs` are arguments (JSON data with tags) whose results it tells.
    """

    form: Literal["humaneval", "evalplus", "mbpp"]
    prefix: str = ""
    test: str = field(default="", repr=False)
    reference: str = field(default="", repr=False)
    inputs: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)


class ForeignCaseModel(CaseModel):
    """A case whose tests are source."""

    program: Program


class _Task(BaseModel):
    """What the formats have in common; fields that we have no use for are let pass."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    task_id: Annotated[str, BeforeValidator(_task_id)]


class _HumanEval(_Task):
    prompt: str
    entry_point: str
    canonical_solution: _Source
    test: _Source


class _EvalPlus(_Task):
    prompt: str
    entry_point: str
    canonical_solution: _Source
    base_input: _Inputs
    plus_input: _Inputs = []


class _Mbpp(_Task):
    text: str | None = None
    prompt: str | None = None
    code: _Source
    test_list: Annotated[_Lines, AfterValidator(list)]
    test_setup_code: _Source = ""
    test_imports: _Lines = []


def is_foreign(data: Any) -> bool:
    """Say whether a line's object is of another benchmark's making."""
    return isinstance(data, dict) and "task_id" in data and "case_id" not in data


def read_case(data: Mapping[str, Any]) -> ForeignCaseModel:
    r"""Make a case of one of their objects.

    Raises pydantic.ValidationError if a field is missing or wrong.

    Examples
    --------
    >>> task = {"task_id": 2, "text": "Double it.", "code": "def f(x): return 2 * x",
    ...     "test_list": ["assert f(1) == 2"]}
    >>> case = read_case(task)
    >>> case.case_id, case.program.test
    ('2', 'assert f(1) == 2\n')
    """
    if "test_list" in data:
        return _from_mbpp(_Mbpp.model_validate(data))
    if "base_input" in data:
        return _from_evalplus(_EvalPlus.model_validate(data))
    return _from_humaneval(_HumanEval.model_validate(data))


def _from_humaneval(task: _HumanEval) -> ForeignCaseModel:
    program = Program(
        form="humaneval",
        prefix=task.prompt,
        test=f"{task.test}\n\ncheck({task.entry_point})\n",
        reference=task.prompt + task.canonical_solution,
    )
    return _case(task, task.prompt, task.entry_point, program)


def _from_evalplus(task: _EvalPlus) -> ForeignCaseModel:
    program = Program(
        form="evalplus",
        prefix=task.prompt,
        reference=task.prompt + task.canonical_solution,
        inputs=tuple(map(tuple, task.base_input + task.plus_input)),
    )
    return _case(task, task.prompt, task.entry_point, program)


def _from_mbpp(task: _Mbpp) -> ForeignCaseModel:
    lines = [*task.test_imports, task.test_setup_code, *task.test_list]
    test = "\n".join(line for line in lines if line.strip()) + "\n"
    # Their prompts leave the function's name to the asserts, and show these to the model.
    prompt = "\n".join([(task.text or task.prompt or "").strip(), "Your code should pass:", test])
    return _case(task, prompt, None, Program(form="mbpp", test=test, reference=task.code))


def _case(task: _Task, prompt: str, entry_point: str | None, program: Program) -> ForeignCaseModel:
    return ForeignCaseModel(
        case_id=task.task_id,
        prompt=prompt,
        category=program.form,
        entry_point=entry_point,
        program=program,
    )
