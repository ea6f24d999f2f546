"""The tables: what one row of each holds, and nothing else.

A *stage* is what the user asked for; an *attempt* is one HTTP exchange. Times are
seconds, money is USD. Time points (`sent_s`, `first_byte_s`, …) count from the run's
monotonic zero; spans (`pool_s`, `dns_s`, …) are durations. `None` means that the source
cannot know. What was measured is written once; grades and costs are derived and can be
made again.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Literal, get_args, get_type_hints

SCHEMA_VERSION = 2  # 1 is read, too: a column that it lacks is null
LOAD = "load"  # the suite and the pipeline of a run that `liftlab load` made
SESSIONS = "sessions"  # likewise of `liftlab sessions`
CAPACITY = "capacity"  # the load of a run that `liftlab capacity` made

Outcome = Literal["pass", "fail", "error", "ungraded"]
Phase = Literal["warmup", "probe", "measure"]
Provenance = Literal["measured", "imported", "reference"]
RunStatus = Literal["running", "complete", "decided", "interrupted", "partial", "failed"]
Integrity = Literal["caller", "in-process", "unproven"]  # unproven: known answers were misjudged
Isolation = Literal["full", "restricted", "limits-only", "none"]
ErrorClass = Literal[
    "dns",
    "connect",
    "tls",
    "deadline",
    "reset",
    "stale_connection",
    "protocol",
    "http_4xx",
    "http_429",
    "http_5xx",
    "too_large",
    "truncated",
    "invalid_json",
    "schema_mismatch",
    "reported_error",
    "length",
    "cancelled",
    "pipeline_error",  # the user's own pipeline raised an exception
]
STALE: ErrorClass = "stale_connection"  # as a `retry_reason` it makes an attempt, and no retry
FailureClass = Literal[
    "endpoint_error",
    "refusal",
    "content_filter",
    "empty_output",
    "markdown_fence",
    "reasoning_unfinished",
    "not_python",
    "truncated",
    "indentation_error",
    "syntax_error",
    "import_error",
    "missing_function",
    "wrong_function_name",
    "signature_mismatch",
    "timeout",
    "memory",
    "output",
    "crash",
    "blocked",
    "invalid_ir",
    "invalid_reply",
    "name_error",
    "type_error",
    "runtime_error",
    "missing_return",
    "partially_wrong",
    "wrong_answer",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a suite through a pipeline against an endpoint."""

    run_id: str
    suite: str
    suite_sha256: str | None = None
    pipeline: str | None = None
    pipeline_sha256: str | None = None  # over prompts and schemas
    endpoint: str | None = None
    protocol: str | None = None
    model: str | None = None
    hardware: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    sampling_seed: int | None = None
    sampling_extra: str | None = None  # JSON
    left_out: str | None = None  # parameters that requests do not have, separated by commas
    started_at: str | None = None  # UTC, ISO 8601 with zone
    finished_at: str | None = None
    status: RunStatus = "running"
    load: Literal["closed", "open", "capacity"] | None = None
    concurrency: int | None = None
    rate_rps: float | None = None
    repeats: int | None = None
    order_seed: int | None = None
    time_scale: float | None = None
    settings_sha256: str | None = None
    liftlab_version: str | None = None
    git_commit: str | None = None
    python: str | None = None
    platform: str | None = None
    clock_resolution_s: float | None = None
    timing_uncertainty_s: float | None = None
    loop_lag_p50_s: float | None = None
    loop_lag_p99_s: float | None = None
    client_cpu_share: float | None = None
    client_peak_mb: float | None = None
    provenance: Provenance = "measured"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP exchange. `seq` numbers it within its run; warm-up and probe rows have no case."""

    run_id: str
    seq: int
    case_id: str | None = None
    repeat: int | None = None
    stage: str | None = None
    attempt: int | None = None
    request_id: str | None = None  # sent as x-request-id
    phase: Phase = "measure"
    endpoint: str | None = None
    model: str | None = None
    seed: int | None = None
    scheduled_s: float | None = None
    called_s: float | None = None
    pool_s: float | None = None
    dns_s: float | None = None
    tcp_s: float | None = None
    tls_s: float | None = None
    connection_reused: bool | None = None
    sent_s: float | None = None
    headers_s: float | None = None
    first_byte_s: float | None = None
    first_token_s: float | None = None
    first_reasoning_s: float | None = None
    last_token_s: float | None = None
    last_byte_s: float | None = None  # null where the reply did not come whole
    ended_s: float | None = None  # the exchange was over, well or badly
    chunks: int | None = None
    max_gap_s: float | None = None
    itl_s: float | None = None  # median gap between reads that brought tokens
    server_s: float | None = None
    queue_s: float | None = None
    prefill_s: float | None = None  # this and the next two as the server tells them
    decode_s: float | None = None
    compile_s: float | None = None  # of a schema's grammar, on its first use
    cold: bool | None = None
    cold_s: float | None = None
    hops: int | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    reported_usd: float | None = None  # what the host says that it charged
    finish_reason: str | None = None
    http_status: int | None = None
    response_id: str | None = None
    system_fingerprint: str | None = None
    ratelimit_requests_left: int | None = None
    ratelimit_tokens_left: int | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None
    transport_ok: bool | None = None
    valid: bool | None = None  # the stage could use the reply
    error_class: ErrorClass | None = None
    retry_reason: str | None = None  # why *this* attempt was made
    backoff_before_s: float | None = None
    retry_after_s: float | None = None
    prompt_sha256: str | None = None  # names an artifact
    reply_sha256: str | None = None  # names an artifact
    constrained: bool | None = None  # held to the schema by the server; null if none was asked for
    abandoned: bool = False  # sent, never ended: paid for, never timed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of one trial: first sent to last byte of its last attempt, back-off included."""

    run_id: str
    case_id: str
    repeat: int
    stage: str
    position: int
    ok: bool
    started_s: float | None = None
    finished_s: float | None = None
    latency_s: float | None = None
    client_s: float | None = None  # of it, what liftlab's own work took
    work_s: float | None = None  # what its prompt() and parse() took beside that, no sandbox in it
    attempts: int | None = None
    output_tokens: int | None = None
    error_class: str | None = None  # an ErrorClass, or the stage's own reason
    client_peak_mb: float | None = None  # null unless measured in a pass of its own
    value_sha256: str | None = None  # names the artifact with the stage's value


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One case, once, through the whole pipeline."""

    run_id: str
    case_id: str
    repeat: int
    category: str | None = None
    difficulty: str | None = None
    started_at: str | None = None
    e2e_s: float | None = None
    client_s: float | None = None  # of it, what liftlab's own work took; not the endpoint's
    e2e_from_planned_s: float | None = None
    attempts: int | None = None
    cold: bool | None = None
    completed: bool = False  # every stage gave a value
    asked_function: str | None = None  # the name to grade, where a prompt that was sent has it


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The verdict on one trial by one version of the grader."""

    run_id: str
    case_id: str
    repeat: int
    grader_version: str
    suite_sha256: str | None = None
    isolation: Isolation | None = None
    limits: str | None = None  # JSON
    outcome: Outcome = "ungraded"
    raw_outcome: Outcome | None = None  # of the text as it came, before code is taken out of it
    reruns: int | None = None
    failure_class: FailureClass | None = None
    facets: str | None = None  # JSON: stage, sub_kind, exception, line, message, found, removed, …
    parsed: bool | None = None
    checks_passed: int | None = None
    checks_total: int | None = None
    cpu_s: float | None = None
    wall_s: float | None = None
    verdict_integrity: Integrity | None = None
    controls: str | None = None  # how many known answers the pool of sandboxes told: "14 of 14"
    code_sha256: str | None = None  # names the artifact that was graded


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One functional check of one grade; values are written as text, bounded in size."""

    run_id: str
    case_id: str
    repeat: int
    grader_version: str
    check: str
    passed: bool
    expected: str | None = None
    actual: str | None = None
    error: str | None = None
    elapsed_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one attempt cost by one price and one model; null where the price is unknown."""

    run_id: str
    seq: int
    price_id: str
    cost_model: str
    usd: float | None = None


