"""A file of answers in, a file of verdicts out."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.errors import FileInvalid, LiftlabError, StorageFailed
from liftlab.grading import CheckResult, Graded, answer, pool
from liftlab.grading.samples import grade_samples
from liftlab.grading.verdict import MAX_ROW_BYTES, result_row
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings

SUITE = suite.parse(
    "\n".join(
        map(
            json.dumps,
            [
                {
                    "case_id": "double",
                    "prompt": "Double.",
                    "checks": [[[2], 4], [[0], 0]],
                    "limits": {"cpu_s": 0.3},
                },
                {"case_id": "free", "prompt": "Anything."},
                {
                    "task_id": "Half/0",
                    "prompt": "def half(x):\n",
                    "entry_point": "half",
                    "canonical_solution": "    return x / 2\n",
                    "test": "def check(f):\n    for x in range(3):\n        assert f(x) == x / 2\n",
                },
                {
                    "task_id": 7,
                    "text": "Add one.",
                    "code": "def g(x): return x + 1",
                    "test_list": ["assert g(1) == 2"],
                },
            ],
        )
    ).encode(),
    Path("tiny.jsonl"),
)
RIGHT = "def f(x): return 2 * x"
LINES: list[dict[str, Any]] = [
    {"case_id": "double", "code": RIGHT, "model": "m"},
    {"case_id": "double", "code_b64": base64.b64encode(b"def f(x): print(x)").decode()},
    {"case_id": "free", "code": "x = 1"},
    {"task_id": "Half/0", "completion": "    return x * 0.5"},
    {"task_id": "Half/0", "solution": "def half(x): return x * 0.5"},
    {"task_id": 7, "code": "def g(x): return x + 1\ndef h(x): pass"},
    {"case_id": "double", "completion": "\ud800"},
    {"case_id": "double", "code": "def f(x):\n    while True: pass", "code_b64": None},
    {"case_id": "double", "code": f"Sure:\n```python\n{RIGHT}\n```"},
]
WANTED = [
    ("double", "pass", None, "caller"),
    ("double", "fail", "missing_return", "caller"),
    ("free", "ungraded", None, None),
    ("Half/0", "pass", None, "in-process"),
    ("Half/0", "pass", None, "in-process"),
    ("7", "pass", None, "caller"),
    ("double", "fail", "syntax_error", "caller"),
    ("double", "fail", "timeout", "caller"),
    ("double", "pass", None, "caller"),
]
COLUMNS = [
    *("case_id", "outcome", "failure_class", "facets", "checks", "isolation"),
    *("verdict_integrity", "cpu_s", "wall_s"),
]


def written(folder: Path, lines: list[Any]) -> Path:
    path = folder / "samples.jsonl"
    text = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(text) + "\n")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def verdict(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("cpu_s", "wall_s")}


def test_forms_of_answers_and_of_verdicts(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    seen: list[tuple[int, int]] = []
    summary = grade_samples(
        written(tmp_path, LINES),
        SUITE,
        out,
        workers=3,
        progress=lambda *counts: seen.append(counts),
    )
    rows = rows_of(out)
    assert [list(row) for row in rows] == [COLUMNS] * len(LINES)
    named = ("case_id", "outcome", "failure_class", "verdict_integrity")
    found = [tuple(row[name] for name in named) for row in rows]
    assert found[:6] + found[7:] == WANTED[:6] + WANTED[7:]
    assert found[6][:2] == ("double", "fail")
    assert seen == [(n, len(LINES)) for n in range(len(LINES) + 1)]
    assert summary.outcomes == {"pass": 5, "fail": 3, "error": 0, "ungraded": 1}
    assert summary.by_case == {"double": (2, 5), "Half/0": (2, 2), "7": (1, 1)}
    assert (summary.total, summary.resumed) == (9, 0)
    assert rows[1]["facets"]["checks_total"] == 2
    assert rows[1]["checks"][0] == {
        "name": "check_1",
        "passed": False,
        "expected": "4",
        "actual": "None",
    }
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_verdict_keeps_the_times_and_tokens_of_its_answer(tmp_path: Path) -> None:
    told = {"latency_s": 1.5, "tokens": 20, "stages": {"ir": {"latency_s": 1, "other": "x"}}}
    answer = {"case_id": "double", "code": RIGHT}
    grade_samples(written(tmp_path, [answer | told, answer]), SUITE, tmp_path / "out")
    first, second = rows_of(tmp_path / "out")
    kept = {"latency_s": 1.5, "tokens": 20, "stages": {"ir": {"latency_s": 1}}}
    assert {name: first[name] for name in kept} == kept
    assert list(second) == COLUMNS


def test_verdicts_depend_on_neither_order_nor_workers(tmp_path: Path) -> None:
    def verdicts(order: list[int], workers: int) -> dict[int, Any]:
        path = written(tmp_path, [lines[number] for number in order])
        grade_samples(path, SUITE, tmp_path / "out", workers=workers)
        return dict(zip(order, map(verdict, rows_of(tmp_path / "out")), strict=True))

    lines = [line for line in LINES if "while" not in str(line)] * 3
    order = list(range(len(lines)))
    wanted = verdicts(order, workers=1)
    for number in range(5):
        random.Random(number).shuffle(order)
        assert verdicts(order, workers=(4, 1)[number % 2]) == wanted


def broken_off(path: Path, out: Path, after: int) -> Path:
    """Break a grading off after so many verdicts; return the partial file."""

    def stop(done: int, total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_samples(path, SUITE, out, progress=stop)
    [part] = out.parent.glob(f"{out.name}.*.part")
    return part


def test_a_broken_off_grading_goes_on(tmp_path: Path) -> None:
    path, out = written(tmp_path, LINES[:6]), tmp_path / "out"
    part = broken_off(path, out, after=3)
    assert not out.exists()
    kept = part.read_bytes()
    part.write_bytes(kept + b'{"case_id": "torn')
    summary = grade_samples(path, SUITE, out)
    assert (summary.resumed, summary.total, summary.outcomes["pass"]) == (3, 6, 4)
    assert out.read_bytes().startswith(kept)
    assert [row["case_id"] for row in rows_of(out)] == [row[0] for row in WANTED[:6]]
    assert list(tmp_path.glob("*.part")) == []


def test_other_samples_do_not_continue_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    broken_off(written(tmp_path, LINES[:2]), out, after=1)
    summary = grade_samples(written(tmp_path, LINES[1:3]), SUITE, out)
    assert summary.resumed == 0
    assert [row["outcome"] for row in rows_of(out)] == ["fail", "ungraded"]


def test_samples_that_change_while_they_are_graded_give_no_file(tmp_path: Path) -> None:
    path, out = written(tmp_path, LINES[:3]), tmp_path / "out"

    def shorten(done: int, total: int) -> None:
        if done == 0:
            written(tmp_path, LINES[:1])

    with pytest.raises(FileInvalid, match="changed while it was graded"):
        grade_samples(path, SUITE, out, progress=shorten)
    assert [found.name for found in tmp_path.iterdir()] == ["samples.jsonl"]


@pytest.mark.parametrize("line", ["{}", "[]", '{"case_id": "double", "outcome": "great"}'])
def test_a_line_that_is_no_verdict_is_made_again(tmp_path: Path, line: str) -> None:
    path, out = written(tmp_path, LINES[:2]), tmp_path / "out"
    part = broken_off(path, out, after=1)
    part.write_text(line + "\n")
    assert grade_samples(path, SUITE, out).resumed == 0
    assert len(rows_of(out)) == 2


def test_two_at_once_do_not_write_one_file(tmp_path: Path) -> None:
    path, out = written(tmp_path, LINES[:2]), tmp_path / "out"

    def again(done: int, total: int) -> None:
        if done == 1:
            grade_samples(path, SUITE, out)

    with pytest.raises(StorageFailed, match="another process is writing it"):
        grade_samples(path, SUITE, out, progress=again)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not valid JSON: "),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "a sample is an object"),
        ('"x"', "a sample is an object"),
        ({"code": RIGHT}, "case_id .or task_id. is missing"),
        ({"case_id": None, "code": RIGHT}, "case_id .or task_id. is missing"),
        ({"case_id": "doubles", "code": RIGHT}, "no case 'doubles'; did you mean 'double'"),
        ({"case_id": "double"}, "given: none"),
        ({"case_id": "double", "code": 5}, "an answer is text"),
        ({"case_id": "double", "code": "", "completion": ""}, "given: code, completion"),
        ({"case_id": "double", "code_b64": "a b"}, "code_b64: not base64"),
        ('{"case_id": "double", "code": "x", "code": "y"}', "the key 'code' stands twice"),
        ({"case_id": "double", "task_id": "other", "code": ""}, "case_id and task_id differ"),
        ({"case_id": "double", "code": "", "latency_s": "1"}, "latency_s: must be a number"),
        ({"case_id": "double", "code": "", "stages": {"a": {"tokens": -1}}}, "tokens: must be"),
        ({"case_id": "double", "code": "", "stages": [1]}, "stages: must be an object"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_graded(
    tmp_path: Path, line: Any, fault: str
) -> None:
    path = written(tmp_path, [LINES[0], "", line])
    with pytest.raises(FileInvalid, match=rf"samples.jsonl:3: .*{fault}") as raised:
        grade_samples(path, SUITE, tmp_path / "out")
    assert raised.value.exit_code == 6
    assert [found.name for found in tmp_path.iterdir()] == ["samples.jsonl"]


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n\n")
    for name, fault in (("empty", "no samples"), ("nowhere", "can't be read"), (".", "can't be")):
        with pytest.raises(FileInvalid, match=fault):
            grade_samples(tmp_path / name, SUITE, tmp_path / "out")
    with pytest.raises(StorageFailed, match="cannot be written"):
        grade_samples(written(tmp_path, LINES[:1]), SUITE, tmp_path / "no" / "out")


def test_weak_isolation_is_refused_unless_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weak(*_: object) -> Sandbox:
        box = Sandbox()
        box.isolation = "limits-only"
        return box

    monkeypatch.setattr(pool, "sandbox_for", weak)
    path, out = written(tmp_path, LINES[:1]), tmp_path / "out"
    with pytest.raises(LiftlabError, match="--allow-weak-isolation"):
        grade_samples(path, SUITE, out)
    assert not out.exists()
    grade_samples(path, SUITE, out, settings=GradingSettings(allow_weak_isolation=True))
    assert rows_of(out)[0]["isolation"] == "limits-only"


@pytest.mark.parametrize("count", [300, 5_000])
def test_a_row_is_bounded(count: int) -> None:
    check = CheckResult(name="n" * 50, passed=False, expected="é" * 200, actual="\x00" * 200)
    graded = Graded(outcome="fail", checks=(check,) * count, checks_passed=0, checks_total=count)
    row = result_row("x", graded)
    assert len(json.dumps(row)) < MAX_ROW_BYTES
    assert row["facets"] == {"cut": True, "checks_passed": 0, "checks_total": count}
    assert len(row["checks"]) > 200


def test_verdicts_of_a_broken_grader_are_unproven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "is_same", lambda expected, actual: True)
    out = tmp_path / "out.jsonl"
    summary = grade_samples(written(tmp_path, LINES), SUITE, out, workers=2)
    assert not summary.proven
    told = {json.loads(line)["verdict_integrity"] for line in out.read_text().splitlines()}
    assert told == {"unproven"}
