"""What a reply's bytes say, read with care: they come from a stranger.

Everything here is bounded: text in length, JSON in depth and number of values. A fault
is a `ReplyError` with the class that the attempt's row gets.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from liftlab.records import ErrorClass, FailureClass
from liftlab.timing.pace import lull

MAX_MESSAGE = 300
MAX_NAME = 200
MAX_DEPTH = 100
MAX_VALUES = 200_000
SAID_BYTES = 65_536  # of an error's body
_MAX_COUNT = 2**53
_READ_AT_ONCE_BYTES = 8192  # well under a millisecond's work
# Of the event loop: in the first the timer wakes whoever plans, in the second the request goes
# out. A request of an open load that is due need not wait while 64 events are read (0.2 ms).
_TURNS_TO_SEND = 2

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_TAG = re.compile(r"<[^>]*>")
_ERROR_LINE = re.compile(r"\W?error\b", re.IGNORECASE)
_ERROR_KEYS = ("error", "errors", "detail", "message", "msg", "fault", "faultstring")


T = TypeVar("T")


class ReplyError(Exception):
    """A reply that cannot be used, and why; `no_answer` if there is nothing of a model's in it.

    `failure` is the class of the trial where the model is known to be the cause.
    """

    no_answer = False

    def __init__(
        self, error_class: ErrorClass | None, message: str, failure: FailureClass | None = None
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.failure = failure
        self.message = clean(message)

    def columns(self) -> dict[str, Any]:
        """Return the fields of a `Reply` that this fault fills."""
        return {
            "error_class": self.error_class,
            "failure": self.failure,
            "message": self.message,
            "no_answer": self.no_answer,
        }


class NoAnswerError(ReplyError):
    """A whole reply, but no answer of a model's, such as a gateway's page."""

    no_answer = True

    def __init__(self, message: str, error_class: ErrorClass = "invalid_json") -> None:
        super().__init__(error_class, message)


class ModelFailure(ReplyError):
    """A sound reply in which the model does not answer: it refuses, or says nothing."""

    def __init__(self, failure: FailureClass, message: str) -> None:
        super().__init__(None, message, failure)


async def aside(size: int, read: Callable[[], T]) -> T:
    """Read a reply of `size` bytes once what is due has been sent; a long one in a thread."""
    if size > _READ_AT_ONCE_BYTES:
        return await asyncio.to_thread(read)
    for _ in range(_TURNS_TO_SEND):
        await asyncio.sleep(0)
    await lull()
    return read()


def clean(text: object, limit: int = MAX_MESSAGE) -> str:
    r"""Return foreign text as one bounded line without control characters.

    Examples
    --------
    >>> clean("no\nsuch\x1b[31m model")
    'no such [31m model'
    """
    line = str(text)[: 4 * limit]
    if not (line.isascii() and line.isprintable()):  # which nearly all text is
        line = _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", line))
    line = line.strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def name_or_none(value: object, limit: int = MAX_NAME) -> str | None:
    """Return a foreign name or id as clean text; None if it is not a string."""
    return clean(value, limit) or None if isinstance(value, str) else None


def parse_json(body: bytes | str, *, lenient: bool = False) -> Any:
    """Return the value of strict JSON, bounded in depth and size.

    Lone surrogates become U+FFFD, so that the value can be written as UTF-8. With `lenient` a
    number that is infinite or none at all becomes None. Raises ReplyError of class `invalid_json`:
    not UTF-8 JSON, NaN or infinite numbers, integers of thousands of digits, or nested more than
    100 deep.
    """
    try:
        text = body.decode("utf-8-sig") if isinstance(body, bytes) else body
        value = (_LENIENT if lenient else _DECODER).decode(text)
    except RecursionError:
        raise ReplyError("invalid_json", f"JSON nested more than {MAX_DEPTH} deep") from None
    except ValueError as error:
        raise ReplyError("invalid_json", f"not JSON: {error}") from None
    if isinstance(body, bytes) and _is_plain(text):
        return value
    return _Scrubber().scrub(value)


def parse_object(body: bytes | str, *, lenient: bool = False) -> dict[str, Any]:
    """Return the JSON object in `body`; what is not even the beginning of one is a `NoAnswerError`.

    Raises ReplyError as from `parse_json`: what a model has written may have spoilt the object
    around it. Of class `reported_error` for a line of text that says it is an error.
    """
    try:
        value = parse_json(body, lenient=lenient)
    except ReplyError as fault:
        text = body.decode("utf-8-sig", "replace") if isinstance(body, bytes) else body
        if text.lstrip().startswith("{"):
            raise
        raise _not_json(text, fault) from None
    if isinstance(value, list) and len(value) == 1 and reported(value[0]):
        value = value[0]  # as Google's gateways wrap their errors
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise NoAnswerError(f"the reply is a JSON {kind}, not an object: {said_in(value)}")
    return value


def _not_json(text: str, fault: ReplyError) -> ReplyError:
    """Say what a body that is not JSON holds instead."""
    text = text.strip()
    if not text:
        return NoAnswerError("empty reply")
    if text.startswith("<"):
        return NoAnswerError(f"the reply is a web page: {clean(_TAG.sub(' ', text), 200)}")
    if _ERROR_LINE.match(text):
        return ReplyError("reported_error", f"the server says: {clean(text)}")
    words = clean(text, 120)
    return NoAnswerError(f"the reply is not JSON: {words}" if words else fault.message)


def parse_objects(bodies: Sequence[bytes]) -> list[dict[str, Any]] | None:
    """Return the JSON objects of many small bodies, in a fifth of the time that each alone takes.

    None where one of them is not one sound object, or not plain: then look at each alone.

    Examples
    --------
    >>> parse_objects([b'{"a": 1}', b'{"b": 2}']), parse_objects([b'{"a": 1}, {}', b"{}"])
    ([{'a': 1}, {'b': 2}], None)
    """
    try:
        texts = [body.decode() for body in bodies]
        values = _LENIENT.decode(f"[{','.join(texts)}]") if all(map(_is_plain, texts)) else []
    except (ValueError, RecursionError):
        return None
    sound = len(values) == len(bodies) and all(isinstance(value, dict) for value in values)
    return values if sound else None


def count_or_none(value: object) -> int | None:
    """Return a foreign count, such as tokens; None if it is not a plausible one.

    Some gateways give counts as text.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < _MAX_COUNT else None


