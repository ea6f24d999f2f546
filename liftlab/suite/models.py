"""What a suite's file may say: the models that its content is checked against."""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from liftlab import values
from liftlab.suite.signature import read_signature

MAX_CASES = 10_000
MAX_CHECKS = 10_000
MAX_VALUE_BYTES = 1024 * 1024
ONE_KIND = "a case's checks all call a function, or all run a program: make two cases of it"


def decode(data: Any) -> Any:
    """Return the value that a suite's JSON data stands for, made anew at every call."""
    return values.decode(data, max_bytes=MAX_VALUE_BYTES, max_nodes=MAX_VALUE_BYTES)


def _canonical(data: Any) -> Any:
    """Refuse wrong tags, and write every value in the one way that is strict JSON."""
    return values.encode(decode(data), max_bytes=MAX_VALUE_BYTES, max_nodes=MAX_VALUE_BYTES)


def _identifier(name: str) -> str:
    if len(name) > 100 or not name.isidentifier() or iskeyword(name):
        raise ValueError(f"{values.show(name, 40)} can't be a name in Python")
    return name


def _module(name: str) -> str:
    return ".".join(map(_identifier, name.split(".")))


def _line(text: str) -> str:
    if not 0 < len(text) <= 100 or not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of 1 to 100 printable characters")
    return text


def _prompt(text: str) -> str:
    if not text.strip() or len(text) > 20_000:
        raise ValueError("must be 1 to 20000 characters, not all of them blank")
    return _whole_characters(text)


def _whole_characters(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds half of a surrogate pair, which is not a character")
    return text


def _case_id(name: str) -> str:
    # Ids are typed on command lines and stand in tables.
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./:+-]{0,99}", name):
        raise ValueError("must be 1 to 100 letters, digits and ._/:+-, with no mark in front")
    return name


def _from_pair(check: Any) -> Any:
    if isinstance(check, dict):
        return check
    if isinstance(check, list) and len(check) == 2 and isinstance(check[0], list):
        return {"args": check[0], "expected": check[1]}
    raise ValueError("a check is [[arguments], expected] or a table with args and expected")


def _stream(text: str) -> str:
    if len(text) > MAX_VALUE_BYTES or len(text.encode("utf-8", "replace")) > MAX_VALUE_BYTES:
        raise ValueError("is longer than 1 MiB")
    return _whole_characters(text)


_Line = Annotated[str, AfterValidator(_line)]
_Stream = Annotated[str, AfterValidator(_stream)]
_Identifier = Annotated[str, AfterValidator(_identifier)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CheckModel(_Model):
    """One check; `expected` counts as given only where the file has it.

    One with `stdout` runs the answer as a program.
    """

    name: _Line | None = None
    args: Annotated[list[Any], AfterValidator(_canonical)] = []
    kwargs: Annotated[
        dict[str, Any],
        AfterValidator(lambda named: {_identifier(k): _canonical(v) for k, v in named.items()}),
    ] = {}
    expected: Annotated[Any, AfterValidator(_canonical)] = None
    raises: _Identifier | None = None
    stdin: _Stream | None = None
    stdout: _Stream | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if self.stdin is not None and self.stdout is None:
            raise ValueError("a check with stdin has stdout, too")
        if self.stdout is not None and (self.args or self.kwargs):
            raise ValueError("a program takes stdin, and no args or kwargs")
        wanted = [self.raises is not None, self.stdout is not None]
        if sum(wanted) + ("expected" in self.model_fields_set) != 1:
            raise ValueError("a check has either expected or raises, or stdout for a program")
        return self


class LimitsModel(_Model):
    """What the code of one case may take; `wall_s` is three times `cpu_s` unless given."""

    cpu_s: float = Field(default=5.0, gt=0, le=600, allow_inf_nan=False)
    wall_s: float | None = Field(default=None, gt=0, le=3600, allow_inf_nan=False)
    memory_mb: int = Field(default=512, ge=64, le=65_536)
    output_kb: int = Field(default=64, ge=1, le=65_536)


class CaseModel(_Model):
    """One case; what is null or left out takes its default."""

    case_id: Annotated[str, AfterValidator(_case_id)]
    prompt: Annotated[str, AfterValidator(_prompt)]
    category: _Line | None = None
    difficulty: Literal["easy", "medium", "hard"] | None = None
    entry_point: _Identifier | None = None
    signature: Annotated[str, AfterValidator(read_signature)] | None = None
    checks: list[Annotated[CheckModel, BeforeValidator(_from_pair)]] = Field(
        default=[], max_length=MAX_CHECKS
    )
    limits: LimitsModel | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        seen: set[str] = set()
        for name in self.check_names():
            if name in seen:
                raise ValueError(f"two checks are named {values.show(name, 60)}")
            seen.add(name)
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len({check.stdout is None for check in self.checks}) > 1:
            raise ValueError(ONE_KIND)
        return self

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.entry_point and self.signature and self.function != self.entry_point:
            raise ValueError("entry_point and signature name two functions")
        return self

    @property
    def function(self) -> str | None:
        """The name of the function, where the case gives one."""
        return self.signature.partition("(")[0] if self.signature else self.entry_point

    def check_names(self) -> list[str]:
        """Return the name of each check, counted from 1 where it has none."""
        return [check.name or f"check_{n}" for n, check in enumerate(self.checks, 1)]


class SuiteModel(_Model):
    """A whole file. JSON Lines has the cases only."""

    name: _Line | None = None
    description: str = Field(default="", max_length=2_000)
    packages: list[Annotated[str, AfterValidator(_module)]] = []
    cases: list[CaseModel] = Field(max_length=MAX_CASES)
