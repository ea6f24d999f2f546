"""What the first benchmark's files may say, checked where it enters; other keys are let pass."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_RESULTS = 100_000
MAX_ATTEMPTS = 100  # rows are made for them; the benchmark gave up after five
_LONGEST_MS = 1e10  # four months
_MOST = 1e9
_PLACEHOLDER = re.compile(r"<\d+ chars>")
_DEFINED = re.compile(r"^(?:async +)?def +([A-Za-z_]\w*)", re.MULTILINE)


def _storable(value: Any) -> Any:
    """Write half of a surrogate pair, which has no UTF-8, as the escape that it came as."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _name(text: str) -> str:
    if not 0 < len(text) <= 200 or not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of 1 to 200 printable characters")
    return text


_Text = Annotated[str, BeforeValidator(_storable)]
_Name = Annotated[_Text, AfterValidator(_name)]
_Milliseconds = Annotated[float, Field(ge=0, le=_LONGEST_MS)]
_Amount = Annotated[float, Field(ge=0, le=_MOST)]
_Attempts = Annotated[int, Field(ge=0, le=MAX_ATTEMPTS)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Made(_Model):
    attempts: _Attempts | None = None


class _Answer(_Model):
    source_code: _Text | None = None
    metadata: _Made | None = None


class _Metadata(_Model):
    attempts: _Attempts | None = None
    result: _Answer | None = None


class StageModel(_Model):
    """`nlp_to_ir` or `ir_to_code`."""

    latency_ms: _Milliseconds | None = None
    memory_mb: _Amount | None = None
    success: bool
    error: _Text | None = None
    metadata: _Metadata | None = None

    @property
    def latency_s(self) -> float | None:
        """The stage's latency in seconds."""
        return _seconds(self.latency_ms)

    @property
    def attempts(self) -> int | None:
        """How many attempts it took, where the file counts them."""
        if self.metadata is None:
            return None
        made = self.metadata.result.metadata if self.metadata.result else None
        return made.attempts if made and made.attempts is not None else self.metadata.attempts


class ResultModel(_Model):
    """A result of any of the files; a family has its own names for some of it.

    Figures that no table takes over are declared for one reason: an odd one is told.
    """

    test_name: _Name
    completed: bool
    prompt: _Text | None = None
    timestamp: _Text | None = None
    provider_type: _Text | None = None
    category: _Name | None = None
    complexity: _Name | None = None
    nlp_to_ir: StageModel | None = None
    ir_to_code: StageModel | None = None
    e2e_ms: _Milliseconds | None = Field(default=None, alias="total_latency_ms")
    cost_usd: _Amount | None = Field(default=None, alias="estimated_cost_usd")
    total_memory_mb: _Amount | None = None
    ir_output: Any = None
    code_output: _Text | None = None
    executed: bool | None = None
    success: bool | None = None
    execution_success: bool | None = None
    execution_tests: list[dict[str, Any]] | None = None

    @property
    def e2e_s(self) -> float | None:
        """The latency from end to end, in seconds."""
        return _seconds(self.e2e_ms)

    @property
    def stages(self) -> dict[str, StageModel]:
        """The stages that were run, by name and in their order."""
        told = {"nlp_to_ir": self.nlp_to_ir, "ir_to_code": self.ir_to_code}
        return {name: stage for name, stage in told.items() if stage}

    @property
    def code(self) -> str | None:
        """The source that came of it; some files have a placeholder in its place."""
        metadata = self.ir_to_code.metadata if self.ir_to_code else None
        if metadata and metadata.result and metadata.result.source_code:
            return metadata.result.source_code
        told = self.code_output
        return told if told and not _PLACEHOLDER.fullmatch(told) else None

    @property
    def function(self) -> str | None:
        """The wanted function: by the IR's signature, else the only one that the code defines."""
        signature = self.ir_output.get("signature") if isinstance(self.ir_output, dict) else None
        name = signature.get("name") if isinstance(signature, dict) else None
        if isinstance(name, str) and name.isidentifier():
            return name
        defined = set(_DEFINED.findall(self.code or ""))
        return defined.pop() if len(defined) == 1 else None


class BenchmarkModel(ResultModel):
    """A result of `benchmark_results_….json`."""

    completed: bool = Field(alias="end_to_end_success")


class ValidationModel(ResultModel):
    """A result of `execution_validation_….json`."""

    completed: bool = Field(alias="compilation_success")


class NontrivialModel(ResultModel):
    """A result of `nontrivial_….json`."""

    completed: bool = Field(alias="compiled")
    e2e_ms: _Milliseconds | None = Field(default=None, alias="latency_ms")
    cost_usd: _Amount | None = Field(default=None, alias="cost_usd")


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
