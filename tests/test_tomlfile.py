from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from liftlab import tomlfile
from liftlab.errors import FileInvalid, SettingsInvalid, SuiteInvalid

TANGLED = '''\
# [not.a.table]
title = "a # is no comment, nor [is] a table"

[run]  # a comment
suite = 'C:\\path'
text = """
[fake]
fake = 1
a quote: \\""" and two at the end"""""
literal = \'\'\'
key = "x"\'\'\'\'
when = 1979-05-27 07:32:00
"quoted \\u00e9.key" = { a = 1, "b.c" = [1, { d = 2 }] }
dotted.deep . key = true

[[cases]]
id = 1
checks = [
  # a comment with ] and "
  [[1, 2], 3],
  { args = [
      "]", ] , expected = 1 },

]

[cases.limits]
cpu = 1

[[cases]]
id = 2

[[cases.parts]]
n = 1
[[cases.parts]]
n = 2
'''


def file_of(text: str) -> tomlfile.TomlFile:
    return tomlfile.parse(text.encode(), Path("x.toml"), FileInvalid)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("title",), 2),
        (("run",), 4),
        (("run", "suite"), 5),
        (("run", "text"), 6),
        (("run", "literal"), 10),
        (("run", "when"), 12),
        (("run", "quoted é.key", "b.c", 1, "d"), 13),
        (("run", "dotted", "deep", "key"), 14),
        (("cases", 0), 16),
        (("cases", 0, "checks"), 18),
        (("cases", 0, "checks", 0), 20),
        (("cases", 0, "checks", 0, 1), 20),
        (("cases", 0, "checks", 1), 21),
        (("cases", 0, "checks", 1, "args", 0), 22),
        (("cases", 0, "checks", 1, "expected"), 22),
        (("cases", 0, "limits", "cpu"), 27),
        (("cases", 1), 29),
        (("cases", 1, "parts", 0, "n"), 33),
        (("cases", 1, "parts", 1, "n"), 35),
        (("cases", 1, "missing"), 29),
        (("cases", 7, "id"), 16),
        (("run", "missing", "deep"), 4),
        (("fake",), None),
        (("not",), None),
        ((), None),
    ],
)
def test_a_line_is_that_of_the_value_or_of_what_is_around_it(
    keys: tuple[str | int, ...], line: int | None
) -> None:
    assert file_of(TANGLED).line(*keys) == line
    assert file_of(TANGLED.replace("\n", "\r\n")).line(*keys) == line
    assert file_of("\ufeff" + TANGLED).line(*keys) == line


def paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in inside:
        found.append((*at, key))
        if isinstance(item, dict | list):
            found += paths(item, (*at, key))
    return found


def test_every_value_of_the_tangled_file_is_found_and_nothing_else() -> None:
    data = tomllib.loads(TANGLED)
    assert sorted(map(repr, tomlfile._Places(TANGLED).found)) == sorted(map(repr, paths(data)))


KEY = st.sampled_from(["a", "b-c", '"d.e"', "'[f]'", '"\\"g"'])
STRINGS = st.sampled_from(
    ['"x"', '"]"', "'#'", '"\\\\"', '""', "''", '"""\n"\\""""', "'''\n[x]'''", '"""}"""']
)
SCALAR = STRINGS | st.sampled_from(["1", "true", "-inf", "1979-05-27 07:32:00Z", "0x1f", "1e5"])
NEWLINES = st.sampled_from(["", " ", "\n", " # ]\n", "\n\n"])
VALUE = st.recursive(
    SCALAR,
    lambda part: (
        st.builds(
            lambda parts, gap, tail: (
                "[" + gap + ("," + gap).join(parts) + ("," if tail and parts else "") + gap + "]"
            ),
            st.lists(part, max_size=3),
            NEWLINES,
            st.booleans(),
        )
        | st.lists(st.tuples(KEY, part), max_size=3, unique_by=lambda pair: pair[0]).map(
            lambda pairs: "{ " + ", ".join(f"{key} = {value}" for key, value in pairs) + " }"
        )
    ),
    max_leaves=6,
)
STATEMENT = (
    st.builds("{} = {}\n".format, KEY, VALUE)
    | st.builds("{}.{} = {} # =\n".format, KEY, KEY, VALUE)
    | st.builds("[{}]\n".format, KEY)
    | st.builds("[{}.{}]\n".format, KEY, KEY)
    | st.builds("[[{}]]\n".format, KEY)
    | st.builds("[[{} . {}]] # x\n".format, KEY, KEY)
    | NEWLINES.map("{}\n".format)
)


