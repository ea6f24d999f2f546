"""Runs as the store gives them: the published day's five rows, and synthetic ones of any size."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.records import Run
from liftlab.store import RunData, RunFolder
from liftlab.store.frames import table_columns, typed

RATE = 1.10 / 3600
WEEK2 = [  # case, category, NLP to IR, IR to code, attempts, outcome, class
    ("add_numbers", "arithmetic", 10.80, 4.12, 14.92, 1, "fail", "missing_return"),
    ("multiply", "arithmetic", 10.77, 4.19, 14.96, 1, "fail", "missing_return"),
    ("string_length", "strings", 10.01, 4.16, 14.16, 1, "fail", "missing_return"),
    ("max_of_two", "control flow", 7.33, 19.77, 27.10, 3, "fail", "indentation_error"),
    ("is_even", "control flow", 9.81, 17.08, 26.90, 2, "pass", None),
]
Rows = list[dict[str, Any]]


def frame(table: str, rows: Rows) -> pd.DataFrame:
    kinds = table_columns(table)
    return typed(pd.DataFrame(rows, columns=list(kinds), dtype=object), kinds)


def make_run(run: Run, trials: Rows, stages: Rows, attempts: Rows) -> RunData:
    empty = {name: frame(name, []) for name in ("grade", "check", "cost")}
    return RunData(
        run=run,
        trials=frame("trial", trials),
        stages=frame("stage", stages),
        attempts=frame("attempt", attempts),
        grades=empty["grade"],
        checks=empty["check"],
        costs=empty["cost"],
        folder=RunFolder(Path("nowhere") / run.run_id),
    )


@pytest.fixture(scope="session")
def week2() -> RunData:
    run = Run(
        run_id="week2_day1",
        suite="week2_day1",
        pipeline="lift",
        endpoint="modal",
        protocol="lift",
        hardware="Modal, NVIDIA A10G",
        temperature=0.3,
        started_at="2025-10-15T08:51:28+00:00",
        status="complete",
        load="closed",
        concurrency=1,
        repeats=1,
        provenance="reference",
    )
    trials: Rows = []
    stages: Rows = []
    attempts: Rows = []
    for case, category, ir, code, e2e, count, outcome, failure in WEEK2:
        key = {"run_id": run.run_id, "case_id": case, "repeat": 1}
        passed = {"pass": 4, "fail": 0}[outcome]
        trials.append(
            key
            | {"category": category, "difficulty": "easy", "e2e_s": e2e, "attempts": 1 + count}
            | {"completed": count < 3, "outcome": outcome, "failure_class": failure}
            | {"parsed": count < 3, "checks_passed": passed, "checks_total": 4}
            | {"cost_usd": e2e * RATE, "isolation": "limits-only"}
        )
        for position, (name, seconds, tries) in enumerate(
            [("nlp_to_ir", ir, 1), ("ir_to_code", code, count)]
        ):
            ok = tries < 3
            stages.append(
                key
                | {"stage": name, "position": position, "ok": ok, "latency_s": seconds}
                | {"attempts": tries}
            )
            attempts.extend(
                key
                | {"seq": len(attempts) + number, "stage": name, "attempt": number}
                | {"phase": "measure", "abandoned": False, "transport_ok": True}
                | {"valid": ok and number == tries}
                for number in range(1, tries + 1)
            )
    return make_run(run, trials, stages, attempts)


def measured(repeats: int) -> Run:
    return Run(
        run_id="20251101_101500_abcd",
        suite="mvp",
        pipeline="lift",
        endpoint="local",
        protocol="lift",
        model="SmolLM2-135M-Instruct",
        hardware="2 CPU cores",
        started_at="2025-11-01T10:15:00+00:00",
        finished_at="2025-11-01T10:17:00+00:00",
        status="complete",
        load="closed",
        concurrency=1,
        repeats=repeats,
        timing_uncertainty_s=0.0004,
        order_seed=20251015,
    )


def synthetic_run(cases: int, repeats: int, pass_rate: float = 0.6, seed: int = 7) -> RunData:
    """Return a measured run with retries, timed attempts, a few endpoint errors and outliers."""
    rng = np.random.default_rng(seed)
    run = measured(repeats)
    names = ["arithmetic", "strings", "lists", "edge cases", "control flow"]
    classes = ["missing_return", "wrong_answer", "syntax_error", "type_error"]
    trials: Rows = []
    stages: Rows = []
    attempts: Rows = []
    now = 0.0
    for repeat in range(1, repeats + 1):
        for case in range(cases):
            key = {"run_id": run.run_id, "case_id": f"case_{case:02}", "repeat": repeat}
            began, tries_all = now, 0
            for position, (name, typical) in enumerate([("nlp_to_ir", 1.2), ("ir_to_code", 0.8)]):
                tries = 1 + int(position == 1 and rng.random() < 0.2)
                tries_all += tries
                start = now
                for number in range(1, tries + 1):
                    tokens = int(rng.integers(20, 60))
                    seconds = typical * tokens / 40 * float(rng.lognormal(0, 0.08))
                    attempts.append(
                        key
                        | {"seq": len(attempts) + 1, "stage": name, "attempt": number}
                        | {"phase": "measure", "sent_s": now, "first_byte_s": now + seconds / 5}
                        | {"last_byte_s": now + seconds, "output_tokens": tokens}
                        | {"prompt_tokens": 300, "transport_ok": True, "abandoned": False}
                        | {"valid": number == tries, "http_status": 200}
                        | {"retry_reason": "does_not_parse" if number > 1 else None}
                    )
                    now += seconds
                stages.append(
                    key
                    | {"stage": name, "position": position, "ok": True, "started_s": start}
                    | {"finished_s": now, "latency_s": now - start, "attempts": tries}
                )
            good = rng.random() < pass_rate
            trials.append(
                key
                | {"category": names[case % 5], "difficulty": "easy", "e2e_s": now - began}
                | {"attempts": tries_all, "completed": True, "parsed": True}
                | {"outcome": "pass" if good else "fail", "checks_total": 6}
                | {"failure_class": None if good else classes[int(rng.integers(4))]}
                | {"checks_passed": 6 if good else 2, "isolation": "limits-only"}
            )
    return make_run(run, trials, stages, attempts)


@pytest.fixture(scope="session")
def forty() -> RunData:
    return synthetic_run(20, 2)


@pytest.fixture(scope="session")
def ten_thousand() -> RunData:
    return synthetic_run(20, 500)


@pytest.fixture(scope="session")
def empty_run() -> RunData:
    return synthetic_run(0, 1)


@pytest.fixture(scope="session")
def all_fail() -> RunData:
    return synthetic_run(5, 3, pass_rate=0.0)


@pytest.fixture(params=["week2", "forty", "ten_thousand", "empty", "all_fail", "all_pass"])
def any_run(request: pytest.FixtureRequest) -> RunData:
    makers: dict[str, Callable[[], RunData]] = {
        "week2": lambda: request.getfixturevalue("week2"),
        "forty": lambda: request.getfixturevalue("forty"),
        "ten_thousand": lambda: request.getfixturevalue("ten_thousand"),
        "empty": lambda: request.getfixturevalue("empty_run"),
        "all_fail": lambda: request.getfixturevalue("all_fail"),
        "all_pass": lambda: synthetic_run(5, 3, pass_rate=1.0),
    }
    return makers[request.param]()


def tables_in(html: object) -> list[list[dict[str, str]]]:
    """Return the tables of a page's part: a row each, its cells by their headings."""
    found = []
    for whole in re.findall("<table>(.*?)</table>", str(html), re.DOTALL):
        head, *rows = (
            [_words(cell) for cell in re.findall("<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)]
            for row in re.findall("<tr>(.*?)</tr>", whole, re.DOTALL)
        )
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def _words(cell: str) -> str:
    return unescape(re.sub("<[^>]*>", "", cell)).replace("\N{NO-BREAK SPACE}", " ")
