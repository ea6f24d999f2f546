"""Python values as JSON with type tags, for suites and for what a sandboxed child sends back.

Plain JSON loses tuples, sets, bytes, NaN and non-string keys. A tag is an object with one
key that begins with `$`. This file imports the standard library only: the sandboxed child
loads it by path, before any foreign code runs.

====================  =========================================
JSON                  Python
====================  =========================================
``{"$none": true}``   ``None`` (TOML has no null)
``{"$tuple": [...]}``  ``tuple``
``{"$set": [...]}``    ``set``
``{"$frozenset": []}`` ``frozenset``
``{"$dict": [[k, v]]}`` ``dict`` with keys of any type, in order
``{"$float": "nan"}``  ``nan``, ``inf``, ``-inf``, ``-0.0``
``{"$int": "12"}``     an ``int`` of any size, in decimal or, after ``0x``, hexadecimal
``{"$bytes": "6869"}`` ``bytes``, in hexadecimal
``{"$str": "eda080"}``  ``str`` with halves of surrogate pairs, as UTF-8 in hexadecimal
``{"$complex": [r, i]}`` ``complex``
====================  =========================================

Every other type is refused, subclasses too: a foreign class can't pass for a plain value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

MAX_NODES = 50_000
MAX_DEPTH = 50
MAX_BYTES = 64 * 1024
MAX_INT_BITS = 64 * 1024

# Wider integers are written in hexadecimal, which Python converts without a limit on digits.
_JSON_INT_BITS = 53
_NAME_LENGTH = 80
_INTEGER = re.compile(r"-?(0x[0-9a-fA-F]+|[0-9]+)")
_HEXADECIMAL = re.compile(r"([0-9a-fA-F]{2})*")
_SPECIAL_FLOATS = ("nan", "inf", "-inf", "-0.0")
_HALF = re.compile("[\ud800-\udfff]")


class NotPlain(TypeError):
    """A value of a type that has no JSON form; `type_name` says which."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name
        super().__init__(f"{type_name} is not a plain value")


class TooLarge(ValueError):
    """A value with more parts, levels, bytes or bits than the limit."""


