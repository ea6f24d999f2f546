"""What the first benchmark's files may say, checked where it enters; other keys are let pass."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_RESULTS = 100_000
MAX_ATTEMPTS = 100  # rows are made for them; the benchmark gave up after five
_LONGEST_MS = 1e10  # four months
_MOST = 1e9


def _storable(value: Any) -> Any:
    """Write half of a surrogate pair, which has no UTF-8, as the escape that it came as."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _name(text: str) -> str:
    if not 0 < len(text) <= 200 or not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of 1 to 200 printable characters")
    return text


Text = Annotated[str, BeforeValidator(_storable)]
_Name = Annotated[Text, AfterValidator(_name)]
_Milliseconds = Annotated[float, Field(ge=0, le=_LONGEST_MS)]
_Amount = Annotated[float, Field(ge=0, le=_MOST)]
_Attempts = Annotated[int, Field(ge=0, le=MAX_ATTEMPTS)]
_Checks = list[dict[str, Any]]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class MadeModel(_Model):
    """How the code was made."""

    attempts: _Attempts | None = None


class AnswerModel(_Model):
    """`ir_to_code.metadata.result`: the code, and how it was made."""

    source_code: Text | None = None
    metadata: MadeModel | None = None


class MetadataModel(_Model):
    """A stage's `metadata`."""

    attempts: _Attempts | None = None
    result: AnswerModel | None = None


class StageModel(_Model):
    """`nlp_to_ir` or `ir_to_code`."""

    latency_ms: _Milliseconds | None = None
    memory_mb: _Amount | None = None
    success: bool
    error: Text | None = None
    metadata: MetadataModel | None = None


class BenchmarkModel(_Model):
    """A result of `benchmark_results_….json`."""

    test_name: _Name
    prompt: Text | None = None
    timestamp: Text | None = None
    provider_type: Text | None = None
    nlp_to_ir: StageModel | None = None
    ir_to_code: StageModel | None = None
    total_latency_ms: _Milliseconds | None = None
    total_memory_mb: _Amount | None = None
    estimated_cost_usd: _Amount | None = None
    end_to_end_success: bool
    ir_output: Any = None
    code_output: Text | None = None
    execution_success: bool | None = None
    execution_tests: _Checks | None = None


class ValidationModel(_Model):
    """A result of `execution_validation_….json`."""

    test_name: _Name
    prompt: Text | None = None
    compilation_success: bool
    execution_success: bool | None = None
    execution_tests: _Checks | None = None
    total_latency_ms: _Milliseconds | None = None
    estimated_cost_usd: _Amount | None = None


class NontrivialModel(_Model):
    """A result of `nontrivial_….json`."""

    test_name: _Name
    category: _Name | None = None
    complexity: _Name | None = None
    prompt: Text | None = None
    compiled: bool
    executed: bool | None = None
    success: bool | None = None
    execution_tests: _Checks | None = None
    latency_ms: _Milliseconds | None = None
    cost_usd: _Amount | None = None


Result = BenchmarkModel | ValidationModel | NontrivialModel
