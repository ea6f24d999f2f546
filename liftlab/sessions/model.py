"""What a file of session checks may say: the models that its content is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from jsonschema import Draft202012Validator, SchemaError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from liftlab.errors import UsageError
from liftlab.sessions.replies import parse_path
from liftlab.sessions.template import fill_text, places
from liftlab.settings.endpoint import sendable
from liftlab.suite import Check
from liftlab.suite.drafting import read_example

Severity = Literal["critical", "major", "minor"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor")


def header_name(name: str) -> str:
    """Return the name of a header as it is; raise ValueError if it cannot be sent."""
    return next(iter(sendable({name: ""})))


def _listed(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _statuses(given: Any) -> Any:
    return [str(one) if isinstance(one, int) else one for one in _listed(given)]


def _path(text: str) -> str:
    parse_path(text)
    return text


def _schema(schema: Any) -> Any:
    try:
        Draft202012Validator.check_schema({} if isinstance(schema, str) else schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema: {error.message[:200]}") from None
    return schema


def _example(text: str) -> str:
    try:
        code_check(text, dict.fromkeys(places(text), "name"))
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


def code_check(example: str, variables: Mapping[str, Any]) -> tuple[str, Check]:
    """Return function and check of an example such as `{name}(2, 3) -> 5`, or raise UsageError."""
    called, _, rest = example.partition("(")
    name = fill_text(called, variables).strip()
    if not name.isidentifier():
        raise UsageError(f"{name[:80]!r} is no function: write f(2, 3) -> 5")
    return name, Check(**read_example(f"{name}({fill_text(rest, variables)}", name))


_Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=60)]
_User = Annotated[str, Field(pattern=r"^([a-z0-9_]|\{[a-z_]+\})+$", max_length=60)]
User = _User | list[_User] | Annotated[dict[Literal["raw"], Any], Field(min_length=1)]
_Method = Annotated[str, Field(pattern=r"^[A-Z]{1,20}$")]
_Status = Annotated[str, Field(pattern=r"^[1-5](xx|\d\d)$")]
_Statuses = Annotated[list[_Status], Field(min_length=1), BeforeValidator(_statuses)]
_Gaps = Annotated[list[_Status | Literal["no reply"]], BeforeValidator(_statuses)]
_Path = Annotated[str, AfterValidator(_path)]
_Schema = Annotated[str | dict[str, Any], AfterValidator(_schema)]
_Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class CallModel(_Model):
    """One call of the API; `makes` is where its reply names what it made, to be deleted."""

    method: _Method
    path: str = Field(default="", max_length=2000)
    body: Any = None
    ok: _Statuses = ["2xx"]
    reply: _Schema | None = None
    makes: _Path | None = None
    deadline_s: _Seconds | None = None


class CleanUpModel(_Model):
    """How what was made is deleted: a call that takes the id as `variable`; what may be left."""

    call: _Name
    variable: _Name = "id"
    listing: _Name | None = None
    ids: _Path = ""


class ApiModel(_Model):
    """The API that is checked."""

    name: str = Field(default="session API", max_length=100)
    base: str = Field(default="", max_length=500)
    user_header: Annotated[str, AfterValidator(header_name)] | None = None
    users: dict[str, str] = {}
    headers: Annotated[dict[str, str], AfterValidator(sendable)] = {}
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
    fits: _Schema | None = None

    @property
    def operator(self) -> str:
        """The name of the comparison."""
        return next(iter(self.model_fields_set - {"at", "plus"}))

    @model_validator(mode="after")
    def _one_operator(self) -> Self:
        if len(self.model_fields_set - {"at", "plus"}) != 1:
            raise ValueError("has one comparison, such as equals, contains, excludes or fits")
        return self


class AllModel(_Model):
    """What must hold over all replies of a step that is sent more than once."""

    succeed: int | None = None
    distinct: _Path | None = None
    same: _Path | None = None


class ExpectModel(_Model):
    """What a reply must be; the call's own `ok` and `reply` hold where nothing else is said."""

    status: _Statuses | None = None
    reply: _Schema | None = None
    error: bool = False
    that: Annotated[list[ThatModel], BeforeValidator(_listed)] = []
    code: Annotated[list[Annotated[str, AfterValidator(_example)]], BeforeValidator(_listed)] = []
    code_at: _Path = "source_code"
    within_s: _Seconds | None = None


class StepModel(_Model):
    """One step: a call, a group of steps, a pause, or a restart of the server."""

    call: Annotated[list[_Name], BeforeValidator(_listed)] = []
    steps: list[StepModel] = []
    lanes: list[list[StepModel]] = []
    wait: _Seconds | None = None
    restart: bool = False

    user: User = "a"
    method: _Method | None = None
    path: str | None = Field(default=None, max_length=100_000)
    query: dict[str, Any] = {}
    body: Any = None
    change: dict[str, Any] = {}
    raw: Any = None
    hex: str | None = Field(default=None, pattern=r"^([0-9a-fA-F]{2}|\s)*$")
    content_type: str = "application/json"
    variables: dict[_Name, Any] = Field(default={}, alias="with")

    repeat: int = Field(default=1, ge=1, le=1000)
    parallel: int = Field(default=1, ge=1, le=1000)
    each: str | None = None
    deadline_s: _Seconds | None = None
    break_off: bool = False

    expect: ExpectModel = ExpectModel()
    all: AllModel = AllModel()
    save: dict[_Name, _Path] = {}
    untested_if: _Gaps = []
    severity: Severity | None = None

    @model_validator(mode="after")
    def _one_of_each_kind(self) -> Self:
        said = self.model_fields_set
        kinds = ["call", "steps", "lanes", "wait", "restart"]
        for names in (kinds, ["body", "change", "raw", "hex"], ["repeat", "parallel", "each"]):
            if len(said.intersection(names)) > 1 or (names is kinds and not said & {*kinds}):
                raise ValueError(f"is or has one of {', '.join(names)}")
        if "call" not in said and (spare := sorted(said - _OF_ALL - {*kinds})):
            raise ValueError(f"{spare[0]} goes with call")
        return self


_OF_ALL = {"variables", "repeat", "parallel", "each", "all", "severity"}


class CheckModel(_Model):
    """One check: a script of steps, why it matters, and how bad a failure is."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")]
    group: str = Field(min_length=1, max_length=60)
    why: str = Field(min_length=1, max_length=500)
    basis: Literal["contract", "good sense"] = "contract"
    severity: Severity
    alone: bool = False
    go_on: bool = False
    deadline_s: _Seconds = 60.0
    step: list[StepModel] = Field(min_length=1, max_length=200)


class ChecksModel(_Model):
    """A whole file."""

    api: ApiModel
    values: dict[_Name, Any] = {}
    schemas: dict[_Name, Annotated[dict[str, Any], AfterValidator(_schema)]] = {}
    check: list[CheckModel] = Field(min_length=1, max_length=1000)
