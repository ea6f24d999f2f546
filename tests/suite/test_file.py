from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab import suite
from liftlab.errors import SuiteInvalid, UnknownName, UsageError
from liftlab.suite import Check, Limits, file, models

TOML = """\
name = "tiny"
description = "Two cases."

[[cases]]
case_id = "add"
prompt = "Add two numbers"
category = "arithmetic"
difficulty = "easy"
entry_point = "add"
checks = [
  [[1, 2], 3],
  { name = "named", args = [1], kwargs = { b = {"$tuple" = [2]} }, expected = {"$none" = true} },
  { args = ["x"], raises = "TypeError" },
]

[cases.limits]
cpu_s = 2

[[cases]]
case_id = "free"
prompt = "Write anything"
"""
SIGNED = '[[cases]]\ncase_id = "a"\nprompt = "p"\nsignature = "def add(a, b=0):"\n'
CASE: dict[str, Any] = {"case_id": "add", "prompt": "Add", "checks": [[[1, 2], 3]]}


def toml(text: str) -> suite.Suite:
    return suite.parse(text.encode(), Path("x.toml"))


def jsonl(*cases: Any) -> suite.Suite:
    return suite.parse("\n".join(map(json.dumps, cases)).encode(), Path("x.jsonl"))


def test_a_signature_names_the_function() -> None:
    (case,) = toml(SIGNED).cases
    assert (case.entry_point, case.signature) == ("add", "add(a, b=0)")
    assert case.names_function
    with pytest.raises(SuiteInvalid, match="entry_point and signature name two functions"):
        toml(SIGNED + 'entry_point = "sum"\n')
    with pytest.raises(SuiteInvalid, match=r"4: cases\[0\].signature: .*must be one line"):
        toml(SIGNED.replace("(a, b=0)", ""))


def test_a_toml_suite_is_read_in_full() -> None:
    whole = toml(TOML)
    assert (whole.name, whole.description, whole.suffix) == ("tiny", "Two cases.", ".toml")
    assert whole.source == TOML.encode()
    assert whole.sha256 == hashlib.sha256(TOML.encode()).hexdigest()
    add, free = whole.cases
    assert (add.category, add.difficulty, add.entry_point) == ("arithmetic", "easy", "add")
    assert add.limits == Limits(cpu_s=2.0, wall_s=6.0)
    assert add.checks == (
        Check(name="check_1", args=(1, 2), expected=3),
        Check(name="named", args=(1,), kwargs={"b": {"$tuple": [2]}}, expected=None),
        Check(name="check_3", args=("x",), raises="TypeError"),
    )
    assert add.checks[1].fresh_kwargs() == {"b": (2,)}
    assert (free.category, free.difficulty, free.entry_point) == ("uncategorised", None, None)
    assert (free.checks, free.limits) == ((), Limits())


def test_json_lines_say_the_same() -> None:
    cases = [
        {
            "case_id": "add",
            "prompt": "Add two numbers",
            "category": "arithmetic",
            "difficulty": "easy",
            "entry_point": "add",
            "checks": [
                [[1, 2], 3],
                {"name": "named", "args": [1], "kwargs": {"b": {"$tuple": [2]}}, "expected": None},
                {"args": ["x"], "raises": "TypeError"},
            ],
            "limits": {"cpu_s": 2},
        },
        {"case_id": "free", "prompt": "Write anything", "entry_point": None, "limits": None},
    ]
    lines = jsonl(*cases)
    assert lines.cases == toml(TOML).cases
    assert (lines.name, lines.description, lines.suffix) == ("x", "", ".jsonl")
    spaced = "\ufeff" + "\r\n\n".join(map(json.dumps, cases)) + "\n\n"
    assert suite.parse(spaced.encode(), Path("x.jsonl")).cases == lines.cases


def test_the_examples_of_the_docs_are_suites() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs" / "suites.md"
    blocks = re.findall(r"```(toml|json)\n(.*?)```", docs.read_text("utf-8"), re.DOTALL)
    assert [form for form, _ in blocks] == ["toml", "json", "toml"]
    assert toml(blocks[2][1]).cases[0].is_program
    whole, lines = toml(blocks[0][1]), suite.parse(blocks[1][1].encode(), Path("mine.jsonl"))
    assert whole.cases[0].limits == lines.cases[0].limits == Limits()
    assert whole.cases[0].checks[:2] == lines.cases[0].checks


def test_values_are_fresh_for_every_use() -> None:
    [check] = jsonl({**CASE, "checks": [[[[1], {"$set": [1]}], {"a": []}]]}).cases[0].checks
    numbers, ones = check.fresh_args()
    numbers.append(2)
    ones.clear()
    check.expected_value()["a"].append(1)
    assert check.fresh_args() == ([1], {1})
    assert check.expected_value() == {"a": []}


