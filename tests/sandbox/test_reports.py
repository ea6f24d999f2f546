from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.sandbox.protocol import LOST
from liftlab.sandbox.reports import CallReport, RunReport, lines_of, parse_report, run_report

scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalar,
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3)
    ),
    max_leaves=6,
)
tagged = st.builds(
    lambda tag, body: {f"${tag}": body},
    st.sampled_from(["set", "dict", "tuple", "int", "float", "bytes", "complex", "none", "odd"]),
    anything,
)
forged = st.fixed_dictionaries(
    {},
    optional={
        "call": st.integers(-1, 3) | anything,
        "value": tagged | anything,
        "error": st.dictionaries(
            st.sampled_from(["name", "message", "bases", "line", "own_call"]), anything
        )
        | anything,
        "load_error": anything,
        "missing": anything,
        "not_plain": anything,
        "too_large": anything,
        "elapsed_ns": anything,
        "function": anything,
        "loaded": anything,
        "end": anything,
    },
)


@settings(deadline=None, max_examples=50)
@given(st.lists(forged, max_size=6))
def test_whatever_the_child_writes_makes_a_report(items: list[Any]) -> None:
    sent = "\n".join(json.dumps(item) for item in items).encode()
    report = run_report(LOST._replace(result=sent, status=0, ended_by=None), 3)
    assert len(report.calls) == 3
    assert all(call.raised is None or not call.ok for call in report.calls)


@settings(deadline=None)
@given(st.binary())
def test_whatever_the_child_writes_has_lines(sent: bytes) -> None:
    assert all(isinstance(item, dict) for item in lines_of(sent, 9))


@pytest.mark.parametrize(
    "sent",
    [
        b'{"a": 1}\n{"b": 2}\n',
        b'{"a": 1}\nno JSON\n{"b": 2}\n',
        b'{"a": 1}\n\n[7]\n{"b": 2}\n7\n',
        b'{"a": 1}\n{"b": 2}',
        b'{"a": 1}\n{"x": 1}, {"y": 2}\n{"b": 2}\n',
        b'{"a": 1}\n{"x": \n{"b": 2}\n' + b"[" * 100_000 + b"\n",
    ],
)
def test_a_line_that_is_no_value_spoils_no_other(sent: bytes) -> None:
    assert list(lines_of(sent, 99)) == [{"a": 1}, {"b": 2}]


def test_no_more_lines_are_read_than_a_child_has_to_send() -> None:
    sent = b'{"a": 1}\n' * 3 + b'{"b": 2}\n{"b": 3}\n' * 100_000
    assert list(lines_of(sent, 4)) == [{"a": 1}] * 3 + [{"b": 2}]


def test_what_is_told_can_be_stored() -> None:
    sent = b'{"load_error": {"name": "\\ud800", "message": "half: \\udfff", "bases": []}}\n'
    raised = run_report(LOST._replace(result=sent, status=0, ended_by=None), 0).load_error
    assert raised is not None
    assert (raised.name, raised.message) == ("\ufffd", "half: \ufffd")


def test_the_first_answer_to_a_call_counts() -> None:
    sent = b'{"call": 0, "value": 1}\n{"call": 0, "value": 2}\n{"end": true}\n'
    report = run_report(LOST._replace(result=sent, status=0, ended_by=None), 1)
    assert (report.calls[0].value, report.finished) == (1, True)


def test_without_its_end_a_run_is_not_finished() -> None:
    sent = b'{"call": 0, "value": 1}\n{"end": tr'
    report = run_report(LOST._replace(result=sent, status=0, ended_by=None), 1)
    assert report.calls[0].ok
    assert not report.finished


def report_of(*items: Any, calls: int = 1, **answer: Any) -> RunReport:
    sent = b"".join(json.dumps(item).encode() + b"\n" for item in items)
    told = {"ended_by": None, "status": 0, "result": sent} | answer
    return run_report(LOST._replace(**told), calls)


def call_of(**item: Any) -> CallReport:
    (call,) = report_of({"call": 0} | item).calls
    return call


def test_what_a_child_told_first_counts() -> None:
    report = report_of(
        {"confined": ["a"]},
        {"confined": ["b"], "loaded": True},
        {"call": 1, "value": 1, "function": "second"},
        {"call": 0, "value": 2, "function": "first"},
        {"call": 0, "value": 3},
        {"call": 2, "value": 4, "loaded": False},
        {"call": True, "value": 5},
        {"call": -1, "value": 6},
        {"end": True},
        calls=2,
    )
    assert (report.confined, report.begun, report.loaded) == (("a",), True, True)
    assert [call.value for call in report.calls] == [2, 1]
    assert (report.function, report.finished, report.succeeded) == ("first", True, True)


@pytest.mark.parametrize(
    ("items", "answer", "finished"),
    [
        ([{"end": True}], {}, True),
        ([], {}, False),
        ([{"end": 1}], {}, False),
        ([{"end": True}], {"status": 1}, False),
        ([{"end": True}], {"status": None}, False),
        ([{"end": True}], {"ended_by": "wall"}, False),
    ],
)
def test_a_run_is_finished_where_all_says_so(
    items: list[Any], answer: dict[str, Any], finished: bool
) -> None:
    assert report_of(*items, **answer).finished is finished


