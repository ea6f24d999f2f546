"""Other tools' files come in with rows, seconds, tokens and errors; a summary is named as one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import FileInvalid
from liftlab.importers import tools
from liftlab.importers.foreign import ForeignFile
from liftlab.importers.tools import read

PATH = Path("file.json")
VLLM: dict[str, Any] = {
    "model_id": "m",
    "max_concurrency": 2,
    "request_throughput": 0.7,
    "mean_ttft_ms": 310.0,
    "input_lens": [10, 11, 12],
    "output_lens": [3, 2, 0],
    "ttfts": [0.25, 0.5, 0.0],
    "itls": [[0.25, 0.5], [0.25], []],
    "start_times": [5.0, 5.5, 6.0],
    "generated_texts": ["a", "b", ""],
    "errors": ["", "", "Connection reset by peer"],
}
GUIDELLM_ROW = {
    "prompt_tokens": 10,
    "output_tokens": 20,
    "request_latency": 0.75,
    "time_to_first_token_ms": 250.0,
    "inter_token_latency_ms": 25.0,
    "output": "x",
    "request_start_time": 2.0,
}
GUIDELLM = {
    "benchmarks": [
        {
            "requests": {
                "successful": [GUIDELLM_ROW],
                "errored": [{"request_start_time": 3.0, "error": "HTTP status 503"}],
                "incomplete": [{"request_start_time": 4.0}],
            }
        }
    ]
}
AIPERF: dict[str, Any] = {
    "metadata": {"request_start_ns": 2_000_000_000, "was_cancelled": False},
    "metrics": {
        "request_latency": {"value": 750.0, "unit": "ms"},
        "time_to_first_token": {"value": 250.0, "unit": "ms"},
        "output_sequence_length": {"value": 20, "unit": "tokens"},
    },
    "error": None,
}
INSPECT = {
    "status": "success",
    "eval": {"model": "openai/m"},
    "samples": [
        {
            "id": "double",
            "epoch": 2,
            "input": "Double a number.",
            "output": {
                "choices": [{"message": {"content": [{"type": "text", "text": "def f(): 1"}]}}],
                "usage": {"input_tokens": 10, "output_tokens": 20},
                "time": 0.75,
            },
        },
        {"id": "shout", "epoch": 1, "error": {"message": "timed out"}},
    ],
}
PROMPTFOO_ROW = {
    "vars": {"prompt": "x"},
    "response": {"output": "def f(): 1", "tokenUsage": {"prompt": 10, "completion": 20}},
    "latencyMs": 750,
}
PROMPTFOO = {
    "evalId": "e",
    "results": {
        "results": [PROMPTFOO_ROW, PROMPTFOO_ROW, {"vars": {}, "response": {"error": "429"}}],
        "stats": {},
    },
}
SAMPLE = {
    "case_id": "double",
    "code": "def double(x): return 2 * x",
    "stages": {"nlp_to_ir": {"latency_s": 0.5, "tokens": 4}, "ir_to_code": {"latency_s": 0.25}},
    "tokens": 20,
}


def told(*data: Any) -> ForeignFile:
    file = read("\n".join(json.dumps(line) for line in data).encode(), PATH)
    assert file is not None
    return file


@pytest.mark.parametrize(
    ("lines", "family", "facts", "errors"),
    [
        ([VLLM], "vllm", (5.0, 1.0, 0.25, 10, 3), [None, None, "Connection reset by peer"]),
        ([GUIDELLM], "guidellm", (2.0, 0.75, 0.25, 10, 20), [None, "HTTP status 503", "cancelled"]),
        ([AIPERF, AIPERF | {"error": {"message": "x"}}], "aiperf", (2, 0.75, 0.25, None, 20), 2),
        ([INSPECT], "inspect", (None, 0.75, None, 10, 20), [None, "timed out"]),
        ([PROMPTFOO], "promptfoo", (None, 0.75, None, 10, 20), [None, None, "429"]),
        ([SAMPLE], "samples", (None, None, None, None, 20), [None]),
    ],
)
def test_each_request_is_a_row(lines: Any, family: str, facts: Any, errors: Any) -> None:
    file = told(*lines)
    first = file.rows[0]
    assert file.family == family
    known = (first.started_s, first.latency_s, first.ttft_s)
    assert (*known, first.prompt_tokens, first.output_tokens) == facts
    wanted = [None, "x"] if errors == 2 else errors
    assert [row.error for row in file.rows] == wanted


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"latency_s": "0.5"}, "latency_s: must be a number from 0"),
        ({"latency_s": -1}, "latency_s: must be a number from 0"),
        ({"tokens": 1.5}, "tokens: must be a number from 0"),
        ({"stages": {"a": {"latency_s": True}}}, "stages.a.latency_s: must be a number from 0"),
        ({"stages": {"a": 3}}, "stages: must be an object with an object a stage"),
        ({"latency_s": math.nan}, "NaN or Infinity is no time"),
    ],
)
def test_a_sample_whose_time_is_no_number_is_refused_with_its_line(more: Any, said: str) -> None:
    with pytest.raises(FileInvalid, match=rf":2: {said}"):
        told(SAMPLE | {"latency_s": None}, SAMPLE | more)


def test_when_it_began_is_told_or_seen() -> None:
    late = AIPERF | {"metadata": {"request_start_ns": 1_760_000_000 * 10**9}}
    assert told(late).began_at == "2025-10-09T08:53:20+00:00"
    assert told(AIPERF).began_at is None
    assert told(VLLM | {"date": "20250901-101010"}).began_at == "2025-09-01T10:10:10"
    dated = INSPECT | {"eval": {"created": "2025-01-01T01:00:00+01:00"}}
    assert told(dated).began_at == "2025-01-01T00:00:00+00:00"


def test_repeats_and_names_are_the_files_own() -> None:
    inspect, promptfoo = told(INSPECT), told(PROMPTFOO)
    assert [(row.case_id, row.repeat) for row in inspect.rows] == [("double", 2), ("shout", 1)]
    assert [row.case_id for row in promptfoo.rows] == ["test_1", "test_1", "test_2"]
    assert inspect.rows[0].text == "def f(): 1"
    assert told(SAMPLE).rows[0].stages == {"nlp_to_ir": (0.5, 4), "ir_to_code": (0.25, None)}


@pytest.mark.parametrize(
    ("data", "how"),
    [
        ({k: v for k, v in VLLM.items() if k not in ("ttfts", "itls")}, "--save-detailed"),
        ({"benchmarks": [{"metrics": {}, "requests": {}}]}, "benchmarks.json"),
        ({"request_latency": {"avg": 700.0, "unit": "ms"}}, "profile_export.jsonl"),
        ({"status": "success", "eval": {}, "results": {}}, "samples"),
        ({"evalId": "e", "results": {"stats": {"successes": 1}}}, "results"),
    ],
)
def test_a_summary_is_named_as_one(data: Any, how: str) -> None:
    with pytest.raises(FileInvalid, match=f"a summary without a row a request: .*{how}"):
        told(data)


@pytest.mark.parametrize(
    "data",
    [
        VLLM | {"ttfts": ["x", None, {}], "itls": [3, [True, "x"], None], "errors": 5},
        {"benchmarks": [7, {"requests": {"successful": [None, {"request_latency": -1}]}}]},
        AIPERF | {"metrics": [], "metadata": 3},
        INSPECT | {"samples": [{"id": ["x"], "output": {"choices": {}}}, 3]},
        {"evalId": 1, "results": {"results": [{"vars": {}, "response": 3, "latencyMs": "x"}]}},
    ],
)
def test_what_cannot_be_is_unknown(data: Any) -> None:
    assert all(row.latency_s is None for row in told(data).rows)


@pytest.mark.parametrize(
    ("unit", "latency_s"), [("ms", 0.75), ("s", 750.0), ("ns", 7.5e-7), ("parsec", None)]
)
def test_a_time_is_read_in_its_own_unit(unit: str, latency_s: float | None) -> None:
    metrics = AIPERF["metrics"] | {"request_latency": {"value": 750.0, "unit": unit}}
    row = read(json.dumps(AIPERF | {"metrics": metrics}).encode(), PATH)
    assert row is not None
    assert row.rows[0].latency_s == (latency_s if latency_s is None else pytest.approx(latency_s))


@pytest.mark.parametrize("gap", [-5, None])
def test_a_gap_that_cannot_be_leaves_the_whole_time_unknown(gap: float | None) -> None:
    read_file = read(json.dumps(VLLM | {"itls": [[gap, 0.5], [0.25], []]}).encode(), PATH)
    assert read_file is not None
    assert [row.latency_s for row in read_file.rows] == [None, 0.75, None]


def test_results_without_code_are_refused_for_that() -> None:
    lines = b'\n\n{"case_id": "a", "latency_s": 1.5}\n{"case_id": "b", "latency_s": 2.5}\n'
    with pytest.raises(FileInvalid, match="a result needs its code") as caught:
        read(lines, PATH)
    assert caught.value.line == 3
    assert read(b'{"task_id": "a", "results": []}\n', PATH) is None
    marked = told(VLLM | {"task_id": "a job of a queue"})
    assert marked.family == "vllm"


def test_other_files_are_not_theirs() -> None:
    assert read(b'{"results": [], "summary": {}}', PATH) is None
    assert read(b"[1]", PATH) is None


def test_a_file_of_each_tool_says_all_that_it_knows() -> None:
    (guidellm, *_) = told(GUIDELLM).rows
    assert (guidellm.text, guidellm.itl_s) == ("x", 0.025)
    assert {row.category for row in told(GUIDELLM).rows} == {"benchmark 1"}
    vllm = told(VLLM)
    assert [row.itl_s for row in vllm.rows] == [0.375, 0.25, None]
    assert [row.text for row in vllm.rows] == ["a", "b", None]
    assert (vllm.model, vllm.concurrency, vllm.notes) == ("m", 2, ())
    inspect = told(INSPECT)
    assert (inspect.model, inspect.rows[0].prompt) == ("openai/m", "Double a number.")
    [promptfoo, *_] = told(PROMPTFOO).rows
    assert (promptfoo.prompt, promptfoo.text) == ("x", "def f(): 1")
    sample = told(SAMPLE | {"prompt": "p", "prompt_tokens": 7, "latency_s": 0, "repeat": 3}).rows[0]
    assert (sample.prompt, sample.prompt_tokens, sample.latency_s, sample.repeat) == ("p", 7, 0, 3)
    assert sample.text == SAMPLE["code"]


def test_a_load_without_moments_says_what_cannot_be_read_from_it() -> None:
    [note] = told({k: v for k, v in VLLM.items() if k != "start_times"}).notes
    assert "drift" in note
    assert not told(VLLM).notes


def test_several_benchmarks_of_one_file_are_told_apart() -> None:
    both = {"benchmarks": GUIDELLM["benchmarks"] * 2}
    assert [row.category for row in told(both).rows] == ["benchmark 1"] * 3 + ["benchmark 2"] * 3
    assert "2 benchmarks" in told(both).notes[0]
    assert not told(GUIDELLM).notes


def test_a_load_is_of_requests_without_cases() -> None:
    assert [told(data).is_load for data in (VLLM, GUIDELLM, AIPERF)] == [True] * 3
    assert [told(data).is_load for data in (INSPECT, PROMPTFOO, SAMPLE)] == [False] * 3


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({}, None),
        ({"error": {"message": "x"}}, "x"),
        ({"error": "x"}, "x"),
        ({"error": {"code": 5}}, "{'code': 5}"),
        ({"error": {}}, None),
        ({"metadata": {"was_cancelled": True}}, "cancelled"),
        ({"metadata": {"was_cancelled": True}, "error": "x"}, "cancelled"),
    ],
)
def test_why_a_request_of_a_profile_failed(more: Any, error: str | None) -> None:
    assert told(AIPERF | more).rows[0].error == error


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("request_latency", "latency_s"),
        ("time_to_first_token", "ttft_s"),
        ("inter_token_latency", "itl_s"),
    ],
)
@pytest.mark.parametrize(
    ("unit", "factor"),
    [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("sec", 1.0), ("ns", 1e-9), (None, 1e-3)],
)
def test_each_time_has_its_own_unit(name: str, field: str, unit: str | None, factor: float) -> None:
    value: dict[str, Any] = {"value": 3.0} | ({} if unit is None else {"unit": unit})
    row = told(AIPERF | {"metrics": {name: value}}).rows[0]
    assert getattr(row, field) == pytest.approx(3.0 * factor)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a" * 200, "a" * 200),
        ("a" * 201, "sample"),
        ("", "sample"),
        ("a\nb", "sample"),
        (7, "7"),
        (None, "sample"),
        (1.5, "sample"),
    ],
)
def test_a_case_has_a_name_that_can_be_shown(given: Any, name: str) -> None:
    assert told(SAMPLE | {"case_id": given}).rows[0].case_id == name
    inspect = INSPECT | {"samples": [{"id": given}]}
    assert told(inspect).rows[0].case_id == name


@pytest.mark.parametrize(
    ("given", "repeat"),
    [
        (1, 1),
        (2**31 - 1, 2**31 - 1),
        (2**31, None),
        (0, None),
        (-1, None),
        (True, None),
        (2.0, None),
    ],
)
def test_a_repeat_is_a_whole_number_from_one(given: Any, repeat: int | None) -> None:
    assert told(SAMPLE | {"repeat": given}).rows[0].repeat == repeat
    assert told(VLLM | {"max_concurrency": given}).concurrency == repeat


def test_a_sample_may_name_its_task_and_mark_its_file() -> None:
    task = {"task_id": "T/1", "completion": "def f(): 1"}
    assert [(row.case_id, row.text) for row in told(task).rows] == [("T/1", "def f(): 1")]
    assert told({"case_id": "a", "solution": "x"}).rows[0].text == "x"
    assert told({"case_id": "a", "error": "x"}).rows[0].error == "x"
    marked = b"\xef\xbb\xbf\r\n" + json.dumps(task).encode() + b"\n\n" + json.dumps(task).encode()
    file = read(marked, PATH)
    assert file is not None
    assert len(file.rows) == 2


@pytest.mark.parametrize(
    ("second", "line"),
    [(b"[1]", 3), (b"{", 3), (b'{"case_id": "a", "latency_s": "x"}', 3)],
)
def test_a_line_that_is_no_result_is_named(second: bytes, line: int) -> None:
    with pytest.raises(FileInvalid) as caught:
        read(json.dumps(SAMPLE).encode() + b"\n\n" + second, PATH)
    assert caught.value.line == line
    assert str(caught.value).count("file.json") == 1


def test_a_profile_is_not_asked_for_a_sample_s_numbers() -> None:
    assert told(AIPERF, AIPERF | {"latency_s": "x"}).family == "aiperf"
    odd = json.dumps(AIPERF | {"metrics": {"request_latency": {"value": math.nan}}}).encode()
    file = read(odd, PATH)
    assert file is not None
    assert file.rows[0].latency_s is None


def test_a_file_without_results_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"benchmarks": [{"requests": {"successful": [], "errored": [3]}}]}
    with pytest.raises(FileInvalid, match="holds no results"):
        told(none)
    monkeypatch.setattr(tools, "_MOST_ROWS", 3)
    assert len(told(VLLM).rows) == 3
    with pytest.raises(FileInvalid, match="more than 3 results"):
        told(SAMPLE, SAMPLE, SAMPLE, SAMPLE)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("def f(): 1", "def f(): 1"),
        ([{"text": "a"}, {"image": "x"}, 3, {"text": "b"}, {"text": 4}], "ab"),
        ([], None),
        (None, None),
    ],
)
def test_an_answer_is_all_of_its_parts(content: Any, text: str | None) -> None:
    sample = {"id": "a", "output": {"choices": [{"message": {"content": content}}]}}
    assert told(INSPECT | {"samples": [sample]}).rows[0].text == text


@pytest.mark.parametrize(("began", "is_known"), [(1e9, False), (1e9 + 1, True), (4e9, False)])
def test_a_clock_that_does_not_count_from_1970_says_no_date(began: float, is_known: bool) -> None:
    file = told(VLLM | {"start_times": [began, began + 2, began + 1]})
    assert (file.began_at is not None) is is_known


def test_what_a_load_s_file_lacks_at_its_end_is_unknown() -> None:
    rows = told(VLLM | {"input_lens": [10], "errors": []}).rows
    assert [row.prompt_tokens for row in rows] == [10, None, None]
    assert [row.error for row in rows] == [None, None, None]
    assert [row.latency_s for row in rows] == [1.0, 0.75, 0.0]