def test_values_are_kept_as_strict_json() -> None:
    [check] = (
        toml(TOML.replace("[[1, 2], 3]", "[[nan, -0.0], inf]").split("[cases.limits]")[0])
        .cases[0]
        .checks[:1]
    )
    assert json.dumps([check.args, check.expected], allow_nan=False)
    assert repr(check.fresh_args()) == "(nan, -0.0)"
    assert check.expected_value() == float("inf")


def test_a_copy_of_the_file_is_the_same_suite(tmp_path: Path) -> None:
    for original in (toml(TOML), jsonl(CASE)):
        copy = tmp_path / f"suite{original.suffix}"
        copy.write_bytes(original.source)
        again = suite.load(copy)
        assert (again.cases, again.sha256) == (original.cases, original.sha256)
    assert suite.parse(original.source, copy, name="x").name == original.name


def test_a_suite_is_found_by_name_or_path(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    (first / "tiny.toml").write_text(TOML)
    (second / "tiny.jsonl").write_text(json.dumps(CASE))
    (second / "lines.jsonl").write_text(json.dumps(CASE))
    search = [tmp_path / "missing", first, second]
    assert suite.load("tiny", search).path == first / "tiny.toml"
    assert suite.load("lines", search).name == "lines"
    assert suite.load(str(second / "tiny.jsonl"), search).path == second / "tiny.jsonl"
    assert suite.load(second / "tiny.jsonl").path == second / "tiny.jsonl"
    with pytest.raises(UnknownName, match="no suite 'tyni'; did you mean 'tiny'") as caught:
        suite.load("tyni", search)
    assert str(caught.value).endswith("Known: lines, tiny")
    for path, fault in [
        ("none.toml", "none.toml: no such file"),
        (tmp_path, "is a directory, not a file"),
        (str(tmp_path), "is a directory, not a file"),
        (first / "tiny.txt", "no such file"),
        ("nul\0.toml", "can't be read"),
    ]:
        with pytest.raises(SuiteInvalid, match=fault):
            suite.load(path, search)
    (first / "tiny.txt").write_text(TOML)
    with pytest.raises(SuiteInvalid, match=r"a suite's file ends in \.toml or \.jsonl"):
        suite.load(first / "tiny.txt")


def test_parts_are_selected_in_the_suites_order() -> None:
    whole = jsonl(
        *({**CASE, "case_id": name, "category": name[0].upper()} for name in ("b2", "b1", "a1"))
    )

    def ids(**wanted: list[str]) -> list[str]:
        return [case.case_id for case in suite.select(whole, **wanted).cases]

    assert ids() == ["b2", "b1", "a1"]
    assert ids(cases=["a1", "b2"]) == ["b2", "a1"]
    assert ids(categories=["B"]) == ["b2", "b1"]
    assert ids(cases=["b1", "a1"], categories=["B"]) == ["b1"]
    assert suite.select(whole, cases=["a1"]).sha256 == whole.sha256
    with pytest.raises(UnknownName, match="no case 'b3'; did you mean"):
        suite.select(whole, cases=["b3"])
    with pytest.raises(UnknownName, match="no category 'b'"):
        suite.select(whole, categories=["b"])
    with pytest.raises(UsageError, match="no case of x is both"):
        suite.select(whole, cases=["a1"], categories=["B"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('case_id = "free"', "", "19: cases[1].case_id: is missing"),
        ('prompt = "Write anything"', "", "19: cases[1].prompt: is missing"),
        ('case_id = "free"', "case_id = 3", "20: cases[1].case_id: Input should be a valid string"),
        ('case_id = "free"', "case_id = '../x'", "20: cases[1].case_id: must be 1 to 100 letters"),
        (
            'case_id = "free"',
            'case_id = "add"',
            "20: case_id: 'add' is taken by the case in line 5",
        ),
        ('"Write anything"', '" "', "21: cases[1].prompt: must be 1 to 20000 characters"),
        ('"easy"', '"simple"', "8: cases[0].difficulty: Input should be 'easy', 'medium'"),
        ('"arithmetic"', '"a\\u001b"', "7: cases[0].category: must be one line"),
        ('= "add"\nchecks', '= "a b"\nchecks', "9: cases[0].entry_point: 'a b' can't be a name"),
        ("difficulty", "hardness", "8: cases[0].hardness: unknown key"),
        ('name = "tiny"', "names = 1", "1: names: unknown key"),
        ("[[1, 2], 3]", "[1, 2]", "11: cases[0].checks[0]: a check is [[arguments], expected] or"),
        ("[[1, 2], 3]", "{ args = [1] }", "11: cases[0].checks[0]: a check has either expected or"),
        ("[[1, 2], 3]", '[[{"$triple" = []}], 3]', "11: cases[0].checks[0].args: unknown tag"),
        ('{"$none" = true}', '{"$none" = 1}', "12: cases[0].checks[1].expected: $none holds true"),
        ('{"$none" = true}', "2025-10-15", "12: cases[0].checks[1].expected: a date is not"),
        ('{ b = {"$tuple"', '{ "b c" = {"$tuple"', "12: cases[0].checks[1].kwargs: 'b c' can't"),
        ('{ name = "named"', '{ name = "check_1"', "4: cases[0]: two checks are named 'check_1'"),
        ("{ args = [", "{ expected = 1, args = [", "13: cases[0].checks[2]: a check has either"),
        ('"TypeError"', '"no class"', "13: cases[0].checks[2].raises: 'no class' can't be"),
        ("cpu_s = 2", "cpu_s = 0", "17: cases[0].limits.cpu_s: Input should be greater than 0"),
        ("cpu_s = 2", "cpu_s = '2'", "17: cases[0].limits.cpu_s: Input should be a valid number"),
        ("cpu_s = 2", "cpu = 2", "17: cases[0].limits.cpu: unknown key"),
        ("cpu_s = 2", "cpu_s = ", "17: not valid TOML: Invalid value"),
    ],
)
def test_a_fault_in_toml_is_told_with_line_and_field(old: str, new: str, message: str) -> None:
    assert old in TOML
    with pytest.raises(SuiteInvalid) as caught:
        toml(TOML.replace(old, new, 1))
    assert str(caught.value).startswith(f"x.toml:{message}")


@pytest.mark.parametrize("text", ["", "cases = []", "name = 'x'"])
def test_a_suite_without_cases_is_refused(text: str) -> None:
    with pytest.raises(SuiteInvalid, match=r"^x\.toml: (no cases|cases: is missing)"):
        toml(text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"case_id": "b"}', "prompt: is missing"),
        ('{"case_id": "add", "prompt": "x"}', "case_id: 'add' is taken by the case in line 1"),
        ('{"case_id": "b", "prompt": "x", "test": 1}', "test: unknown key"),
        ('{"case_id": "b", "prompt": "x", "prompt": "y"}', "not valid JSON: the key 'prompt'"),
        ('{"case_id": "b", "prompt": "\\ud800"}', "prompt: holds half of a"),
        ('{"case_id": "b", "prompt": "x", "checks": [[[1]]]}', "checks[0]: a check is [[arg"),
        ('{"case_id": "b", "prompt": "x", "entry_point": 1}', "entry_point: Input should be a"),
        ('{"case_id": "b", ', "not valid JSON: Expecting property name"),
        ("[]", "Input should hold keys and values"),
        ("7" * 5000, "not valid JSON: Exceeds the limit (4300 digits)"),
        ("[" * 100_000, "nested too deeply"),
    ],
    ids=lambda value: value[:40],
)
def test_a_fault_in_json_lines_is_told_with_its_line(line: str, message: str) -> None:
    with pytest.raises(SuiteInvalid) as caught:
        suite.parse(f"{json.dumps(CASE)}\n\n{line}\n".encode(), Path("x.jsonl"))
    assert str(caught.value).startswith(f"x.jsonl:3: {message}")
    assert "\n" not in str(caught.value)


