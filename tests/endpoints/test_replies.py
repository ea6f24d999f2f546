from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.endpoints.answer import fit
from liftlab.endpoints.replies import (
    MAX_VALUES,
    ReplyError,
    aside,
    clean,
    count_or_none,
    error_text,
    parse_json,
    seconds_from_ms,
)
from liftlab.errors import UsageError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_comes_back_as_it_was(value):
    assert parse_json(json.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_reply_error(body):
    try:
        value = parse_json(body)
    except ReplyError:
        return
    json.dumps(value, ensure_ascii=False).encode()


@given(st.text(st.characters(), max_size=2000))
def test_clean_text_is_one_bounded_printable_line(text):
    line = clean(text)
    assert len(line) <= 300
    assert "\n" not in line
    assert "\x1b" not in line
    line.encode()


def test_direction_marks_are_taken_out():
    assert clean("a\u202eb\u2066c") == "a b c"


def test_too_many_values_are_refused():
    with pytest.raises(ReplyError, match="more than"):
        parse_json("[" + "0," * MAX_VALUES + "0]")


def test_a_schema_that_cannot_be_used_is_our_mistake():
    for schema in ({"type": "nonsense"}, {"$ref": "http://elsewhere.invalid/schema"}):
        with pytest.raises(UsageError, match="JSON Schema"):
            fit({}, schema, None)


def test_a_mismatch_names_its_place():
    schema = {"properties": {"a": {"items": {"type": "string"}}}}
    with pytest.raises(ReplyError, match=r"\$\.a\[1\]: 2 is not of type 'string'"):
        fit({"a": ["x", 2]}, schema, None)


def test_a_recursive_schema_does_not_exhaust_the_stack():
    value: object = 0
    for _ in range(100):
        value = [value]
    fit(value, {"type": ["array", "integer"], "items": {"$ref": "#"}}, None)


def test_counts_and_times():
    assert [count_or_none(x) for x in (3, 3.0, "3", 3.5, -1, True, "x", "³", None)] == [3] * 3 + [
        None
    ] * 6
    assert [seconds_from_ms(x) for x in (1500, 0.5, -1, True, "1")] == [1.5, 0.0005] + [None] * 3


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "too long"}}', "too long"),
        (b'{"error": "no"}', "no"),
        (b'{"detail": [{"msg": "x"}]}', "x"),
        (b'{"detail": [{"loc": ["seed"], "msg": "x"}]}', '[{"loc": ["seed"], "msg": "x"}]'),
        (b'{"success": false, "errors": [{"code": 7, "message": "x"}]}', "x"),
        (b"Internal\nServer Error", "Internal Server Error"),
        (b"", None),
        (b"{}", None),
        (b"[]", None),
    ],
)
def test_what_an_error_body_says(body, expected):
    assert error_text(body) == expected


async def test_long_replies_are_read_in_a_thread():
    import threading

    here = threading.current_thread()
    assert await aside(10, threading.current_thread) is here
    assert await aside(1_000_000, threading.current_thread) is not here


async def test_a_request_that_is_due_goes_out_before_a_reply_is_read():
    loop, happened = asyncio.get_running_loop(), []
    timer = loop.create_future()

    async def send():
        happened.append("sent")

    async def plan():
        await timer
        return asyncio.create_task(send())

    planning = asyncio.create_task(plan())
    await asyncio.sleep(0)  # it waits
    reading = asyncio.create_task(aside(10, lambda: happened.append("read")))
    timer.set_result(None)  # in the turn in which the reply came
    await reading
    await planning
    assert happened == ["sent", "read"]


@pytest.mark.parametrize(("depth", "read"), [(100, True), (101, False)])
def test_json_is_read_to_a_hundred_levels(depth: int, read: bool) -> None:
    body = b"[" * depth + b"1" + b"]" * depth
    if read:
        assert parse_json(body)
    else:
        with pytest.raises(ReplyError, match="nested more than 100 deep"):
            parse_json(body)
