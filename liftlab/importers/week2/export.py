"""A run in the format of the first, hand-written benchmark, for the scripts that read it.

Times are milliseconds there, and a stage has one latency, however many attempts it took.
Latency means are over the results that gave a value, costs over all of them.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from liftlab import suite
from liftlab.errors import RunFolderCorrupt
from liftlab.importers.week2 import FORMULA
from liftlab.store import RunData
from liftlab.store.files import write_atomic
from liftlab.store.frames import trial_costs

LOSSY = (
    "times of attempts, retries and back-off: a stage has one latency; see attempt.parquet",
    "stages other than nlp_to_ir and ir_to_code; see stage.parquet",
    "why a trial failed: end_to_end_success means that every stage gave a value, "
    "execution_success that all checks passed; see grade.parquet",
    "intervals: means and medians are of the trials that gave a value",
    "attempts of the warm-up and of probes, and abandoned ones",
)
_STAGES = ("nlp_to_ir", "ir_to_code")
_DIGITS = 15  # every figure of so many digits comes back as it was, from ms to s and again

_Row = dict[str, Any]
_Group = Callable[[_Row], list[_Row]]


def export(run: RunData) -> dict[str, Any]:
    """Return a run as `{"results": …, "summary": …, "lossy": …}`, as JSON data; null is unknown.

    `lossy` says what the format has no place for. Raises RunFolderCorrupt if an artifact of the run
    is missing, or is not JSON.
    """
    prompts = _prompts(run)
    formula = run.costs[run.costs["cost_model"] == FORMULA]
    trials = run.trials
    if len(formula):  # a published day has costs by its own formula
        trials = trials.assign(cost_usd=trial_costs(trials, run.attempts, formula))
    stages, checks, attempts = map(
        _by_trial, (run.stages, run.checks, run.attempts[["case_id", "repeat", "endpoint"]])
    )
    results = []
    for trial in _rows(trials):
        sent = attempts(trial)
        provider = (sent[0]["endpoint"] if sent else None) or run.run.endpoint
        known = {"prompt": prompts.get(trial["case_id"]), "provider_type": provider}
        results.append(_result(run, trial, stages(trial), checks(trial), known))
    return {"results": results, "summary": _summary(results), "lossy": list(LOSSY)}


def write(run: RunData) -> Path:
    """Write the export into the run's folder, and return its path."""
    stamp = run.run.run_id[:15] if run.run.run_id[:8].isdigit() else run.run.run_id
    path = run.folder.path / f"benchmark_results_{stamp}.json"
    told = {key: _lines(value) for key, value in export(run).items()}
    text = "{\n" + ",\n".join(f'"{key}": {value}' for key, value in told.items()) + "\n}\n"
    write_atomic(path, text.encode(), durable=False)  # can be made again
    return path


def _result(run: RunData, trial: _Row, stages: list[_Row], checks: list[_Row], known: _Row) -> _Row:
    values = {row["stage"]: _value(run, row["value_sha256"]) for row in stages}
    code = next((value["code"] for value in values.values() if "code" in value), None)
    told = {row["stage"]: _stage(row, values[row["stage"]], code) for row in stages}
    memory = _known(stage["memory_mb"] for stage in told.values())
    return {
        "test_name": trial["case_id"],
        "prompt": known["prompt"],
        "timestamp": trial["started_at"],
        "provider_type": known["provider_type"],
        **{name: told.get(name) for name in _STAGES},
        "total_latency_ms": _ms(trial["e2e_s"]),
        "total_memory_mb": sum(memory) if memory else None,
        "estimated_cost_usd": _short(trial["cost_usd"]),
        "end_to_end_success": bool(trial["completed"]),
        "ir_output": values.get("nlp_to_ir", {}).get("value"),
        "code_output": code,
        "execution_success": {"pass": True, "fail": False}.get(trial["outcome"]),
        "execution_tests": [
            {"test_name": row["check"]}
            | {key: row[key] for key in ("passed", "expected", "actual", "error")}
            for row in checks
        ],
    }


def _stage(row: _Row, value: _Row, code: str | None) -> _Row:
    metadata: _Row = {"attempts": row["attempts"]}
    if row["stage"] == "ir_to_code":
        made = {"generator": "liftlab", "attempts": row["attempts"]}
        answer: _Row = {"source_code": code, "language": "python", "metadata": made, "warnings": []}
        metadata["result"] = answer if row["ok"] and code is not None else None
    return {
        "name": row["stage"],
        "latency_ms": _ms(row["latency_s"]),
        "memory_mb": row["client_peak_mb"],
        "success": bool(row["ok"]),
        "error": None if row["ok"] else value.get("message") or row["error_class"],
        "metadata": metadata,
    }


def _summary(results: Sequence[_Row]) -> _Row:
    """Sum results up as the first benchmark did; None where there is nothing to sum up."""
    good = [row for row in results if row["end_to_end_success"]]
    times = {name: _known((row[name] or {}).get("latency_ms") for row in good) for name in _STAGES}
    times["e2e"] = _known(row["total_latency_ms"] for row in good)
    memory = _known(row["total_memory_mb"] for row in results)
    costs = _known(row["estimated_cost_usd"] for row in results)
    total = math.fsum(costs) if costs and len(costs) == len(results) else None
    summary: _Row = {
        "total_runs": len(results),
        "successful_runs": len(good),
        "failed_runs": len(results) - len(good),
    }
    for name, values in times.items():
        summary[f"{name}_mean"] = statistics.fmean(values) if values else None
        summary[f"{name}_median"] = statistics.median(values) if values else None
        summary[f"{name}_std"] = statistics.stdev(values) if len(values) > 1 else None
    return summary | {
        "memory_mean": statistics.fmean(memory) if memory else None,
        "memory_peak": max(memory, default=None),
        "total_cost_usd": _short(total),
        "cost_per_request_mean": None if total is None else _short(total / len(costs)),
    }


def _prompts(run: RunData) -> dict[str, str]:
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


def _by_trial(frame: Any) -> _Group:
    found: dict[tuple[str, int], list[_Row]] = {}
    for row in _rows(frame):
        found.setdefault((row["case_id"], row["repeat"]), []).append(row)
    return lambda trial: found.get((trial["case_id"], trial["repeat"]), [])


def _lines(value: Any) -> str:
    """Return JSON with a line for each item of a list, which is written at once and in C."""
    if not isinstance(value, list):
        return json.dumps(value, allow_nan=False)
    return "[\n" + ",\n".join(json.dumps(item, allow_nan=False) for item in value) + "\n]"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else _short(seconds * 1000)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