class _Meter:
    """Counts what one value takes, and stops it at the limits."""

    def __init__(
        self,
        max_nodes: int = MAX_NODES,
        max_depth: int = MAX_DEPTH,
        max_bytes: int = MAX_BYTES,
        max_int_bits: int = MAX_INT_BITS,
    ) -> None:
        self._nodes = self._nodes_left = max_nodes
        self._size = self._size_left = max_bytes
        self._depth, self.int_bits = max_depth, max_int_bits

    def node(self, depth: int) -> None:
        """Count one value at `depth`."""
        self._nodes_left -= 1
        if self._nodes_left < 0:
            raise TooLarge(f"more than {self._nodes} values")
        if depth > self._depth:
            raise TooLarge(f"nested deeper than {self._depth} levels")

    def text(self, text: str) -> str:
        """Count text, as UTF-8, and return it."""
        self.bytes(len(text.encode("utf-8", "surrogatepass")))
        return text

    def bytes(self, count: int) -> None:
        """Count bytes of text, of data or of an integer."""
        self._size_left -= count
        if self._size_left < 0:
            raise TooLarge(f"more than {self._size} bytes")

    def integer(self, bits: int) -> None:
        """Count an integer of so many bits."""
        if bits > self.int_bits:
            raise TooLarge(f"an integer of more than {self.int_bits} bits")
        self.bytes(bits // 8)


def encode(value: Any, **limits: int) -> Any:
    """Return `value` as JSON data, with tags for what JSON lacks.

    `limits`: max_nodes, max_depth, max_bytes and max_int_bits, the most values, levels of nesting,
    bytes of text and data, and bits of an integer. Raises NotPlain if any part is of another type
    than those of the table above, a subclass included; TooLarge if a limit is passed.

    >>> encode([(1, None), {2: b"hi"}])
    [{'$tuple': [1, None]}, {'$dict': [[2, {'$bytes': '6869'}]]}]
    """
    return _encode(value, _Meter(**limits), 0)


def decode(data: Any, **limits: int) -> Any:
    """Return the value that JSON data with tags stands for, made anew at every call.

    The limits are those of `encode`. Raises ValueError if a tag is unknown or holds the wrong
    thing; as TooLarge, if a limit is passed.
    """
    return _decode(data, _Meter(**limits), 0)


def accept(kinds: Iterable[type], plain: Callable[[Any], Any]) -> None:
    """Have `encode` take values of other classes, too, written as what `plain` makes of them."""
    _WRITERS.extend(
        (kind, lambda v, meter, depth: _encode(plain(v), meter, depth)) for kind in kinds
    )


def show(value: Any, limit: int = 200) -> str:
    """Return a plain value as one line of at most `limit` characters, for people.

    Control characters are escaped, sets are sorted, and what is cut ends in an ellipsis.
    """
    text = ""
    for piece in _pieces(value, limit):
        text += piece
        if len(text) > limit:
            return text[: limit - 1] + "…"
    return text


def _encode(value: Any, meter: _Meter, depth: int) -> Any:
    meter.node(depth)
    kind = type(value)
    # Identity only: a foreign class may lie about its hash and about equality.
    for known, write in _WRITERS:
        if kind is known:
            return write(value, meter, depth)
    raise NotPlain(_type_name(kind))


def _encode_text(value: str, meter: _Meter, depth: int) -> Any:
    if meter.text(value).isascii() or not _HALF.search(value):
        return value
    # Two halves side by side are one character to whoever reads JSON.
    return {"$str": value.encode("utf-8", "surrogatepass").hex()}


def _encode_float(value: float) -> Any:
    plain = math.isfinite(value) and not (value == 0 and math.copysign(1, value) < 0)
    return value if plain else {"$float": repr(value)}


def _encode_dict(value: dict[Any, Any], meter: _Meter, depth: int) -> Any:
    pairs = [
        [_encode(key, meter, depth + 1), _encode(item, meter, depth + 1)]
        for key, item in list(value.items())
    ]
    texts = all(type(key) is str for key, _ in pairs)
    if texts and not (len(pairs) == 1 and pairs[0][0].startswith("$")):
        return dict(pairs)
    return {"$dict": pairs}


def _encode_parts(value: Any, meter: _Meter, depth: int) -> list[Any]:
    return [_encode(part, meter, depth + 1) for part in list(value)]


def _encode_int(value: int, meter: _Meter, depth: int) -> Any:
    bits = value.bit_length()
    meter.integer(bits)
    return value if bits <= _JSON_INT_BITS else {"$int": f"{value:#x}"}


def _encode_bytes(value: bytes, meter: _Meter, depth: int) -> Any:
    meter.bytes(len(value))
    return {"$bytes": value.hex()}


_Handler = Callable[[Any, _Meter, int], Any]
_WRITERS: list[tuple[type, _Handler]] = [
    (int, _encode_int),
    (str, _encode_text),
    (type(None), lambda value, meter, depth: None),
    (bool, lambda value, meter, depth: value),
    (float, lambda value, meter, depth: _encode_float(value)),
    (list, _encode_parts),
    (tuple, lambda value, meter, depth: {"$tuple": _encode_parts(value, meter, depth)}),
    (dict, _encode_dict),
    (set, lambda value, meter, depth: {"$set": _encode_parts(value, meter, depth)}),
    (frozenset, lambda value, meter, depth: {"$frozenset": _encode_parts(value, meter, depth)}),
    (bytes, _encode_bytes),
    (complex, lambda v, meter, depth: {"$complex": [_encode_float(v.real), _encode_float(v.imag)]}),
]


def _type_name(kind: type) -> str:
    # Past any metaclass, whose own attributes would run foreign code.
    name: str = type.__dict__["__name__"].__get__(kind)
    return name[:_NAME_LENGTH]


def _decode(data: Any, meter: _Meter, depth: int) -> Any:
    meter.node(depth)
    kind = type(data)
    if kind is dict:
        return _decode_object(data, meter, depth)
    if kind is list:
        return [_decode(part, meter, depth + 1) for part in data]
    if kind is str:
        return meter.text(data)
    if kind is int:
        meter.integer(data.bit_length())
    elif kind is not float and kind is not bool and data is not None:
        raise ValueError(f"a {_type_name(kind)} is not a JSON value")
    return data


def _decode_object(data: dict[Any, Any], meter: _Meter, depth: int) -> Any:
    for key in data:
        if type(key) is not str:
            raise ValueError("a JSON object has text for keys; $dict takes others")
    tag = next(iter(data), "")
    if len(data) == 1 and tag.startswith("$"):
        if tag not in _TAGS:
            raise ValueError(f"unknown tag {show(tag, 40)}; known: {', '.join(_TAGS)}")
        return _TAGS[tag](data[tag], meter, depth)
    return {meter.text(key): _decode(item, meter, depth + 1) for key, item in data.items()}


def _decode_none(body: Any, meter: _Meter, depth: int) -> None:
    if body is not True:
        raise ValueError("$none holds true and nothing else")


def _decode_parts(body: Any, meter: _Meter, depth: int) -> list[Any]:
    if type(body) is not list:
        raise ValueError("$tuple, $set, $frozenset and $dict hold an array")
    return [_decode(part, meter, depth + 1) for part in body]


def _decode_set(body: Any, meter: _Meter, depth: int) -> set[Any]:
    try:
        return set(_decode_parts(body, meter, depth))
    except TypeError as error:
        raise ValueError(f"$set and $frozenset: {error}") from None


def _decode_dict(body: Any, meter: _Meter, depth: int) -> dict[Any, Any]:
    if type(body) is not list or not all(type(pair) is list and len(pair) == 2 for pair in body):
        raise ValueError("$dict holds an array of [key, value] pairs")
    try:
        return {
            _decode(key, meter, depth + 1): _decode(item, meter, depth + 1) for key, item in body
        }
    except TypeError as error:
        raise ValueError(f"$dict: {error}") from None


def _decode_float(body: Any, meter: _Meter, depth: int) -> float:
    if type(body) is not str or body not in _SPECIAL_FLOATS:
        raise ValueError(f"$float holds one of {', '.join(_SPECIAL_FLOATS)}")
    return float(body)  # a new one each time: a set may hold more than one NaN


def _decode_int(body: Any, meter: _Meter, depth: int) -> int:
    if type(body) is not str:
        raise ValueError("$int holds digits in quotes")
    if len(body) > meter.int_bits // 3 + 4:  # bounds the work before it is done
        raise TooLarge(f"an integer of more than {meter.int_bits} bits")
    if not _INTEGER.fullmatch(body):
        raise ValueError(f"$int: {show(body, 40)} is neither decimal nor 0x and hexadecimal")
    try:
        value = int(body, 16 if "x" in body else 10)
    except ValueError as error:  # longer than Python reads in decimal
        raise ValueError(f"$int: {error}; hexadecimal has no such limit") from None
    meter.integer(value.bit_length())
    return value


def _decode_bytes(body: Any, meter: _Meter, depth: int) -> bytes:
    if type(body) is not str or not _HEXADECIMAL.fullmatch(body):
        raise ValueError("$bytes holds pairs of hexadecimal digits in quotes")
    meter.bytes(len(body) // 2)
    return bytes.fromhex(body)


def _decode_complex(body: Any, meter: _Meter, depth: int) -> complex:
    if type(body) is not list or len(body) != 2:
        raise ValueError("$complex holds [real, imaginary]")
    real, imaginary = (_decode_real(part, meter, depth) for part in body)
    return complex(real, imaginary)


def _decode_real(part: Any, meter: _Meter, depth: int) -> float:
    if type(part) is dict and list(part) == ["$float"]:
        return _decode_float(part["$float"], meter, depth)
    if type(part) is float or (type(part) is int and part.bit_length() <= _JSON_INT_BITS):
        return float(part)
    raise ValueError("$complex holds two numbers")


_TAGS: dict[str, _Handler] = {
    "$none": _decode_none,
    "$tuple": lambda body, meter, depth: tuple(_decode_parts(body, meter, depth)),
    "$set": _decode_set,
    "$frozenset": lambda body, meter, depth: frozenset(_decode_set(body, meter, depth)),
    "$dict": _decode_dict,
    "$float": _decode_float,
    "$int": _decode_int,
    "$bytes": _decode_bytes,
    "$str": lambda body, meter, _: _decode_bytes(body, meter, 0).decode("utf-8", "surrogatepass"),
    "$complex": _decode_complex,
}
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    dict: ("{", "}"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


def _pieces(value: Any, limit: int) -> Iterator[str]:
    kind: type = type(value)
    if kind is int:
        # Python refuses to write long integers in decimal.
        yield repr(value) if value.bit_length() <= 1024 else f"{value:#x}"
    elif kind is str or kind is bytes:
        yield repr(value[: limit + 1])
    elif kind not in _BRACKETS:
        yield repr(value)
    elif not value and kind in (set, frozenset):
        yield f"{kind.__name__}()"
    else:
        start, end = _BRACKETS[kind]
        yield start
        yield from _parts(value, kind, limit)
        yield end


def _parts(value: Any, kind: type, limit: int) -> Iterator[str]:
    parts = value.items() if kind is dict else value
    if kind in (set, frozenset):
        parts = sorted(value, key=lambda part: show(part, limit))
    for position, part in enumerate(parts):
        yield ", " if position else ""
        if kind is dict:
            yield from _pieces(part[0], limit)
            yield ": "
        yield from _pieces(part[1] if kind is dict else part, limit)
    if kind is tuple and len(value) == 1:
        yield ","
