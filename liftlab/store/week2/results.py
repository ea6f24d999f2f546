"""One result of the first benchmark, whichever of its files or a run's tables it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from liftlab.errors import RunFolderCorrupt
from liftlab.store.frames import trial_costs
from liftlab.store.tables import RunData

STAGES = ("nlp_to_ir", "ir_to_code")
_OF_STAGE = (
    "stage", "ok", "latency_s", "client_peak_mb", "error_class", "attempts", "value_sha256",
)  # fmt: skip
_OF_CHECK = ("check", "passed", "expected", "actual", "error")
FORMULA = "week2"  # the cost model of the first benchmark

_Key = tuple[str, int]
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OldStage:
    """One stage of a result; `error` is the benchmark's own text."""

    name: str
    ok: bool
    latency_s: float | None = None
    memory_mb: float | None = None
    error: str | None = None
    attempts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldResult:
    """One result as the tables can hold it: seconds, USD, and None where nothing is known.

    `verdict` says whether all checks passed, `checks` what each gave; `code` is the source
    that the last stage ended with, `ir` what the first gave.
    """

    case_id: str
    repeat: int = 1
    prompt: str | None = None
    timestamp: str | None = None
    provider: str | None = None
    stages: Mapping[str, OldStage] = field(default_factory=dict)
    e2e_s: float | None = None
    cost_usd: float | None = None
    completed: bool = False
    ir: Any = None
    code: str | None = None
    verdict: bool | None = None
    checks: tuple[_Row, ...] = ()
    category: str | None = None
    difficulty: str | None = None

    @property
    def memory_mb(self) -> float | None:
        """The memory of its stages together."""
        known = [s.memory_mb for s in self.stages.values() if s.memory_mb is not None]
        return sum(known) if known else None


def results_of(run: RunData) -> list[OldResult]:
    """Return a run's trials in the order of their table.

    Raises
    ------
    RunFolderCorrupt
        If an artifact of the run is missing, or is not JSON.
    """
    prompts = _prompts(run)
    formula = run.costs[run.costs["cost_model"] == FORMULA]
    priced = run.trials
    if len(formula):  # a file of the first benchmark has costs by its own formula
        priced = priced.assign(cost_usd=trial_costs(run.trials, run.attempts, formula))
    stages = _by_trial(run.stages, _OF_STAGE)
    checks = _by_trial(run.checks, _OF_CHECK)
    attempts = _by_trial(run.attempts, ("endpoint",))
    results = []
    for trial in _rows(priced):
        key = (trial["case_id"], trial["repeat"])
        sent = attempts.get(key, [])
        results.append(
            _result(
                run,
                trial,
                stages.get(key, []),
                prompt=prompts.get(trial["case_id"]),
                provider=(sent[0]["endpoint"] if sent else None) or run.run.endpoint,
                checks=tuple(_check(row) for row in checks.get(key, [])),
            )
        )
    return results


def _result(run: RunData, trial: _Row, stages: list[_Row], **known: Any) -> OldResult:
    values = {row["stage"]: _value(run, row["value_sha256"]) for row in stages}
    codes = [value["code"] for value in values.values() if "code" in value]
    return OldResult(
        case_id=trial["case_id"],
        repeat=trial["repeat"],
        timestamp=trial["started_at"],
        stages={row["stage"]: _stage(row, values[row["stage"]]) for row in stages},
        e2e_s=trial["e2e_s"],
        cost_usd=trial["cost_usd"],
        completed=bool(trial["completed"]),
        ir=values.get("nlp_to_ir", {}).get("value"),
        code=codes[0] if codes else None,
        verdict={"pass": True, "fail": False}.get(trial["outcome"]),
        category=trial["category"],
        difficulty=trial["difficulty"],
        **known,
    )


def _stage(row: _Row, value: _Row) -> OldStage:
    return OldStage(
        name=row["stage"],
        ok=bool(row["ok"]),
        latency_s=row["latency_s"],
        memory_mb=row["client_peak_mb"],
        error=None if row["ok"] else value.get("message") or row["error_class"],
        attempts=row["attempts"],
    )


def _check(row: _Row) -> _Row:
    return {"test_name": row["check"], **{key: row[key] for key in _OF_CHECK[1:]}}


def _prompts(run: RunData) -> dict[str, str]:
    from liftlab import suite

    source, suffix = run.folder.suite_source()
    if not source:
        return {}
    cases = suite.parse(source, run.folder.path / f"suite{suffix}").cases
    return {case.case_id: case.prompt for case in cases}


def _value(run: RunData, digest: str | None) -> _Row:
    """Return the value that a stage gave, from its artifact; empty where it gave none."""
    if digest is None:
        return {}
    try:
        value = json.loads(run.folder.artifacts.get(digest))
    except (ValueError, RecursionError) as error:
        path = run.folder.artifacts.path
        raise RunFolderCorrupt(path, f"artifact {digest} is not JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def _rows(frame: Any) -> list[_Row]:
    """Return a frame's rows as plain Python values, None where nothing is known."""
    plain = frame.astype(object)
    rows: list[_Row] = plain.where(plain.notna(), None).to_dict("records")
    return rows


def _by_trial(frame: Any, wanted: Sequence[str]) -> dict[_Key, list[_Row]]:
    found: dict[_Key, list[_Row]] = {}
    for row in _rows(frame[["case_id", "repeat", *wanted]]):
        found.setdefault((row["case_id"], row["repeat"]), []).append(row)
    return found