@given(st.lists(STATEMENT, max_size=8).map("".join))
def test_places_are_those_of_the_data_in_any_valid_text(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert sorted(map(repr, tomlfile._Places(text).found)) == sorted(map(repr, paths(data)))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_file_or_its_fault(source: bytes) -> None:
    try:
        file = tomlfile.parse(source, Path("x.toml"), SettingsInvalid)
    except SettingsInvalid:
        return
    assert all(file.line(*keys) for keys in paths(file.data))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"a = 1\nb = \n", "x.toml:2: not valid TOML: Invalid value"),
        (b"a = 1\na = 2\n", "x.toml:2: not valid TOML: Cannot overwrite a value"),
        (b'a = 1\nb = """\n\n', "x.toml:2: not valid TOML: Unterminated string"),
        (b"a = 1\n\xff = 2\n", "x.toml:2: not UTF-8: save the file as UTF-8"),
        (b"a = " + b"1" * 5000, "x.toml: not valid TOML: Exceeds the limit (4300 digits)"),
        (b"a = " + b"[" * 5000, "x.toml: nested too deeply"),
    ],
    ids=["value", "twice", "end", "utf-8", "digits", "deep"],
)
def test_a_broken_file_is_told_with_its_line(source: bytes, message: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        tomlfile.parse(source, Path("x.toml"), SettingsInvalid)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_read_keeps_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"a = 1\r\n")
    file = tomlfile.read(path, FileInvalid)
    assert (file.path, file.data, file.source) == (path, {"a": 1}, b"a = 1\r\n")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (tomlfile.MAX_BYTES + 1))
    closed = tmp_path / "closed.toml"
    closed.touch(mode=0)
    cases = [
        (tmp_path / "none.toml", "no such file"),
        (tmp_path, "is a directory, not a file"),
        (large, "larger than 4 MiB"),
        (tmp_path / "nul\0", "can't be read: "),
        (large / "below.toml", "can't be read: Not a directory"),
    ]
    if os.geteuid() != 0:
        cases.append((closed, "can't be read: Permission denied"))
    for path, message in cases:
        with pytest.raises(SuiteInvalid) as caught:
            tomlfile.read(path, SuiteInvalid)
        assert str(caught.value).startswith(f"{path}: {message}")


class Point(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: int
    y: int = 0

    @field_validator("y")
    @classmethod
    def _positive(cls, y: int) -> int:
        if y < 0:
            raise ValueError("must not be negative")
        return y


class Drawing(BaseModel):
    points: list[Point]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[points]]\nx=1\n\n[[points]]\ny=2\n", "x.toml:4: points[1].x: is missing"),
        ("[[points]]\nx=1\nz=2\n", "x.toml:3: points[0].z: unknown key"),
        ("[[points]]\nx=1\n'a b'=2\n", "x.toml:3: points[0].'a b': unknown key"),
        ("points = [\n {x=1},\n {x=1, y=-1}]\n", "x.toml:3: points[1].y: must not be negative"),
        ("[[points]]\nx='secret'\nz=1\n", "x.toml:2: points[0].x: Input should be a valid integer"),
        ("# empty", "x.toml: points: is missing"),
    ],
)
def test_what_pydantic_finds_is_told_with_field_and_line(text: str, message: str) -> None:
    file = file_of(text)
    with pytest.raises(ValidationError) as caught:
        Drawing.model_validate(file.data)
    fault = tomlfile.invalid(file, caught.value, SettingsInvalid)
    assert isinstance(fault, SettingsInvalid)
    assert str(fault).startswith(message)
    assert "secret" not in str(fault)
    assert str(fault).endswith("(and 1 more)") == ("secret" in text)
