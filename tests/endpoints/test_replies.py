from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.endpoints.answer import fit
from liftlab.endpoints.replies import (
    MAX_VALUES,
    SAID_BYTES,
    NoAnswerError,
    ReplyError,
    aside,
    clean,
    count_or_none,
    dict_of,
    error_text,
    number_or_none,
    parse_json,
    parse_object,
    parse_objects,
    reported,
    said_in,
    seconds_from_ms,
    start_of,
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


def test_many_values_are_read_and_one_more_is_not() -> None:
    most = MAX_VALUES - 1  # and the list itself
    assert len(parse_json("[" + "0," * (most - 1) + "0]")) == most
    with pytest.raises(ReplyError, match=f"more than {MAX_VALUES} values"):
        parse_json("[" + "0," * most + "0]")


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b"1e999", b"{", b"\xff"])
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(ReplyError) as fault:
        parse_json(body)
    assert fault.value.error_class == "invalid_json"


def test_around_an_answer_a_number_may_be_none() -> None:
    read = parse_json(b'{"logprob": -Infinity, "p": 1e999, "n": 1.5}', lenient=True)
    assert read == {"logprob": None, "p": None, "n": 1.5}


def test_half_a_character_becomes_a_mark() -> None:
    assert parse_json(b'{"a\\ud800": ["\\udc00x"]}') == {"a\ufffd": ["\ufffdx"]}


@pytest.mark.parametrize(
    ("body", "error_class", "no_answer", "said"),
    [
        (b"", "invalid_json", True, "empty reply"),
        (b" \n", "invalid_json", True, "empty reply"),
        (b"<html><b>Bad</b> Gateway</html>", "invalid_json", True, "a web page: Bad  Gateway"),
        (b"Error: out of memory", "reported_error", False, "the server says: Error: out of"),
        (b"errors were few", "invalid_json", True, "not JSON: errors were few"),
        (b"so it goes", "invalid_json", True, "the reply is not JSON: so it goes"),
        (b"[1, 2]", "invalid_json", True, "a JSON list, not an object"),
        (b'"text"', "invalid_json", True, "a JSON str, not an object: text"),
        (b'{"a": ', "invalid_json", False, "not JSON"),
    ],
)
def test_what_is_no_object_says_what_it_is(
    body: bytes, error_class: str, no_answer: bool, said: str
) -> None:
    with pytest.raises(ReplyError) as fault:
        parse_object(body)
    assert (fault.value.error_class, fault.value.no_answer) == (error_class, no_answer)
    assert said in fault.value.message
    assert isinstance(fault.value, NoAnswerError) == no_answer


def test_an_error_may_be_wrapped_in_a_list() -> None:
    assert parse_object(b'[{"error": {"message": "no"}}]') == {"error": {"message": "no"}}
    for body in (b'[{"text": "x"}]', b'[{"error": "x"}, {"error": "y"}]'):
        with pytest.raises(NoAnswerError):
            parse_object(body)


def test_small_objects_are_read_together_where_all_are_sound() -> None:
    assert parse_objects([b'{"a": 1}', b'{"b": NaN}']) == [{"a": 1}, {"b": None}]
    assert parse_objects([]) == []
    for odd in (b"[1]", b'{"a": 1}, {"b": 2}', b"{", b'{"a": "\\ud800"}', b"\xff", b""):
        assert parse_objects([b'{"a": 1}', odd]) is None


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (-1, None),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        ("9" * 15, 10**15 - 1),
        ("1" * 17, None),
        (3.5, None),
        (float("inf"), None),
        ([], None),
    ],
)
def test_a_count_is_plausible(value: object, count: int | None) -> None:
    assert count_or_none(value) == count


def test_foreign_values_are_what_they_should_be_or_nothing() -> None:
    assert [number_or_none(x) for x in (1, 0.5, True, "1", None)] == [1, 0.5, None, None, None]
    assert (seconds_from_ms(0), seconds_from_ms(1e9), seconds_from_ms(999_999_999)) == (
        0.0,
        None,
        999_999.999,
    )
    assert (dict_of({"a": 1}), dict_of([]), dict_of(None)) == ({"a": 1}, {}, {})
    assert start_of(b"x" * (SAID_BYTES + 1)) == "x" * SAID_BYTES


@pytest.mark.parametrize(
    ("data", "answers", "words"),
    [
        ({"error": "gone"}, (), "gone"),
        ({"errors": [{"message": "gone"}]}, (), "gone"),
        ({"object": "error", "message": "gone"}, (), "gone"),
        ({"type": "error", "message": "gone"}, ("choices",), "gone"),
        ({"error": True}, (), '{"error": true}'),
        ({"detail": "gone"}, ("choices",), "gone"),
        ({"detail": "fine", "choices": []}, ("choices",), None),
        ({"detail": "fine"}, (), None),
        ({"detail": {"a": 1}}, ("choices",), None),
        ({"error": None, "choices": []}, ("choices",), None),
        ({}, ("choices",), None),
        ([], ("choices",), None),
    ],
)
def test_a_reply_of_status_200_may_report_an_error(
    data: object, answers: tuple[str, ...], words: str | None
) -> None:
    assert reported(data, *answers) == words


def test_words_are_looked_for_two_levels_deep() -> None:
    assert said_in({"error": {"message": "no"}}) == "no"
    assert said_in({"error": {"detail": {"message": "no"}}}) == '{"message": "no"}'
    assert said_in({"error": "", "detail": "no"}) == "no"
    assert (said_in([]), said_in({}), said_in("")) == (None, None, None)