def number_or_none(value: object) -> float | None:
    """Return a foreign number; None for anything else, truth values included."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def seconds_from_ms(value: object) -> float | None:
    """Return foreign milliseconds as seconds; None if they are not a plausible time."""
    number = number_or_none(value)
    return number / 1000 if number is not None and 0 <= number < 1e9 else None


def dict_of(value: object) -> dict[str, Any]:
    """Return a foreign object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def start_of(body: bytes) -> str:
    """Return the first 64 KiB of an error's body, where it says why, as text."""
    return body[:SAID_BYTES].decode("utf-8", "replace")


def error_text(body: bytes) -> str | None:
    """Return what an error body says: its `error`, `detail` or `message`, else its text."""
    try:
        value = parse_json(body[:SAID_BYTES])
    except ReplyError:
        return clean(body[: 4 * MAX_MESSAGE].decode("utf-8", "replace")) or None
    return said_in(value)


def said_in(value: object) -> str | None:
    """Return what a JSON value says of an error, as one bounded line; None if it is empty."""
    for _ in range(2):  # {"error": {"message": …}} is as common as {"detail": …}
        if isinstance(value, list) and len(value) == 1 and reported(value[0], "loc"):
            value = value[0]
        if isinstance(value, dict):
            words = (value.get(key) for key in _ERROR_KEYS)
            value = next((word for word in words if word and word is not True), value)
    if isinstance(value, dict | list) and not value:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clean(text) or None


def reported(data: object, *answers: str) -> str | None:
    """Return the words of the error that a reply reports though its status is 200, else None.

    `answers`: the keys under which an answer would be: without one a bare message is an error, too.
    """
    if not isinstance(data, dict):
        return None
    named = (
        data.get("error") or data.get("errors") or "error" in (data.get("object"), data.get("type"))
    )
    if named:
        return said_in(data) or "no reason given"
    if answers and not any(key in data for key in answers):
        words = [data[key] for key in _ERROR_KEYS if isinstance(data.get(key), str | list)]
        return said_in(words[0]) if words else None
    return None


def _is_plain(text: str) -> bool:
    """Whether decoded JSON can hold nothing that a scrubber looks for; most replies are so."""
    flat = text.count("{") + text.count("[") <= MAX_DEPTH
    return flat and len(text) <= MAX_VALUES and "\\u" not in text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _finite_or_none(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
# For what a server wraps around an answer: a log-probability of -Infinity spoils no reply.
_LENIENT = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite_or_none)


class _Scrubber:
    """Copies a JSON value without lone surrogates, and counts what it copies."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def scrub(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ReplyError("invalid_json", f"JSON of more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:
            raise ReplyError("invalid_json", f"JSON nested more than {MAX_DEPTH} deep")
        if isinstance(value, str):
            return _SURROGATE.sub("\ufffd", value)
        if isinstance(value, list):
            return [self.scrub(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {
                _SURROGATE.sub("\ufffd", key): self.scrub(item, depth + 1)
                for key, item in value.items()
            }
        return value
