"""What a file of session checks may say: the models that its content is checked against."""

from __future__ import annotations

import ast
import re
from typing import Annotated, Any, Literal, Self

from jsonschema import Draft202012Validator, SchemaError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from liftlab.sessions.paths import parse_path

Severity = Literal["critical", "major", "minor"]
Basis = Literal["contract", "good sense"]
Kind = Literal[
    "missing", "present", "null", "empty", "filled", "text", "number", "true", "false", "list",
    "object", "time", "iso_time", "ascending", "descending",
]  # fmt: skip
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor")
STATUSES = re.compile(r"[1-5]xx|[1-5]\d\d")
NAME = re.compile(r"[a-z_][a-z0-9_]*")
MOST_LANES, MOST_TIMES = 1000, 1000
NO_REPLY = "no reply"


def _name(text: str) -> str:
    if not NAME.fullmatch(text) or len(text) > 60:
        raise ValueError("a name is made of small letters, digits and _, at most 60")
    return text


def _check_id(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,79}", text):
        raise ValueError("an id is made of small letters, digits and ._-, at most 80")
    return text


def _statuses(given: Any) -> Any:
    items = given if isinstance(given, list) else [given]
    texts = [str(item) for item in items if isinstance(item, int | str)]
    if not texts or len(texts) < len(items) or not all(map(STATUSES.fullmatch, texts)):
        raise ValueError('a status is a number such as 404, a family such as "4xx", or a list')
    return texts


def _gaps(given: Any) -> Any:
    items = given if isinstance(given, list) else [given]
    known = [item for item in items if item != NO_REPLY]
    return (_statuses(known) if known else []) + [NO_REPLY] * (len(known) < len(items))


def _path(text: str) -> str:
    parse_path(text)
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _schema(schema: Any) -> Any:
    if isinstance(schema, str):
        return schema
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema: {error.message[:200]}") from None
    return schema


