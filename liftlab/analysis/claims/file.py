"""Claims as a file, in TOML; what is wrong with it is told with its line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from liftlab import tomlfile
from liftlab.analysis.causes import Cause
from liftlab.analysis.claims.model import (
    SHARES,
    Claim,
    Comparison,
    Metric,
    Population,
    Statistic,
)
from liftlab.analysis.success import Measure
from liftlab.errors import FileInvalid

MAX_CLAIMS = 1_000
_NEEDS: dict[Metric, tuple[str, ...]] = {
    "success_rate": ("value",),
    "success_target": ("value",),
    "works": ("cases",),
    "latency": ("value",),
    "latency_target": ("value",),
    "every": ("value",),
    "quantile": ("quantiles",),
    "spread": ("value",),
    "change": ("comparison",),
    "cold_start": ("comparison",),
    "explained": ("cause",),
    "sum": (),
    "association": ("stage",),
    "forecast": ("value", "ranges"),
    "cost": ("value",),
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


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ComparisonModel(_Model):
    """Two published figures, in seconds."""

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
    metric: Metric
    value: Annotated[int | float, AfterValidator(_figure)] | None = None
    population: Population = "all"
    stage: _Line = "e2e"
    statistic: Statistic = "median"
    measures: list[Measure] = Field(default=["pass"], min_length=1)
    cases: list[_Line] = []
    quantiles: list[Annotated[float, Field(gt=0, lt=1)]] = []
    cause: Cause | Literal[""] = ""
    price: str = ""
    ranges: list[Annotated[list[_Positive], Field(min_length=2, max_length=2)]] = []
    comparison: ComparisonModel | None = None
    source: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in _NEEDS[self.metric]:
            if name not in self.model_fields_set:
                raise ValueError(f"metric {self.metric} needs {name}")
        if self.metric in SHARES and self.value is not None and self.value > 1:
            raise ValueError(f"value is {self.value}: a share is a fraction, such as 0.8")
        return self


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
    """Read a file of claims with the run that it names; faults as `load`."""
    file = tomlfile.read(path, FileInvalid)
    claims = tuple(parse(file))
    return ClaimsFile(run=file.data.get("run", ""), claims=claims)


def load(path: Path) -> list[Claim]:
    """Read a file of claims, `[[claim]]` by `[[claim]]`.

    Raises
    ------
    FileInvalid
        If there is a fault: says the line and the field.
    """
    return parse(tomlfile.read(path, FileInvalid))


def parse(file: tomlfile.TomlFile) -> list[Claim]:
    """Return the claims of a parsed file; as `load`."""
    try:
        model = _File.model_validate(file.data)
    except ValidationError as fault:
        raise tomlfile.invalid(file, fault, FileInvalid) from None
    seen: dict[str, int] = {}
    for place, each in enumerate(model.claim):
        if each.id in seen:
            line = file.line("claim", seen[each.id], "id")
            message = f"id: {each.id!r} is taken by the claim in line {line}"
            raise FileInvalid(file.path, message, file.line("claim", place, "id"))
        seen[each.id] = place
    return [_claim(each) for each in model.claim]


def _claim(model: ClaimModel) -> Claim:
    fields = model.model_dump(exclude={"ranges", "comparison"})
    for name in ("measures", "cases", "quantiles"):
        fields[name] = tuple(fields[name])
    pair = model.comparison
    return Claim(
        **fields,
        ranges=tuple((low, high) for low, high in model.ranges),
        comparison=Comparison(**pair.model_dump()) if pair else None,
    )
