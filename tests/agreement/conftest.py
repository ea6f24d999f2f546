"""Runs of every shape that a page, a message or a verdict may meet, as the store gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab import store
from liftlab.jobs.opening import judged_by
from liftlab.records import Run, Trial
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder
from liftlab.store.frames import table_columns, typed

STAGES = (("nlp_to_ir", 1.2), ("ir_to_code", 0.8))
CATEGORIES = ("arithmetic", "strings", "lists", "edge_cases", "control_flow")
CLASSES = ("missing_return", "wrong_answer", "signature_mismatch", "type_error")
USD_PER_S = 1.10 / 3600
PROMPT_S = 0.0004  # of a prompt token that was not cached
UNTIL = {"target": 0.7, "zone": 0.1}
BEGAN = datetime(2026, 11, 1, 10, 15, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a run is made: its cases with their repeats, and what its requests end with.

    Parameters
    ----------
    repeats
        Of each case.
    outcome
        Given a case, a repeat and a generator: "pass", "fail", "error" or "deadline".
    took
        Seconds of a step, given its case, repeat and stage, in place of those by its tokens.
    retried
        Share of second steps that are asked again.
    prompt
        Prompt tokens of a request and how many of them were cached; they cost time then.
    attempt
        Further columns of a request.
    until
        The target and zone that the run was made to decide.
    """

    repeats: Sequence[int]
    outcome: Callable[[int, int, np.random.Generator], str]
    sped_up: float = 1.0
    columns: tuple[tuple[str, Any], ...] = ()
    took: Callable[[int, int, str], float] | None = None
    prompt: Callable[[int, int], tuple[int, int]] | None = None
    retried: float = 0.15
    attempt: Callable[[int, int, str], dict[str, Any]] = lambda *_: {}
    until: dict[str, float] | None = None


def usual(_case: int, _repeat: int, rng: np.random.Generator) -> str:
    return "pass" if rng.random() < 0.6 else "fail"


def failing(share: float, outcome: str) -> Callable[[int, int, np.random.Generator], str]:
    def chosen(case: int, repeat: int, rng: np.random.Generator) -> str:
        return outcome if rng.random() < share else usual(case, repeat, rng)

    return chosen


def right_of(right: int, of: int) -> Callable[[int, int, np.random.Generator], str]:
    return lambda case, *_: "pass" if case % of < right else "fail"


def alike(*_: object) -> str:
    return "pass"


def by_length(case: int, repeat: int) -> tuple[int, int]:
    """Prompts of 200 to 6,000 tokens; the first time that one is asked nothing is cached."""
    tokens = 200 + 300 * case
    return tokens, 0 if repeat == 1 else tokens - 20


SHAPES: dict[str, Shape] = {
    "bimodal": Shape(
        repeats=[2] * 20,
        outcome=alike,
        retried=0.0,
        took=lambda _, repeat, stage: (1.0, 10.0)[repeat - 1] * (0.6 if "nlp" in stage else 0.4),
    ),
    "opposed": Shape(  # one stage slows down by what the other speeds up
        repeats=[5] * 20,
        outcome=alike,
        retried=0.0,
        took=lambda case, repeat, stage: (
            1 + 0.02 * (case % 7) + (0.1 if "nlp" in stage else -0.1) * (repeat - 3)
        ),
    ),
    "long_prompts": Shape(repeats=[2] * 20, outcome=usual, prompt=by_length),
    "cold_cache": Shape(
        repeats=[3] * 20,
        outcome=usual,
        prompt=lambda case, repeat: (5_000, 0 if (case, repeat) == (7, 2) else 4_980),
    ),
    "slow_case": Shape(
        repeats=[3] * 20,
        outcome=alike,
        retried=0.0,
        took=lambda case, repeat, _: (4.0 if case == 3 else 1.0) * (1 + 0.03 * (case + repeat) % 5),
    ),
    "model": Shape(repeats=[2] * 20, outcome=usual),
    "simulator": Shape(
        repeats=[2] * 20,
        outcome=usual,
        sped_up=100.0,
        columns=(("model", "week2-a10g (simulated)"), ("endpoint", "simulator")),
    ),
    "all_errors": Shape(repeats=[2] * 10, outcome=lambda *_: "error"),
    "most_errors": Shape(repeats=[2] * 20, outcome=failing(0.6, "error")),
    "mostly_failed": Shape(
        repeats=[2] * 50, outcome=lambda case, *_: "pass" if case % 5 < 2 else "error"
    ),
    "all_failed": Shape(repeats=[1] * 5, outcome=lambda *_: "error"),
    "timeouts": Shape(repeats=[2] * 25, outcome=failing(0.12, "deadline")),
    "one": Shape(repeats=[1], outcome=lambda *_: "pass"),
    "none": Shape(repeats=[], outcome=usual),
    "unequal": Shape(repeats=[10] + [1] * 9, outcome=lambda c, *_: "fail" if c else "pass"),
    "seldom_right": Shape(
        repeats=[2] * 20, outcome=lambda c, r, _: "pass" if c + r == 4 else "fail"
    ),
    "thousands": Shape(repeats=[200] * 200, outcome=usual),
    "met_by_test": Shape(repeats=[1] * 13, outcome=alike, until=UNTIL),
    # The interval that may be published holds the limit still when the test has decided.
    "failed_by_test": Shape(repeats=[1] * 13, outcome=right_of(2, 5), until=UNTIL),
    "open_by_test": Shape(repeats=[1] * 20, outcome=right_of(7, 10), until=UNTIL),
}


