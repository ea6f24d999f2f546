"""Files of answers that other tools wrote, in their shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.errors import FileInvalid
from liftlab.grading.samples import Summary, grade_samples

CASES = [
    {
        "task_id": f"HumanEval/{n}",
        "prompt": f"def add_{n}(x):\n",
        "entry_point": f"add_{n}",
        "canonical_solution": f"    return x + {n}\n",
        "test": f"def check(f):\n    assert f(1) == {1 + n}\n    assert f(5) == {5 + n}\n",
    }
    for n in range(3)
]
SUITE = suite.parse(json.dumps(CASES).encode(), Path("humaneval.json"))
RIGHT = [f"def add_{n}(x):\n    return x + {n}" for n in range(3)]
WRONG, BY_TYPE = "def add_0(x):\n    return 0", "def add_1(x):\n    return x + 1.0"


def result(task: int, solution: str, status: str = "pass") -> dict[str, Any]:
    return {
        "task_id": f"HumanEval/{task}",
        "solution": solution,
        "base_status": status,
        "plus_status": status,
        "base_fail_tests": [],
        "plus_fail_tests": [],
    }


def graded(data: Any, tmp_path: Path, name: str = "eval_results.json") -> Summary:
    (tmp_path / name).write_text(data if isinstance(data, str) else json.dumps(data))
    return grade_samples(tmp_path / name, SUITE, tmp_path / "out.jsonl")


def outcomes(tmp_path: Path) -> list[tuple[str, str]]:
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    return [(row["case_id"], row["outcome"]) for row in map(json.loads, lines)]


def test_results_of_evalplus_are_graded_anew(tmp_path: Path) -> None:
    tasks = {
        "HumanEval/0": [result(0, RIGHT[0], "fail"), result(0, WRONG)],
        "HumanEval/1": [result(1, BY_TYPE)],
    }
    summary = graded({"date": "2026-01-01", "hash": "x", "eval": tasks}, tmp_path)
    wanted = [("HumanEval/0", "pass"), ("HumanEval/0", "fail"), ("HumanEval/1", "fail")]
    assert outcomes(tmp_path) == wanted
    assert (summary.total, summary.type_only) == (3, 1)


def test_lists_of_generations_are_taken_in_the_suite_s_order(tmp_path: Path) -> None:
    summary = graded([[RIGHT[0], WRONG], None, [RIGHT[2], None]], tmp_path, "generations.json")
    wanted = [("HumanEval/0", "pass"), ("HumanEval/0", "fail"), ("HumanEval/2", "pass")]
    assert outcomes(tmp_path) == wanted
    assert summary.by_case == {"HumanEval/0": (1, 2), "HumanEval/2": (1, 1)}


def test_a_list_of_samples_is_read_as_lines_are(tmp_path: Path) -> None:
    rows = [{"task_id": "HumanEval/2", "completion": "    return x + 2"}]
    graded(rows, tmp_path)
    assert outcomes(tmp_path) == [("HumanEval/2", "pass")]


def test_what_fails_by_type_only_is_counted_where_a_grading_goes_on(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    samples, out = tmp_path / "generations.json", tmp_path / "out.jsonl"
    samples.write_text(json.dumps([[RIGHT[0].replace("+ 0", "* 1.0")], [RIGHT[1]]]))
    with pytest.raises(KeyboardInterrupt):
        grade_samples(samples, SUITE, out, progress=stop)
    summary = grade_samples(samples, SUITE, out)
    assert (summary.resumed, summary.total, summary.type_only) == (1, 2, 1)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"eval": {"HumanEval/0": {"nfiles": 1, "base": []}}}, r"eval\['HumanEval/0'\] holds no"),
        ({"eval": {"HumanEval/0": [{}]}}, r"eval\['HumanEval/0'\]\[0\]: an answer is text"),
        ({"eval": {"HumanEval/9": [result(9, "x")]}}, r"\[0\]: case_id: .*HumanEval/9"),
        ([[""]] * 4, "4 lists of generations for 3 cases"),
        ([["x"], [7]], r"\[1\]\[0\]: an answer is text"),
        ([[], None], "no samples"),
        ({"pass@1": 0.5}, "holds no answers"),
        ('{"case_id": 1}\n{"case_id": 2}', "JSON Lines is named .jsonl"),
        ("[[", "x.json:1: not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_s_fault_is_named_with_its_place(data: Any, fault: str, tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match=fault):
        graded(data, tmp_path, "x.json")
    assert not list(tmp_path.glob("out*"))