TABLES: dict[str, type] = {
    table.__name__.lower(): table for table in (Run, Attempt, Stage, Trial, Grade, Check, Cost)
}
KEYS: dict[str, tuple[str, ...]] = {
    "run": ("run_id",),
    "attempt": ("run_id", "seq"),
    "stage": ("run_id", "case_id", "repeat", "stage"),
    "trial": ("run_id", "case_id", "repeat"),
    "grade": ("run_id", "case_id", "repeat", "grader_version"),
    "check": ("run_id", "case_id", "repeat", "grader_version", "check"),
    "cost": ("run_id", "seq", "price_id", "cost_model"),
}


def columns(table: str) -> dict[str, type]:
    """Return each column of `table` with its scalar type: str, int, float or bool."""
    return dict(_columns(table))


def nullable(table: str) -> frozenset[str]:
    """Return the columns of `table` that may be null: a file from before they existed has none."""
    fields = dataclasses.fields(TABLES[table])
    return frozenset(field.name for field in fields if field.default is None)


def as_row(record: Any) -> dict[str, Any]:
    """Return a record's columns as a plain dictionary, in the table's order."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


@functools.cache  # every journal that is opened asks
def _columns(table: str) -> dict[str, type]:
    hints = get_type_hints(TABLES[table])
    return {field.name: _scalar(hints[field.name]) for field in dataclasses.fields(TABLES[table])}


def _scalar(hint: Any) -> type:
    options = [option for option in get_args(hint) or (hint,) if option is not type(None)]
    if all(isinstance(option, str) for option in options):  # a Literal of strings
        return str
    first = options[0]
    return first if isinstance(first, type) else _scalar(first)