def _listed(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _called(text: str) -> str:
    read_call(text)
    return text


def read_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Return function, arguments and named arguments of a call such as `f(2, [3])`.

    Raises ValueError if it is anything but a call with literals.
    """
    try:
        node = ast.parse(text, mode="eval").body
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            raise ValueError
        named = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg}
        args = [ast.literal_eval(arg) for arg in node.args]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError("must be one call with literals, such as add(2, 3)") from None
    return node.func.id, args, named


_Name = Annotated[str, AfterValidator(_name)]
_Path = Annotated[str, AfterValidator(_path)]
_Pattern = Annotated[str, AfterValidator(_pattern)]
_Statuses = Annotated[list[str], BeforeValidator(_statuses)]
_Schema = Annotated[str | dict[str, Any], AfterValidator(_schema)]
_Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class CallModel(_Model):
    """One call of the API. `ok` and `schema` are what a reply is held to unless a step says more.

    `makes` is where the reply names what the call made, to be deleted in the end.
    """

    method: str = Field(pattern=r"^[A-Z]{1,20}$")
    path: str = Field(default="", max_length=2000)
    body: Any = None
    ok: _Statuses = ["2xx"]
    reply: _Schema | None = None
    makes: _Path | None = None
    deadline_s: _Seconds | None = None


class CleanUpModel(_Model):
    """How what was made is deleted: a call that takes the id as `variable`.

    What a user's `listing` has beside is deleted only where liftlab made the user up, and where
    nobody else sees it.
    """

    call: _Name
    variable: _Name = "id"
    listing: _Name | None = None
    ids: _Path | None = None


class ApiModel(_Model):
    """The API that is checked."""

    name: str = Field(default="session API", max_length=100)
    base: str = Field(default="", max_length=500)
    user_header: str | None = Field(default=None, max_length=100)
    users: dict[str, str] = {}
    headers: dict[str, str] = {}
    error: _Schema | None = None
    deadline_s: _Seconds = 10.0
    run_deadline_s: float = Field(default=900.0, gt=0, le=86_400, allow_inf_nan=False)
    calls: dict[_Name, CallModel]
    clean_up: CleanUpModel | None = None


class ThatModel(_Model):
    """One thing that must hold of a reply: of what stands `at` a path, one comparison."""

    at: _Path
    equals: Any = None
    plus: int | float = 0
    differs: Any = None
    contains: Any = None
    contains_all: Any = None
    excludes: Any = None
    at_least: Any = None
    at_most: Any = None
    matches: _Pattern | None = None
    length: int | str | None = None
    is_: Kind | None = Field(default=None, alias="is")

    @property
    def operator(self) -> str:
        """The name of the comparison."""
        (name,) = self.model_fields_set - {"at", "plus"}
        return "is" if name == "is_" else name

    @model_validator(mode="after")
    def _one_operator(self) -> Self:
        if len(self.model_fields_set - {"at", "plus"}) != 1:
            raise ValueError("has one comparison, such as equals, contains, excludes or is")
        if self.plus and "equals" not in self.model_fields_set:
            raise ValueError("plus goes with equals")
        return self


class CodeModel(_Model):
    """Code in a reply, run in the sandbox: the call, and what it returns or raises."""

    at: _Path = "source_code"
    call: Annotated[str, AfterValidator(_called)]
    returns: Any = None
    raises: str | None = None


class AllModel(_Model):
    """What must hold over all replies of a step that is sent more than once."""

    succeed: int | list[int] | None = None
    distinct: _Path | None = None
    same: _Path | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if isinstance(self.succeed, list) and len(self.succeed) != 2:
            raise ValueError("succeed is a number, or the least and the most")
        return self


class ExpectModel(_Model):
    """What a reply must be; the call's own `ok` and `reply` hold where nothing else is said."""

    status: _Statuses | None = None
    reply: _Schema | None = None
    error: bool | None = None
    that: Annotated[list[ThatModel], BeforeValidator(_listed)] = []
    code: Annotated[list[CodeModel], BeforeValidator(_listed)] = []
    within_s: _Seconds | None = None


class UserModel(_Model):
    """A user header that is none of the users of the check: none at all, raw text, or several."""

    none: bool = False
    raw: Any = None
    several: list[str] = []

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("is one of none = true, raw = …, several = […]")
        return self


class StepModel(_Model):
    """One step: a call, a group of steps, a pause, or a restart of the server."""

    call: _Name | None = None
    calls: list[_Name] = []
    steps: list[StepModel] = []
    lanes: list[list[StepModel]] = []
    wait: _Seconds | None = None
    restart: bool = False

    user: _Name | UserModel = "a"
    method: str | None = Field(default=None, pattern=r"^[A-Z]{1,20}$")
    path: str | None = Field(default=None, max_length=100_000)
    query: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    body: Any = None
    change: dict[str, Any] | None = None
    raw: Any = None
    hex: str | None = Field(default=None, pattern=r"^([0-9a-fA-F]{2}|\s)*$")
    content_type: str | None = None
    variables: dict[_Name, Any] = Field(default={}, alias="with")

    repeat: int = Field(default=1, ge=1, le=MOST_TIMES)
    parallel: int = Field(default=1, ge=1, le=MOST_LANES)
    each: str | None = None
    eventually: _Seconds | None = None
    deadline_s: _Seconds | None = None
    break_off: bool = False

    expect: ExpectModel = ExpectModel()
    all: AllModel = AllModel()
    save: dict[_Name, _Path] = {}
    untested_if: Annotated[list[str], BeforeValidator(_gaps)] = []
    severity: Severity | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.call, self.calls, self.steps, self.lanes, self.wait, self.restart or None]
        if sum(bool(kind) for kind in kinds) != 1:
            raise ValueError("is one of call, calls, steps, lanes, wait, restart")
        if not (self.call or self.calls):
            spare = self.model_fields_set & _OF_CALLS
            if spare:
                raise ValueError(f"{sorted(spare)[0]} goes with call or calls")
        bodies = {"body", "change", "raw", "hex"} & self.model_fields_set
        if len(bodies) > 1:
            raise ValueError("has one of body, change, raw, hex")
        if sum(number > 1 for number in (self.repeat, self.parallel)) + bool(self.each) > 1:
            raise ValueError("has one of repeat, parallel, each")
        return self


_OF_CALLS = {
    "user", "method", "path", "query", "headers", "body", "change", "raw", "hex", "content_type",
    "eventually", "deadline_s", "break_off", "expect", "save", "untested_if",
}  # fmt: skip


class CheckModel(_Model):
    """One check: a script of steps, why it matters, and how bad a failure is."""

    id: Annotated[str, AfterValidator(_check_id)]
    group: str = Field(min_length=1, max_length=60)
    why: str = Field(min_length=1, max_length=500)
    basis: Basis = "contract"
    severity: Severity
    alone: bool = False
    go_on: bool = False
    deadline_s: _Seconds = 60.0
    step: list[StepModel] = Field(min_length=1, max_length=200)


class ChecksModel(_Model):
    """A whole file."""

    api: ApiModel
    values: dict[_Name, Any] = {}
    schemas: dict[_Name, _Schema] = {}
    check: list[CheckModel] = Field(min_length=1, max_length=1000)