def test_text_that_is_not_utf_8_is_told_with_its_line() -> None:
    with pytest.raises(SuiteInvalid, match=r"^x\.jsonl:2: not UTF-8"):
        suite.parse(json.dumps(CASE).encode() + b"\n\xff", Path("x.jsonl"))


def test_a_suite_has_a_bounded_number_of_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_CASES", 2)
    with pytest.raises(SuiteInvalid, match=r"^x\.jsonl:3: more than 2 cases"):
        jsonl(*({**CASE, "case_id": name} for name in "abc"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from(["$tuple", "$none", "$int", "$set", "args", "x"]), part)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from([*models.CaseModel.model_fields, "x"])
ALMOST = st.dictionaries(FIELDS, JSON, max_size=4).map(lambda odd: json.dumps({**CASE, **odd}))
MUTATED = st.builds(
    lambda at, cut, put: TOML.encode()[:at] + put + TOML.encode()[at + cut :],
    st.integers(0, len(TOML)),
    st.integers(0, 30),
    st.binary(max_size=8) | st.sampled_from([b"[", b"]", b'"', b"'''", b"\n", b"{}", b"= 1\n"]),
)


@given(st.binary(max_size=300) | MUTATED | ALMOST.map(str.encode), st.sampled_from(file.SUFFIXES))
def test_any_bytes_are_a_suite_or_a_fault(source: bytes, suffix: str) -> None:
    try:
        whole = suite.parse(source, Path(f"x{suffix}"))
    except SuiteInvalid:
        return
    for case in whole.cases:
        for check in case.checks:
            check.fresh_args(), check.fresh_kwargs(), check.expected_value()