@cache
def made(name: str) -> RunData:
    """Return a run of a shape; the same every time."""
    shape = SHAPES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    run = Run(
        **{
            "run_id": f"20261101_101500_{(name[:2] + name[-2:]).ljust(4, 'x')}",
            "suite": "mvp",
            "pipeline": "lift",
            "endpoint": "local",
            "protocol": "lift",
            "model": "SmolLM2-135M-Instruct",
            "hardware": "2 CPU cores",
            "started_at": "2026-11-01T10:15:00+00:00",
            "finished_at": "2026-11-01T10:17:00+00:00",
            "status": "complete",
            "load": "closed",
            "concurrency": 1,
            "repeats": max(shape.repeats, default=1),
            "timing_uncertainty_s": 0.0004,
            "order_seed": 1,
        }
        | dict(shape.columns)
    )
    tables = _tables(run.run_id, shape, rng)
    folder = RunFolder(Path("nowhere") / run.run_id)
    return RunData(run=run, folder=folder, sped_up=shape.sped_up, until=shape.until, **tables)


def _tables(run_id: str, shape: Shape, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("trial", "stage", "attempt")}
    costs: list[dict[str, Any]] = []
    now = 0.0
    order = [
        (case, repeat)
        for repeat in range(1, max(shape.repeats, default=0) + 1)
        for case, repeats in enumerate(shape.repeats)
        if repeat <= repeats
    ]
    for case, repeat in order:
        outcome = shape.outcome(case, repeat, rng)
        key = {"run_id": run_id, "case_id": f"case_{case:03}", "repeat": repeat}
        began = now
        ended = _steps(shape, case, key, outcome, rng, rows, costs, now)
        now = ended + 0.01
        started = {"started_at": (BEGAN + timedelta(seconds=began)).isoformat()}
        rows["trial"].append(_trial(key, case, outcome, ended - began, rng) | started)
    frames = {
        name: typed(
            pd.DataFrame(table, columns=list(table_columns(name)), dtype=object),
            table_columns(name),
        )
        for name, table in {**rows, "grade": [], "check": [], "cost": costs}.items()
    }
    usd = frames["cost"].merge(frames["attempt"][["seq", "case_id", "repeat"]], on="seq")
    by_trial = usd.groupby(["case_id", "repeat"])["usd"].sum().rename("usd").reset_index()
    trials = frames["trial"].merge(by_trial, on=["case_id", "repeat"], how="left")
    frames["trial"] = trials.assign(cost_usd=trials["usd"]).drop(columns="usd")
    return {f"{name}s": frame for name, frame in frames.items()}


