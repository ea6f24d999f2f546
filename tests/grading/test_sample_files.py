"""Files of answers that other tools wrote, in their shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.errors import FileInvalid
from liftlab.grading import sample_files
from liftlab.grading.sample_files import Sample, read_samples
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


BY_ID = {case.case_id: case for case in SUITE.cases}
ONE = {"case_id": "HumanEval/1", "code": "x"}


def read(*rows: Any, path: Path, **seen: Any) -> list[Sample]:
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    path.write_bytes(b"\n".join(lines))
    return list(read_samples(path, BY_ID, **seen))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"code": "a\u00e9\ud800"}, b"a\xc3\xa9\xed\xa0\x80"),
        ({"solution": "a"}, b"a"),
        ({"completion": "    return 1"}, b"def add_1(x):\n    return 1"),
        ({"code_b64": "/wA="}, b"\xff\x00"),
        ({"code": "a", "solution": None}, b"a"),
    ],
)
def test_an_answer_is_all_of_its_code(given: Any, code: bytes, tmp_path: Path) -> None:
    [sample] = read({"task_id": "HumanEval/1"} | given, path=tmp_path / "x.jsonl")
    assert (sample.case_id, sample.code, sample.told) == ("HumanEval/1", code, {})


def test_what_a_line_tells_of_times_and_tokens_is_kept(tmp_path: Path) -> None:
    stages = {"a" * 200: {"latency_s": 1.5, "tokens": 2, "odd": 3}, "b": {}}
    told = {"latency_s": 0, "tokens": 999_999_999_999, "prompt_tokens": None, "stages": stages}
    [sample] = read(ONE | told, path=tmp_path / "x.jsonl")
    assert sample.told == {
        "latency_s": 0,
        "tokens": 999_999_999_999,
        "stages": {"a" * 100: {"latency_s": 1.5, "tokens": 2}, "b": {}},
    }
    many = {f"s{number}": {"tokens": number} for number in range(60)}
    [sample] = read(ONE | {"stages": many}, path=tmp_path / "x.jsonl")
    assert list(sample.told["stages"]) == [f"s{number}" for number in range(50)]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"latency_s": -0.1}, "latency_s: must be a number from 0"),
        ({"tokens": 10**12}, "tokens: must be"),
        ({"tokens": True}, "tokens: must be"),
        ({"tokens": "1"}, "tokens: must be"),
        ({"latency_s": float("nan")}, "latency_s: must be"),
        ({"stages": {"a": {"tokens": -1}}}, "tokens: must be"),
        ({"stages": {"a": 1}}, "stages: must be an object"),
        ({"stages": [1]}, "stages: must be an object"),
        ({"task_id": "HumanEval/2"}, "case_id and task_id differ"),
        ({"code": None}, "given: none"),
        ({"code": 1}, "given: code"),
        ({"solution": "y"}, "given: code, solution"),
        ({"case_id": None}, "is missing or is no text"),
        ({"case_id": True}, "is missing or is no text"),
        ({"code": None, "code_b64": "/w"}, "code_b64: not base64"),
        ({"code": None, "code_b64": "é"}, "code_b64: not base64"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(more: Any, fault: str, tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match=fault) as caught:
        read(ONE, b" ", ONE | more, path=tmp_path / "x.jsonl")
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"[1]", "a sample is an object"),
        (b"{", "not valid JSON"),
        (b'{"a": 1, "a": 2}', "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_line_that_is_no_json_is_named(line: bytes, fault: str, tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match=fault) as caught:
        read(ONE, line, path=tmp_path / "x.jsonl")
    assert caught.value.line == 2


def test_an_id_may_be_a_number_and_a_file_may_begin_with_its_mark(tmp_path: Path) -> None:
    case = suite.parse(b'{"case_id": "7", "prompt": "p"}', Path("x.jsonl")).cases[0]
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"task_id": 7, "code": "x"}')
    assert [sample.case_id for sample in read_samples(path, {"7": case})] == ["7"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_all_that_is_read_is_seen(name: str, tmp_path: Path) -> None:
    seen = bytearray()
    rows = [ONE, b"", ONE] if name == "x.jsonl" else [[ONE, ONE]]
    assert len(read(*rows, path=tmp_path / name, seen=seen.extend)) == 2
    assert bytes(seen) == (tmp_path / name).read_bytes()


def test_what_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps(ONE).encode() + b"\n"
    monkeypatch.setattr(sample_files, "MAX_LINE_BYTES", len(line))
    assert len(read(line, path=tmp_path / "x.jsonl")) == 1
    with pytest.raises(FileInvalid, match="the line is longer than"):
        read(b" " + line, path=tmp_path / "x.jsonl")
    whole = json.dumps([ONE]).encode()
    monkeypatch.setattr(sample_files, "MAX_JSON_BYTES", len(whole))
    assert len(read(whole, path=tmp_path / "x.json")) == 1
    with pytest.raises(FileInvalid, match="larger than"):
        read(whole + b" ", path=tmp_path / "x.json")


def test_the_longest_line_and_the_largest_file() -> None:
    assert sample_files.MAX_LINE_BYTES == 16 * 1024**2
    assert sample_files.MAX_JSON_BYTES == 1024**3


def test_a_row_s_fault_is_named_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match="row 2: a sample is an object"):
        read([ONE, 7], path=tmp_path / "x.json")
    with pytest.raises(FileInvalid, match="can't be read"):
        list(read_samples(tmp_path, BY_ID))


def test_lists_of_generations_may_be_fewer_than_cases(tmp_path: Path) -> None:
    found = read([["a"], ["b", "c"]], path=tmp_path / "x.json")
    assert [(sample.case_id, sample.code) for sample in found] == [
        ("HumanEval/0", b"a"),
        ("HumanEval/1", b"b"),
        ("HumanEval/1", b"c"),
    ]
