"""Answers that are the same are judged once, in a file of answers and in a run."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.grading.pool import CONTROLS, Once
from liftlab.grading.run import grade_run
from liftlab.grading.samples import grade_samples
from liftlab.records import Stage, Trial, as_row
from liftlab.sandbox import Call, Limits, RunReport, Sandbox
from liftlab.store import Artifacts

ANSWERS = ["def f(x): return 2 * x", "def f(x): return 3 * x", "def f(x): retur"]
SUITE = suite.parse(
    b'{"case_id": "double", "prompt": "Double.", "checks": [[[2], 4], [[0], 0]]}\n'
    b'{"case_id": "triple", "prompt": "Triple.", "checks": [[[2], 6]]}\n',
    Path("tiny.jsonl"),
)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every source that a sandbox runs, in order."""
    seen: list[bytes] = []
    run = Sandbox.run

    def counted(box: Sandbox, source: bytes, calls: list[Call], limits: Limits) -> RunReport:
        seen.append(source)
        return run(box, source, calls, limits)

    monkeypatch.setattr(Sandbox, "run", counted)
    return seen


@pytest.mark.parametrize("workers", [1, 3])
def test_a_file_of_the_same_answers_is_judged_once(
    workers: int, runs: list[bytes], tmp_path: Path
) -> None:
    lines = [{"case_id": case.case_id, "code": code} for code in ANSWERS for case in SUITE.cases]
    path, out = tmp_path / "samples.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines * 20))
    summary = grade_samples(path, SUITE, out, workers=workers)
    assert len(runs) == len(lines) + len(
        CONTROLS
    )  # by case: the same code may be right for one of them
    assert summary.outcomes == {"pass": 40, "fail": 80, "error": 0, "ungraded": 0}
    told = out.read_text().splitlines()
    assert told == told[:6] * 20
    assert [json.loads(line)["case_id"] for line in told[:6]] == ["double", "triple"] * 3


def test_a_run_of_the_same_answers_is_judged_once(runs: list[bytes], tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    artifacts = Artifacts(tmp_path)
    trials: list[dict[str, Any]] = []
    stages: list[dict[str, Any]] = []
    for repeat in range(1, 41):
        key: dict[str, Any] = {"run_id": "r", "case_id": "double", "repeat": repeat}
        value = {"code": ANSWERS[repeat % 2], "function": "f", "value": {"number": repeat}}
        digest = artifacts.put_text(json.dumps(value))
        trials.append(as_row(Trial(**key)))
        stage = Stage(**key, stage="code", position=0, ok=True, value_sha256=digest)
        stages.append(as_row(stage))
    grades, checks = grade_run(pd.DataFrame(trials), pd.DataFrame(stages), artifacts, SUITE)
    assert len(runs) == 2 + len(CONTROLS)
    assert list(zip(grades["repeat"], grades["outcome"], strict=True)) == [
        (repeat, "fail" if repeat % 2 else "pass") for repeat in range(1, 41)
    ]
    assert grades["cpu_s"].iloc[::2].nunique() == 1
    assert checks["repeat"].tolist() == [n for n in range(1, 41) for _ in range(2)]


def test_those_who_ask_meanwhile_wait_for_the_one_verdict() -> None:
    once, started, go_on = Once[int](), threading.Event(), threading.Event()

    def judge() -> int:
        started.set()
        assert go_on.wait(10)
        return 1

    def other() -> int:
        raise AssertionError("judged twice")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(once, ("a",), judge)
        assert started.wait(10)
        others = [pool.submit(once, ("a",), other) for _ in range(2)]
        go_on.set()
        assert [each.result(10) for each in (first, *others)] == [1, 1, 1]


def test_a_judgement_that_failed_is_made_again() -> None:
    once = Once[int]()

    def broken() -> int:
        raise OSError("no sandbox")

    with pytest.raises(OSError, match="no sandbox"):
        once(("a",), broken)
    assert once(("a",), lambda: 2) == 2


def test_what_is_kept_is_bounded_and_the_oldest_goes_first() -> None:
    once, made = Once[bytes](most=10, size=len), list[str]()

    def judge(name: str) -> bytes:
        made.append(name)
        return bytes(4)

    for name in "abcbca":
        once((name,), partial(judge, name))
    assert made == list("abca")


def test_text_and_bytes_and_where_one_ends_are_told_apart() -> None:
    once = Once[int]()
    asked: list[tuple[object, ...]] = [("a", "bc"), ("ab", "c"), ("ab", b"c"), ("ab", "\udc80")]
    for number, made_from in enumerate(asked):
        once(made_from, partial(int, number))
    assert [once(made_from, lambda: -1) for made_from in asked] == [0, 1, 2, 3]