def _steps(
    shape: Shape,
    case: int,
    key: dict[str, Any],
    outcome: str,
    rng: np.random.Generator,
    rows: dict[str, list[dict[str, Any]]],
    costs: list[dict[str, Any]],
    now: float,
) -> float:
    for position, (stage, typical) in enumerate(STAGES):
        broken = outcome in ("error", "deadline")
        tries = 1 + int(position == 1 and not broken and rng.random() < shape.retried)
        began = now
        for number in range(1, tries + 1):
            tokens = int(rng.integers(20, 60))
            seconds = typical * tokens / 40 * float(rng.lognormal(0, 0.08))
            if shape.took is not None:
                seconds = shape.took(case, key["repeat"], stage)
            prompt, cached = (300, None)
            if shape.prompt is not None:
                prompt, cached = shape.prompt(case, key["repeat"])
                seconds += PROMPT_S * (prompt - cached)
            seconds = {"error": 0.04, "deadline": 30.0}.get(outcome, seconds)
            seq = len(rows["attempt"]) + 1
            failed = {"error": "http_5xx", "deadline": "deadline"}.get(outcome)
            rows["attempt"].append(
                key
                | {"seq": seq, "stage": stage, "attempt": number, "phase": "measure"}
                | {"sent_s": now, "ended_s": now + seconds, "transport_ok": not broken}
                | {"last_byte_s": None if broken else now + seconds, "abandoned": False}
                | {"output_tokens": None if broken else tokens, "error_class": failed}
                | {"prompt_tokens": prompt, "cached_tokens": cached}
                | {"valid": number == tries and not broken}
                | {"retry_reason": "does_not_parse" if number > 1 else None}
                | shape.attempt(case, key["repeat"], stage)
            )
            costs.append(
                {"run_id": key["run_id"], "seq": seq, "price_id": "modal-a10g"}
                | {"cost_model": "gpu_seconds", "usd": seconds * USD_PER_S}
            )
            now += seconds
        rows["stage"].append(
            key
            | {"stage": stage, "position": position, "ok": not broken, "started_s": began}
            | {"finished_s": now, "latency_s": now - began, "attempts": tries}
            | {"error_class": {"error": "http_5xx", "deadline": "deadline"}.get(outcome)}
        )
        if broken:
            break
    return now


def _trial(
    key: dict[str, Any], case: int, outcome: str, seconds: float, rng: np.random.Generator
) -> dict[str, Any]:
    graded = outcome in ("pass", "fail")
    return (
        key
        | {"category": CATEGORIES[case % 5], "difficulty": ("easy", "hard")[case % 2]}
        | {"e2e_s": seconds, "attempts": 2, "completed": graded, "parsed": True if graded else None}
        | {"outcome": outcome if graded else "error", "isolation": "full" if graded else None}
        | {"failure_class": _class(outcome, rng), "checks_total": 6 if graded else None}
        | {"checks_passed": {"pass": 6, "fail": 2}.get(outcome)}
    )


def _class(outcome: str, rng: np.random.Generator) -> str | None:
    if outcome == "fail":
        return CLASSES[int(rng.integers(len(CLASSES)))]
    return None if outcome == "pass" else "endpoint_error"


@pytest.fixture(scope="session")
def make() -> Callable[[str], RunData]:
    """Make a run of a shape by its name."""
    return made


def lay_down(name: str, project: Project) -> str:
    """Write a run of a shape, so that commands open it as any other; return its id."""
    run = made(name)
    scale = run.sped_up
    uncertainty = (run.run.timing_uncertainty_s or 0) / scale
    row = replace(run.run, time_scale=scale, timing_uncertainty_s=uncertainty)
    keys: Any = run.trials[["run_id", "case_id", "repeat"]].to_dict("records")
    endpoint = {"price": "modal-a10g", "cost_model": "gpu_seconds"}
    asked = {"request": {"endpoint": endpoint, "until": run.until}}
    trials = [Trial(**key) for key in keys]
    folder = store.create(project.path("runs"), row, asked, b"", ".toml", fill=lambda _: trials)
    frames = {
        table: store.rescale(getattr(run, f"{table}s"), 1 / scale)
        for table in ("trial", "stage", "attempt", "grade", "check", "cost")
    }
    frames["run"] = store.read_journal(folder)["run"]
    store.write_tables(folder, frames, judged_by=judged_by(project))
    return row.run_id


@pytest.fixture(scope="session")
def lay() -> Callable[[str, Project], str]:
    """Write a run of a shape by its name."""
    return lay_down
