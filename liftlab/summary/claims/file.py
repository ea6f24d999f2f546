"""Claims as a file, in TOML; what is wrong with it is told with its line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from liftlab import tomlfile
from liftlab.analysis.causes import Cause
from liftlab.errors import FileInvalid
from liftlab.settings.targets import Population
from liftlab.summary.claims.model import Claim, Other, Quantity, Relation, is_known
from liftlab.summary.claims.text.figures import half_a_digit

MAX_CLAIMS = 1_000
_OTHERS: tuple[Other, ...] = get_args(Other)
_NEEDS: dict[str, str] = {
    "change": "comparison",
    "explained": "cause",
    "association": "stage",
    "works": "cases",
}


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of text")
    return text


def _figure(value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError("must be a number above 0")
    return value


_Line = Annotated[str, Field(max_length=500), AfterValidator(_line)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Value = Annotated[int | float, AfterValidator(_figure)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Comparison(_Model):
    """Two published figures, with the runs behind each (`n`) and what it is of (`value_is`)."""

    value_s: _Positive
    baseline_s: _Positive
    n: int = Field(ge=1)
    baseline_n: int = Field(ge=1)
    value_is: _Line
    baseline_is: _Line
    same_cases: bool


class ClaimModel(_Model):
    """One claim."""

    id: _Line
    statement: _Line
    metric: _Line
    value: _Value | None = None
    at_most: _Value | None = None
    at_least: _Value | None = None
    population: Population = "answered"
    groups: list[_Line] = []
    cases: list[_Line] = []
    cause: Cause | Literal[""] = ""
    stage: _Line = "e2e"
    comparison: Comparison | None = None
    source: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.metric not in _OTHERS:
            if not is_known(self.metric):
                raise ValueError(f"no metric {self.metric!r}: see docs/claims.md")
        elif _NEEDS.get(self.metric, "id") not in self.model_fields_set:
            raise ValueError(f"metric {self.metric} needs {_NEEDS[self.metric]}")
        figures = [v for v in (self.value, self.at_most, self.at_least) if v is not None]
        if len(figures) > 1:
            raise ValueError("give one of value, at_most and at_least")
        if figures and figures[0] > 1 and Quantity(metric=self.metric).is_share:
            raise ValueError(f"value is {figures[0]}: a share is a fraction, such as 0.8")
        return self

    def claim(self) -> Claim:
        """Return it as a claim."""
        wanted = Quantity(metric=self.metric, population=self.population, groups=tuple(self.groups))
        limits: dict[Relation, float | None] = {"at_most": self.at_most, "at_least": self.at_least}
        relation: Relation = next((r for r, limit in limits.items() if limit is not None), "is")
        value = limits.get(relation, self.value)
        return Claim(
            what=next((name for name in _OTHERS if name == self.metric), wanted),
            relation=relation,
            value=value,
            off=half_a_digit(str(value), 100.0 if wanted.is_share else 1.0) if value else 0.0,
            cases=tuple(self.cases),
            comparison=self.comparison,
            **self.model_dump(include={"id", "statement", "cause", "stage", "source"}),
        )


class _File(_Model):
    run: _Line | None = None
    claim: list[ClaimModel] = Field(max_length=MAX_CLAIMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsFile:
    """Claims, and the run that they are about; empty if they are about whatever run is at hand."""

    run: str
    claims: tuple[Claim, ...]

    def about(self, run_id: str) -> bool:
        """Whether the claims are about a run."""
        return self.run in ("", run_id)


def read(path: Path) -> ClaimsFile:
    """Read a file of claims, `[[claim]]` by `[[claim]]`, with the run that it names.

    Raises FileInvalid if there is a fault: says the line and the field.
    """
    file = tomlfile.read(path, FileInvalid)
    try:
        model = _File.model_validate(file.data)
    except ValidationError as fault:
        raise tomlfile.invalid(file, fault, FileInvalid) from None
    seen: dict[str, int] = {}
    for place, row in enumerate(model.claim):
        if row.id in seen:
            line = file.line("claim", seen[row.id], "id")
            message = f"id: {row.id!r} is taken by the claim in line {line}"
            raise FileInvalid(file.path, message, file.line("claim", place, "id"))
        seen[row.id] = place
    return ClaimsFile(run=model.run or "", claims=tuple(row.claim() for row in model.claim))
