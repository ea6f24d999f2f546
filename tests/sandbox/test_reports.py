from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.sandbox.protocol import LOST
from liftlab.sandbox.reports import lines_of, run_report

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
