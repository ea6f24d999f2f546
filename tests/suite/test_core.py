"""What a case, a check and a suite are, and how a suite is found and selected from."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import SuiteInvalid, UnknownName, UsageError
from liftlab.suite.core import Case, Check, Limits, load, parse, select

SOURCE = b"""
name = "two"
packages = ["numpy"]

[[cases]]
case_id = "double"
prompt = "Double a number."
category = "arithmetic"
signature = "double(x)"
checks = [[[1], 2]]
limits = { cpu_s = 2.0 }

[[cases]]
case_id = "shout"
prompt = "Shout."
checks = [{ stdin = "a", stdout = "A" }, { name = "empty", stdout = "" }]
"""
CASES = "[[cases]]\ncase_id = 'a'\nprompt = 'p'\n"
TWO = parse(SOURCE, Path("file.toml"))


def test_a_file_s_cases() -> None:
    assert (TWO.name, TWO.packages, len(TWO), TWO.suffix) == ("two", ("numpy",), 2, ".toml")
    assert TWO.sha256 == sha256(SOURCE).hexdigest()
    double, shout = TWO
    assert (double.category, double.entry_point) == ("arithmetic", "double")
    assert (shout.category, shout.difficulty, shout.entry_point) == ("uncategorised", None, None)
    assert [check.name for check in shout.checks] == ["check_1", "empty"]
    assert [check.stdin for check in shout.checks] == ["a", ""]
    assert (double.is_program, shout.is_program) == (False, True)


def test_waiting_may_take_three_times_as_long_as_working() -> None:
    assert TWO["double"].limits == Limits(cpu_s=2.0, wall_s=6.0)
    assert (
        TWO["shout"].limits == Limits() == Limits(cpu_s=5, wall_s=15, memory_mb=512, output_kb=64)
    )


@pytest.mark.parametrize(("size", "room_kb"), [(32 * 1024, 64), (33 * 1024, 66), (40 * 1024, 80)])
def test_output_has_room_for_what_is_asked_for(size: int, room_kb: int) -> None:
    line = '{"case_id": "a", "prompt": "p", "checks": [{"stdout": "%s"}]}' % ("x" * size)
    (case,) = parse(line.encode(), Path("file.jsonl"))
    assert case.limits.output_kb == room_kb


def test_a_suite_is_called_as_the_file_says_or_as_it_is_named() -> None:
    line = b'{"case_id": "a", "prompt": "p"}'
    assert parse(line, Path("file.jsonl")).name == "file"
    assert parse(line, Path("file.jsonl"), name="given").name == "given"
    assert parse(SOURCE, Path("file.toml"), name="given").name == "two"


def test_no_such_case() -> None:
    with pytest.raises(UnknownName, match=r"double_.*double"):
        TWO["double_"]


@pytest.mark.parametrize(
    ("cases", "categories", "kept"),
    [
        ((), (), ["double", "shout"]),
        (["shout", "double"], (), ["double", "shout"]),
        (["shout"], (), ["shout"]),
        ((), ["arithmetic"], ["double"]),
        (["double"], ["arithmetic"], ["double"]),
    ],
)
def test_a_part_of_a_suite_in_its_order(cases: Any, categories: Any, kept: list[str]) -> None:
    part = select(TWO, cases, categories)
    assert [case.case_id for case in part] == kept
    assert part.sha256 == TWO.sha256


@pytest.mark.parametrize(
    ("cases", "categories", "error", "said"),
    [
        (["x"], (), UnknownName, "case"),
        ((), ["x"], UnknownName, "category"),
        (["shout"], ["arithmetic"], UsageError, "no case of two is both"),
    ],
)
def test_a_part_that_is_none(cases: Any, categories: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        select(TWO, cases, categories)


def test_a_suite_is_found_by_its_name_in_the_first_folder_that_has_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name in ((first, "one"), (second, "other")):
        folder.mkdir()
        (folder / "mine.toml").write_text(f'name = "{name}"\n{CASES}')
    (second / "only.jsonl").write_text('{"case_id": "a", "prompt": "p"}\n')
    search = [first, second]
    assert load("mine", search).name == "one"
    assert load("only", search).name == "only"
    assert load(second / "mine.toml", search).name == "other"
    assert load(str(second / "mine.toml")).name == "other"
    with pytest.raises(UnknownName, match=r"mnie.*mine"):
        load("mnie", search)
    for path in ("mine.toml", Path("mine"), "./mine"):  # a path, which is not searched for
        with pytest.raises(SuiteInvalid, match="mine"):
            load(path, search)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1),
        (True, True),
        (None, None),
        (1.5, 1.5),
        ([1, ["a"]], [1, ["a"]]),
        ({"a": [1]}, {"a": [1]}),
        ({1, 2}, {"$set": [1, 2]}),
        ([(1,)], [{"$tuple": [1]}]),
    ],
)
def test_plain_values_are_kept_as_data(value: Any, kept: Any) -> None:
    check = Check(args=[value], kwargs={"a": value}, expected=value)
    assert (check.args, check.kwargs, check.expected) == ((kept,), {"a": kept}, kept)
    again = check.fresh_args(), check.fresh_kwargs(), check.expected_value()
    assert again == ((value,), {"a": value}, value)


def test_values_are_made_anew_at_every_call() -> None:
    check = Check(args=[[1]], expected=[1])
    check.fresh_args()[0].append(2)
    check.expected_value().append(2)
    assert (check.fresh_args(), check.expected_value()) == (([1],), [1])


def test_what_a_check_cannot_hold() -> None:
    with pytest.raises(UsageError, match="a check cannot hold this"):
        Check(args=[object()])
    with pytest.raises(UsageError, match="a check with stdin has stdout"):
        Check(stdin="1")


def test_checks_without_a_name_are_numbered() -> None:
    case = Case("a", "p", checks=[Check(expected=1), Check(name="n", expected=2)])
    assert [check.name for check in case.checks] == ["1", "n"]
    with pytest.raises(UsageError, match="a case's checks are Checks, not tuple"):
        Case("a", "p", checks=[((1,), 2)])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="case a: "):
        Case("a", "p", checks=[Check(expected=1), Check(stdout="1")])


def test_a_case_without_checks_tells_nothing() -> None:
    assert not Case("a", "p").is_checked
    assert Case("a", "p", checks=[Check(expected=1)]).is_checked


def test_whether_the_function_s_name_is_told() -> None:
    assert not Case("a", "Double it.", entry_point="double").names_function
    assert Case("a", "Write double.", entry_point="double").names_function
    assert Case("a", "Double it.", signature="double(x)").names_function
