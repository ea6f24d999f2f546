"""TOML files whose faults are told with the line they stand on."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import FileInvalid
from liftlab.values import show

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_BYTES = 4 * 1024 * 1024

Key = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlFile:
    """A parsed file. `source` is what was read, byte by byte."""

    path: Path
    data: dict[str, Any]
    source: bytes = field(repr=False)

    def line(self, *keys: Key) -> int | None:
        """Return the line where a value begins, or that of the nearest table around it.

        Keys are names of tables and keys, and indices of arrays: `line("cases", 2, "prompt")`.
        None if not even the first is in the file.
        """
        return self.lines([keys])[0]

    def lines(self, places: Iterable[tuple[Key, ...]]) -> list[int | None]:
        """Return the lines of many values; the file is searched once."""
        text = _text(self.source)
        found = _Places(text).found
        ends = [match.end() for match in re.finditer("\n", text)]

        def line(keys: tuple[Key, ...]) -> int | None:
            nearest = next((keys[:n] for n in range(len(keys), 0, -1) if keys[:n] in found), None)
            return None if nearest is None else bisect_right(ends, found[nearest]) + 1

        return [line(keys) for keys in places]


def read(path: Path, error: type[FileInvalid]) -> TomlFile:
    """Read a TOML file; raise `error` if it is missing, can't be read, or is not TOML."""
    return parse(read_bytes(path, error, limit=MAX_BYTES), path, error)


def parse(source: bytes, path: Path, error: type[FileInvalid]) -> TomlFile:
    """Parse a file's bytes; as `read`, for what was read already."""
    text = decode_text(source, path, error)
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise error(path, "nested too deeply") from None
    except ValueError as fault:  # TOMLDecodeError, or a number that Python won't read
        message, line = _place(str(fault), text)
        raise error(path, message, line) from None
    return TomlFile(path=path, data=data, source=source)


def read_bytes(path: Path, error: type[FileInvalid], *, limit: int) -> bytes:
    """Return a file's bytes, at most `limit` of them, or raise `error` with the reason."""
    try:
        with path.open("rb") as file:
            source = file.read(limit + 1)
    except FileNotFoundError:
        raise error(path, "no such file") from None
    except IsADirectoryError:
        raise error(path, "is a directory, not a file") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the name
        reason = getattr(fault, "strerror", None) or str(fault)
        raise error(path, f"can't be read: {reason}") from None
    if len(source) > limit:
        raise error(path, f"larger than {limit / 2**20:.0f} MiB")
    return source


def decode_text(source: bytes, path: Path, error: type[FileInvalid]) -> str:
    """Return bytes as text, or raise `error` with the line that is not UTF-8."""
    try:
        if b"\0" in source[:4]:  # as in UTF-16 without a mark, which can pass for UTF-8
            raise error(path, "not UTF-8: save the file as UTF-8", 1)
        return _text(source)
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise error(path, "not UTF-8: save the file as UTF-8", line) from None


def invalid(file: TomlFile, fault: ValidationError, error: type[FileInvalid]) -> FileInvalid:
    """Return `error` for the first thing that a pydantic model found wrong with a file."""
    keys, message = first_fault(fault)
    prefix = f"{field_name(keys)}: " if keys else ""
    return error(file.path, prefix + message, file.line(*keys))


def first_fault(fault: ValidationError) -> tuple[tuple[Key, ...], str]:
    """Return where the first fault is, and what it is in a few words, never with the value."""
    errors = fault.errors(include_input=False, include_url=False)
    first = errors[0]
    message = _MESSAGES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    if len(errors) > 1:
        message += f" (and {len(errors) - 1} more)"
    return first["loc"], message


def field_name(keys: tuple[Key, ...]) -> str:
    """Write keys the way people do: `cases[3].checks[0]`."""
    name = ""
    for key in keys:
        if isinstance(key, int):
            name += f"[{key}]"
        else:
            text = key if key.isidentifier() else show(key, 60)
            name += f".{text}" if name else text
    return name


_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "model_type": "Input should hold keys and values",
    "dict_type": "Input should hold keys and values",
}
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def _text(source: bytes) -> str:
    return source.decode("utf-8-sig")


def _place(message: str, text: str) -> tuple[str, int | None]:
    position = _POSITION.search(message)
    if position is None:
        return f"not valid TOML: {message}", None
    line = int(position[1]) if position[1] else text.rstrip().count("\n") + 1
    return f"not valid TOML: {message[: position.start()]}", line


# What follows finds the places of keys in text that tomllib has found valid, so it has
# to tell the parts of TOML from each other, and not to judge them.
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")


class _Places:
    """Where each key and each element of an array begins, as offsets into the text."""

    def __init__(self, text: str) -> None:
        self.found: dict[tuple[Key, ...], int] = {}
        self._text = text
        self._at = 0
        self._last: dict[tuple[Key, ...], int] = {}  # the newest table of each array of tables
        try:
            self._document()
        except RecursionError:  # the places found so far still serve
            return

    def _document(self) -> None:
        table: tuple[Key, ...] = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> tuple[Key, ...]:
        start = self._at
        array = self._text.startswith("[[", start)
        self._at += 2 if array else 1
        names = self._dotted()
        self._at += 2 if array else 1
        table: tuple[Key, ...] = ()
        for position, name in enumerate(names, 1):
            table = (*table, name)
            self.found.setdefault(table, start)
            if array and position == len(names):
                self._last[table] = self._last.get(table, -1) + 1
            if table in self._last:
                table = (*table, self._last[table])
                self.found.setdefault(table, start)
        return table

    def _pair(self, table: tuple[Key, ...]) -> None:
        start = self._at
        for name in self._dotted():
            table = (*table, name)
            self.found.setdefault(table, start)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(table)

    def _dotted(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip(_BLANK)
            bare = self._skip(_BARE_KEY)
            names.append(bare or _unquoted(self._skip(_STRING)))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _value(self, place: tuple[Key, ...]) -> None:
        opening = self._text[self._at]
        if opening == "[":
            self._elements(place)
        elif opening == "{":
            self._inline_table(place)
        elif not self._skip(_STRING):
            self._skip(_SCALAR)

    def _elements(self, place: tuple[Key, ...]) -> None:
        self._at += 1
        index = 0
        while not self._closed("]"):
            self.found[(*place, index)] = self._at
            self._value((*place, index))
            index += 1

    def _inline_table(self, place: tuple[Key, ...]) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(place)

    def _closed(self, bracket: str) -> bool:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]


def _unquoted(quoted: str) -> str:
    name: str = tomllib.loads(f"name = {quoted}")["name"]
    return name
