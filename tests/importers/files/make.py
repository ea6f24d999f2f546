"""Write the sample files of this folder: each family, each variant, by the format's description.

The figures of the day are the published ones; its answers are those that its records kept.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
USD_PER_HOUR, USD_PER_REQUEST = 0.60, 0.0001
# name, prompt, NLP to IR s, IR to code s, attempts
DAY = [
    ("add_numbers", "Add two numbers", 10.80, 4.12, 1),
    ("multiply", "Multiply two numbers", 10.77, 4.19, 1),
    ("string_length", "String length", 10.01, 4.16, 1),
    ("max_of_two", "Maximum of two", 7.33, 19.77, 3),
    ("is_even", "Check if even", 9.81, 17.08, 2),
]
ANSWERS: dict[str, tuple[str, list[str]]] = {
    "add_numbers": ("add_two_numbers(num1: int, num2: int) -> int", ["num1 + num2"]),
    "multiply": ("multiply_numbers(a: int, b: int) -> int", ["a * b"]),
    "string_length": ("get_string_length(input_string: str) -> int", ["len(input_string)"]),
    "max_of_two": ("get_max(num1: int, num2: int) -> int", []),
    "is_even": ("is_even(number: int) -> bool", ["result = number % 2 == 0", "return result"]),
}
ERROR = "expected an indented block after 'if' statement on line 2 (<unknown>, line 3)"


def stage(
    name: str, seconds: float, metadata: dict[str, Any], error: str | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "latency_ms": round(seconds * 1000, 6),
        "memory_mb": 0.28,
        "success": error is None,
        "error": error,
        "metadata": metadata,
    }


def result(row: tuple[Any, ...], second: int, *, later: bool = False) -> dict[str, Any]:
    name, prompt, first, last, attempts = row
    signature, body = ANSWERS[name]
    function, _, rest = signature.partition("(")
    code = None if not body else f"def {signature}:\n" + "".join(f"    {line}\n" for line in body)
    made = {"generator": "xgrammar", "attempts": attempts, "constrained_generation": True}
    answer = {"source_code": code, "language": "python", "ir_version": "1.0", "metadata": made}
    told = {"provider": "modal", "result": None if code is None else answer | {"warnings": []}}
    tests = [
        {
            "test_name": "one",
            "passed": name == "is_even",
            "expected": "True",
            "actual": "None",
            "error": None,
        }
    ]
    old: dict[str, Any] = {
        "test_name": name,
        "prompt": prompt,
        "timestamp": f"2025-10-15T08:{51 + second // 60}:{second % 60:02}.250000",
        "provider_type": "modal",
        "nlp_to_ir": stage("nlp_to_ir", first, {"provider": "modal", "result": None}),
        "ir_to_code": stage("ir_to_code", last, told, None if code else ERROR),
        "total_latency_ms": round((first + last) * 1000, 6),
        "total_memory_mb": 0.56,
        "estimated_cost_usd": (first + last) * USD_PER_HOUR / 3600 + USD_PER_REQUEST,
        "end_to_end_success": code is not None,
        "ir_output": {
            "intent": {"summary": prompt, "rationale": None, "holes": []},
            "signature": {
                "name": function,
                "parameters": [],
                "returns": rest.split(" -> ")[1],
                "holes": [],
            },
            "effects": [],
            "assertions": [],
            "metadata": {},
        },
        "code_output": (code if later else "<5 chars>") if code else None,
    }
    if later:
        old |= {"execution_success": None if code is None else name == "is_even"}
        old |= {"execution_tests": tests if code else []}
    return old


def summary(
    results: list[dict[str, Any]], *, nothing: float | None = 0, population: bool = False
) -> dict[str, Any]:
    good = [r for r in results if r["end_to_end_success"]]
    deviation = statistics.pstdev if population else statistics.stdev
    told: dict[str, Any] = {
        "total_runs": len(results),
        "successful_runs": len(good),
        "failed_runs": len(results) - len(good),
    }
    times = {
        "nlp_to_ir": [r["nlp_to_ir"]["latency_ms"] for r in good],
        "ir_to_code": [r["ir_to_code"]["latency_ms"] for r in good],
        "e2e": [r["total_latency_ms"] for r in good],
    }
    for name, values in times.items():
        told[f"{name}_mean"] = statistics.mean(values) if values else nothing
        told[f"{name}_median"] = statistics.median(values) if values else nothing
        told[f"{name}_std"] = deviation(values) if len(values) > 1 else nothing
    memory = [r["total_memory_mb"] for r in results]
    costs = [r["estimated_cost_usd"] for r in results]
    return told | {
        "memory_mean": statistics.mean(memory),
        "memory_peak": max(memory),
        "total_cost_usd": sum(costs),
        "cost_per_request_mean": sum(costs) / len(costs),
    }


def benchmark(*, later: bool = False, population: bool = False) -> dict[str, Any]:
    results = [result(row, 28 + 15 * n, later=later) for n, row in enumerate(DAY)]
    return {"results": results, "summary": summary(results, population=population)}


def failed_first_stage() -> dict[str, Any]:
    old = result(DAY[0], 28)
    error = "Error code: 503 - service unavailable"
    old |= {"nlp_to_ir": stage("nlp_to_ir", 3.2, {"provider": "modal", "result": None}, error)}
    old |= {"ir_to_code": None, "ir_output": None, "code_output": None, "end_to_end_success": False}
    old |= {"total_latency_ms": 3200.0, "total_memory_mb": 0.28}
    old |= {"estimated_cost_usd": 3.2 * USD_PER_HOUR / 3600 + USD_PER_REQUEST}
    return {"results": [old], "summary": summary([old])}


def validation() -> dict[str, Any]:
    kept = (
        "test_name",
        "prompt",
        "total_latency_ms",
        "estimated_cost_usd",
        "execution_success",
        "execution_tests",
    )
    results = []
    for old in benchmark(later=True)["results"]:
        told = {key: old[key] for key in kept} | {"compilation_success": old["end_to_end_success"]}
        results.append(told | {"execution_success": bool(old["execution_success"])})
    compiled, ran = (
        sum(r[key] for r in results) for key in ("compilation_success", "execution_success")
    )
    counts = {"total_tests": 5, "compilation_success": compiled, "compilation_rate": compiled / 5}
    counts |= {
        "execution_success": ran,
        "execution_rate": ran / 5,
        "both_success": ran,
        "both_rate": ran / 5,
    }
    return {"timestamp": "2025-10-16T10:00:00+02:00", "summary": counts, "results": results}


def nontrivial() -> dict[str, Any]:
    rows = [
        (
            "letter_grade",
            "control_flow",
            "easy",
            "Turn a score into a grade",
            True,
            True,
            True,
            21_500.25,
        ),
        ("clamp", "control_flow", "medium", "Clamp a value", True, True, False, 24_000.5),
        ("find_index", "lists", "medium", "Find an item's index", True, False, False, 30_125.0),
        ("is_email", "strings", "hard", "Check an email address", False, False, False, 41_750.75),
    ]
    results = []
    for name, category, complexity, prompt, compiled, executed, success, latency in rows:
        cost = latency / 1000 * USD_PER_HOUR / 3600 + USD_PER_REQUEST
        told = {"test_name": name, "category": category, "complexity": complexity, "prompt": prompt}
        told |= {
            "compiled": compiled,
            "executed": executed,
            "success": success,
            "execution_tests": [],
        }
        results.append(told | {"latency_ms": latency, "cost_usd": cost})
    groups: dict[str, Any] = {}
    for key in ("category", "complexity"):
        groups[f"by_{key}"] = {}
        for value in sorted({r[key] for r in results}):
            mine = [r["success"] for r in results if r[key] == value]
            counts = {"passed": sum(mine), "total": len(mine), "rate": sum(mine) / len(mine)}
            groups[f"by_{key}"][value] = counts
    return {
        "suite_name": "nontrivial_phase2",
        "suite_description": "Functions with branches and loops",
        "phase": 2,
        "timestamp": "2025-10-17T12:00:00Z",
        "summary": {"total": 4, "compiled": 3, "executed": 2, "success": 1} | groups,
        "results": results,
    }


FILES = {
    "early.json": benchmark,
    "later.json": lambda: benchmark(later=True, population=True),
    "parallel.json": lambda: benchmark() | {"mode": "parallel", "max_workers": 5},
    "failed_first_stage.json": failed_first_stage,
    "validation.json": validation,
    "nontrivial.json": nontrivial,
}

if __name__ == "__main__":
    for name, made in FILES.items():
        (HERE / name).write_text(json.dumps(made(), indent=1) + "\n")
