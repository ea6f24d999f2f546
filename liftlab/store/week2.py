"""A run in the format of the first, hand-written benchmark, for the scripts that read it.

Times are milliseconds there, and a stage has one latency, however many attempts it took.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from liftlab.errors import RunFolderCorrupt
from liftlab.store.files import write_atomic
from liftlab.store.tables import RunData

STAGES = ("nlp_to_ir", "ir_to_code")
LOSSY = (
    "one latency a stage: the times of its attempts, retries and back-off are in attempt.parquet",
    "only the stages nlp_to_ir and ir_to_code; others are in stage.parquet",
    "end_to_end_success says that every stage gave a value, execution_success that all checks "
    "passed; why one failed is in grade.parquet",
    "means and medians are over trials that gave a value, without intervals",
    "warm-up, probe and abandoned attempts are left out",
)


def export_week2(run: RunData) -> dict[str, Any]:
    """Return a run as `{"results": …, "summary": …, "lossy": …}`.

    Parameters
    ----------
    run
        A run with its tables.

    Returns
    -------
    dict
        JSON data. `lossy` says what the format has no place for; null is what is not known.
    """
    prompts = _prompts(run)
    results = [_result(run, trial, prompts.get(trial["case_id"])) for trial in _rows(run.trials)]
    return {"results": results, "summary": _summary(results), "lossy": list(LOSSY)}


def write_week2(run: RunData) -> Path:
    """Write the export into the run's folder, and return its path.

    Raises
    ------
    StorageFailed
        If it cannot be written.
    """
    stamp = run.run.run_id[:15] if run.run.run_id[:8].isdigit() else run.run.run_id
    path = run.folder.path / f"benchmark_results_{stamp}.json"
    text = json.dumps(export_week2(run), indent=2, ensure_ascii=True, allow_nan=False)
    write_atomic(path, text.encode(), durable=False)  # can be made again
    return path


def _result(run: RunData, trial: dict[str, Any], prompt: str | None) -> dict[str, Any]:
    stages = {row["stage"]: row for row in _of_trial(run.stages, trial)}
    values = {name: _value(run, row["value_sha256"]) for name, row in stages.items()}
    code = next((v["code"] for v in values.values() if isinstance(v, dict) and "code" in v), None)
    ir = values.get("nlp_to_ir")
    memory = [row["client_peak_mb"] for row in stages.values() if row["client_peak_mb"] is not None]
    return {
        "test_name": trial["case_id"],
        "prompt": prompt,
        "timestamp": trial["started_at"],
        "provider_type": run.run.endpoint,
        "nlp_to_ir": _stage(stages.get("nlp_to_ir"), None),
        "ir_to_code": _stage(stages.get("ir_to_code"), code),
        "total_latency_ms": _ms(trial["e2e_s"]),
        "total_memory_mb": math.fsum(memory) if memory else None,
        "estimated_cost_usd": trial["cost_usd"],
        "end_to_end_success": trial["completed"],
        "ir_output": ir.get("value") if isinstance(ir, dict) else None,
        "code_output": code,
        "execution_success": {"pass": True, "fail": False}.get(trial["outcome"]),
        "execution_tests": [
            {
                "test_name": check["check"],
                **{key: check[key] for key in ("passed", "expected", "actual", "error")},
            }
            for check in _of_trial(run.checks, trial)
        ],
    }


def _stage(row: dict[str, Any] | None, code: str | None) -> dict[str, Any] | None:
    if row is None:
        return None
    metadata: dict[str, Any] = {"attempts": row["attempts"]}
    if row["stage"] == "ir_to_code":
        made = {"generator": "liftlab", "attempts": row["attempts"]}
        answer: dict[str, Any] = {"source_code": code, "language": "python", "metadata": made}
        metadata["result"] = answer | {"warnings": []} if row["ok"] and code is not None else None
    return {
        "name": row["stage"],
        "latency_ms": _ms(row["latency_s"]),
        "memory_mb": row["client_peak_mb"],
        "success": row["ok"],
        "error": row["error_class"],
        "metadata": metadata,
    }


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    good = [result for result in results if result["end_to_end_success"]]
    times = {name: _known(_latency(result[name]) for result in good) for name in STAGES}
    times["e2e"] = _known(result["total_latency_ms"] for result in good)
    memory = _known(result["total_memory_mb"] for result in results)
    costs = [result["estimated_cost_usd"] for result in results]
    total = None if None in costs or not costs else math.fsum(costs)
    summary: dict[str, Any] = {
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
        "total_cost_usd": total,
        "cost_per_request_mean": None if total is None else total / len(costs),
    }


def _prompts(run: RunData) -> dict[str, str]:
    from liftlab import suite

    source, suffix = run.folder.suite_source()
    if not source:
        return {}
    cases = suite.parse(source, run.folder.path / f"suite{suffix}").cases
    return {case.case_id: case.prompt for case in cases}


def _value(run: RunData, digest: str | None) -> Any:
    """Return the value that a stage gave, from its artifact."""
    if digest is None:
        return None
    try:
        return json.loads(run.folder.artifacts.get(digest))
    except (ValueError, RecursionError) as error:
        path = run.folder.artifacts.path
        raise RunFolderCorrupt(path, f"artifact {digest} is not JSON: {error}") from error


def _rows(frame: Any) -> list[dict[str, Any]]:
    """Return a frame's rows as plain Python values, None where nothing is known."""
    plain = frame.astype(object)
    rows: list[dict[str, Any]] = plain.where(plain.notna(), None).to_dict("records")
    return rows


def _of_trial(frame: Any, trial: dict[str, Any]) -> list[dict[str, Any]]:
    mine = (frame["case_id"] == trial["case_id"]) & (frame["repeat"] == trial["repeat"])
    return _rows(frame[mine])


def _latency(stage: dict[str, Any] | None) -> float | None:
    return None if stage is None else stage["latency_ms"]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
