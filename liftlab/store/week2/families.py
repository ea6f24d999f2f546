"""The four families of files that the first benchmark left: how each writes a result.

Times are milliseconds there, and a stage has one latency, however many attempts it took.
Latency means are over the results that gave a value, costs over all of them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from liftlab.store.week2.results import STAGES, OldResult, OldStage

_Row = dict[str, Any]
_DIGITS = 15  # every figure of so many digits comes back as it was, from ms to s and again


@dataclass(frozen=True, slots=True)
class Family:
    """How one family writes a result and sums them up; `population` chooses the deviation."""

    row: Callable[[OldResult], _Row]
    summary: Callable[[Sequence[OldResult], bool], _Row]


def benchmark_row(result: OldResult) -> _Row:
    """Write a result as `benchmark_results_….json` does."""
    return {
        "test_name": result.case_id,
        "prompt": result.prompt,
        "timestamp": result.timestamp,
        "provider_type": result.provider,
        "nlp_to_ir": _stage(result.stages.get("nlp_to_ir"), None),
        "ir_to_code": _stage(result.stages.get("ir_to_code"), result.code),
        "total_latency_ms": _ms(result.e2e_s),
        "total_memory_mb": result.memory_mb,
        "estimated_cost_usd": _short(result.cost_usd),
        "end_to_end_success": result.completed,
        "ir_output": result.ir,
        "code_output": result.code,
        "execution_success": result.verdict,
        "execution_tests": list(result.checks),
    }


def validation_row(result: OldResult) -> _Row:
    """Write a result as `execution_validation_….json` does."""
    return {
        "test_name": result.case_id,
        "prompt": result.prompt,
        "compilation_success": result.completed,
        "execution_success": result.verdict,
        "execution_tests": list(result.checks),
        "total_latency_ms": _ms(result.e2e_s),
        "estimated_cost_usd": _short(result.cost_usd),
    }


def nontrivial_row(result: OldResult) -> _Row:
    """Write a result as `nontrivial_….json` does."""
    return {
        "test_name": result.case_id,
        "category": result.category,
        "complexity": result.difficulty,
        "prompt": result.prompt,
        "compiled": result.completed,
        "success": result.verdict,
        "execution_tests": list(result.checks),
        "latency_ms": _ms(result.e2e_s),
        "cost_usd": _short(result.cost_usd),
    }


def benchmark_summary(results: Sequence[OldResult], population: bool = False) -> _Row:
    """Sum results up as the first benchmark did; None where there is nothing to sum up."""
    good = [result for result in results if result.completed]
    times = {name: _known(_latency(result, name) for result in good) for name in STAGES}
    times["e2e"] = _known(_ms(result.e2e_s) for result in good)
    memory = _known(result.memory_mb for result in results)
    costs = [result.cost_usd for result in results]
    total = None if None in costs or not costs else math.fsum(_known(costs))
    summary: _Row = {
        "total_runs": len(results),
        "successful_runs": len(good),
        "failed_runs": len(results) - len(good),
    }
    for name, values in times.items():
        summary[f"{name}_mean"] = statistics.fmean(values) if values else None
        summary[f"{name}_median"] = statistics.median(values) if values else None
        summary[f"{name}_std"] = deviation(values, population)
    return summary | {
        "memory_mean": statistics.fmean(memory) if memory else None,
        "memory_peak": max(memory, default=None),
        "total_cost_usd": _short(total),
        "cost_per_request_mean": None if total is None else _short(total / len(costs)),
    }


def validation_summary(results: Sequence[OldResult], population: bool = False) -> _Row:
    """Count what compiled, ran right, and both; None for what nobody judged."""
    compiled = [result.completed for result in results]
    passed = [result.verdict for result in results]
    both = [c and p for c, p in zip(compiled, passed, strict=True)]
    judged = None not in passed
    return {
        "total_tests": len(results),
        "compilation_success": sum(compiled),
        "compilation_rate": _share(compiled),
        "execution_success": sum(p is True for p in passed) if judged else None,
        "execution_rate": _share(passed) if judged else None,
        "both_success": sum(b is True for b in both) if judged else None,
        "both_rate": _share(both) if judged else None,
    }


def nontrivial_summary(results: Sequence[OldResult], population: bool = False) -> _Row:
    """Count what passed, in all, by category and by complexity; no groups if one is not judged."""
    judged = all(result.verdict is not None for result in results)
    return validation_summary(results) | {
        "by_category": _groups(results, "category") if judged else {},
        "by_complexity": _groups(results, "difficulty") if judged else {},
    }


def deviation(values: Sequence[float], population: bool) -> float | None:
    """Return the standard deviation, of the sample or of the population; None below two."""
    if len(values) < 2:
        return None
    return statistics.pstdev(values) if population else statistics.stdev(values)


FAMILIES = {
    "benchmark": Family(benchmark_row, benchmark_summary),
    "parallel": Family(benchmark_row, benchmark_summary),
    "execution_validation": Family(validation_row, validation_summary),
    "nontrivial": Family(nontrivial_row, nontrivial_summary),
}


def _stage(stage: OldStage | None, code: str | None) -> _Row | None:
    if stage is None:
        return None
    metadata: _Row = {"attempts": stage.attempts}
    if stage.name == "ir_to_code":
        made = {"generator": "liftlab", "attempts": stage.attempts}
        answer: _Row = {"source_code": code, "language": "python", "metadata": made}
        metadata["result"] = answer | {"warnings": []} if stage.ok and code is not None else None
    return {
        "name": stage.name,
        "latency_ms": _ms(stage.latency_s),
        "memory_mb": stage.memory_mb,
        "success": stage.ok,
        "error": stage.error,
        "metadata": metadata,
    }


def _groups(results: Sequence[OldResult], by: str) -> _Row:
    names = sorted({name for result in results if (name := getattr(result, by)) is not None})
    groups = {}
    for name in names:
        passed = [result.verdict for result in results if getattr(result, by) == name]
        counts = {"passed": sum(p is True for p in passed), "total": len(passed)}
        groups[name] = counts | {"rate": _share(passed)}
    return groups


def _share(flags: Sequence[bool | None]) -> float | None:
    return sum(flag is True for flag in flags) / len(flags) if flags else None


def _latency(result: OldResult, stage: str) -> float | None:
    return _ms(result.stages[stage].latency_s) if stage in result.stages else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else _short(seconds * 1000)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