@pytest.mark.parametrize(
    ("status", "signal", "code"), [(0, None, 0), (3, None, 3), (-9, 9, None), (None, None, None)]
)
def test_how_a_child_ended(status: int | None, signal: int | None, code: int | None) -> None:
    report = report_of(status=status)
    assert (report.signal, report.exit_code) == (signal, code)


@pytest.mark.parametrize(
    ("loaded", "load_error", "succeeded"),
    [(True, None, True), (1, None, False), (None, None, False), (True, {"name": "X"}, False)],
)
def test_a_run_succeeds_once_its_source_is_loaded(
    loaded: Any, load_error: Any, succeeded: bool
) -> None:
    report = report_of({"loaded": loaded, "load_error": load_error}, {"end": True})
    assert report.succeeded is succeeded


@pytest.mark.parametrize(
    ("nanoseconds", "seconds"),
    [(0, 0.0), (10**9, 1.0), (10**15 - 1, pytest.approx(1e6)), (10**15, None), (-1, None),
     (1.5, None), (True, None)],
)  # fmt: skip
def test_a_call_s_time_is_one_that_can_be(nanoseconds: Any, seconds: Any) -> None:
    assert call_of(value=1, elapsed_ns=nanoseconds).elapsed_s == seconds


@pytest.mark.parametrize(
    ("line", "told"),
    [(0, 0), (2**31 - 1, 2**31 - 1), (2**31, None), (-(2**31) + 1, -(2**31) + 1),
     (-(2**31), None), (1.0, None), (True, None)],
)  # fmt: skip
def test_a_line_is_a_number_that_can_be(line: Any, told: int | None) -> None:
    raised = call_of(error={"line": line}).raised
    assert raised is not None
    assert raised.line == told
    assert parse_report({"line": line}).line == told


def test_an_exception_is_told_as_far_as_it_is_text() -> None:
    error = {"name": "N", "message": "a\nb" + "x" * 400, "bases": ["b" * 400, *range(30)]}
    raised = call_of(error=error | {"own_call": True}).raised
    assert raised is not None
    assert (raised.name, raised.own_call, len(raised.bases)) == ("N", True, 20)
    assert len(raised.bases[0]) == 300
    assert "\n" not in raised.message
    odd = call_of(error={"name": 1, "message": 2, "bases": "x", "own_call": 1}).raised
    assert odd is not None
    assert (odd.name, odd.message, odd.bases, odd.own_call) == ("?", "", (), False)
    assert call_of(error=[]).raised is None


@pytest.mark.parametrize(
    ("item", "ok", "not_plain", "too_large"),
    [
        ({"value": 1}, True, None, False),
        ({"value": None}, True, None, False),
        ({}, False, None, False),
        ({"value": 1, "error": {}}, False, None, False),
        ({"value": 1, "not_plain": "x"}, False, "x", False),
        ({"value": 1, "too_large": "x"}, False, None, True),
        ({"value": {"$set": [[]]}}, False, "forged", False),
        ({"value": {"$odd": 1}}, False, "forged", False),
        ({"value": "x" * 65_537}, False, None, True),
    ],
)
def test_a_value_counts_where_nothing_else_came(
    item: dict[str, Any], ok: bool, not_plain: str | None, too_large: bool
) -> None:
    call = call_of(**item)
    assert (call.ok, call.not_plain, call.too_large is not None) == (ok, not_plain, too_large)


@pytest.mark.parametrize("key", ["mutated", "missing"])
def test_a_fact_is_true_and_nothing_like_it(key: str) -> None:
    for value, told in ((True, True), (1, False), ("x", False), (None, False)):
        assert getattr(call_of(**{key: value}), key) is told


def test_more_lines_than_there_are_to_say_are_not_read() -> None:
    sent = b'{"a": 1}\n' * 5
    assert len(list(lines_of(sent, 4))) == 4
    assert len(list(lines_of(sent, 5))) == len(list(lines_of(sent, 9))) == 5
    assert list(lines_of(b'{"a": 1}\n[]\n{"b"\n{"c": 3}\n', 9)) == [{"a": 1}, {"c": 3}]
    assert list(lines_of(b'{"a": 1}, {"b": 2}\n', 9)) == []  # no line is two
    long = b'{"a": "' + b"x" * 70_000 + b'"}\n'
    assert len(list(lines_of(long * 2, 9))) == 2


def test_facts_are_taken_as_far_as_they_are_facts() -> None:
    assert parse_report(None).kind == parse_report([]).kind == "SandboxError"
    plain = parse_report({})
    assert (plain.parsed, plain.functions, plain.found, plain.json) == (False, (), None, None)
    function = {
        "name": "f", "line": 1, "required": 0, "accepted": None, "returns_value": True,
        "prints": False, "ends_with": None, "stub": False, "more": 1,
    }  # fmt: skip
    told = parse_report(
        {
            "parsed": True,
            "functions": [function] * 101,
            "defines": ["a", 1],
            "lacks": "abc",
            "found": {"how": "only"},
            "json": "value",
            "empty": True,
            "foreign": 1,
        }
    )
    assert (told.parsed, len(told.functions), told.found, told.json) == (True, 100, "only", "value")
    assert (told.defines, told.lacks, told.empty, told.foreign) == (
        {"a", "1"},
        frozenset(),
        True,
        False,
    )
