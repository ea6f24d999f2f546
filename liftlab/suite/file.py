"""Reading a suite's file, in TOML, JSON Lines or a JSON array, and saying where it goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from liftlab import tomlfile
from liftlab.errors import SuiteInvalid
from liftlab.suite import formats
from liftlab.suite.models import MAX_CASES, CaseModel, SuiteModel

Read = TypeVar("Read")
SUFFIXES = (".toml", ".jsonl", ".json")
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a mark of UTF-8, too


def read(source: bytes, path: Path) -> SuiteModel:
    """Read a suite's bytes by the ending of its path.

    Raises SuiteInvalid if there is a fault: says the line and the field.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SuiteInvalid(path, f"a suite's file ends in {' or '.join(SUFFIXES)}")
    is_array = suffix == ".json" or (suffix == ".jsonl" and source[:99].strip(_BLANK)[:1] == b"[")
    read_form = _read_toml if suffix == ".toml" else _read_array if is_array else _read_jsonl
    model, lines = read_form(source, path)
    if not model.cases:
        raise SuiteInvalid(path, "no cases")
    first: dict[str, int | None] = {}
    for case, line in zip(model.cases, lines, strict=True):
        if case.case_id in first:
            at = first[case.case_id]
            other = f"the case in line {at}" if at else "another case"
            raise SuiteInvalid(path, f"case_id: {case.case_id!r} is taken by {other}", line)
        first[case.case_id] = line
    return model


def _read_toml(source: bytes, path: Path) -> tuple[SuiteModel, list[int | None]]:
    file = tomlfile.parse(source, path, SuiteInvalid)
    try:
        model = SuiteModel.model_validate(file.data)
    except ValidationError as error:
        raise tomlfile.invalid(file, error, SuiteInvalid) from None
    return model, file.lines(("cases", index, "case_id") for index in range(len(model.cases)))


def _read_jsonl(source: bytes, path: Path) -> tuple[SuiteModel, list[int | None]]:
    cases: list[CaseModel] = []
    lines: list[int | None] = []
    text = tomlfile.decode_text(source, path, SuiteInvalid)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(cases) == MAX_CASES:
            raise SuiteInvalid(path, f"more than {MAX_CASES} cases", number)
        data = _from_json(line, path, number)
        cases.append(_validated(formats.read_case, data, path, number))
        lines.append(number)
    return SuiteModel(cases=cases), lines


def _read_array(source: bytes, path: Path) -> tuple[SuiteModel, list[int | None]]:
    data = _from_json(tomlfile.decode_text(source, path, SuiteInvalid), path)
    whole = data if isinstance(data, dict) and "cases" in data else {"cases": data}
    rows = whole["cases"]
    if not isinstance(rows, list) or len(rows) > MAX_CASES:
        raise SuiteInvalid(path, f"must be a list of at most {MAX_CASES} cases: [{{…}}, …]")
    head = _validated(SuiteModel.model_validate, whole | {"cases": []}, path)
    cases = [
        _validated(formats.read_case, row, path, place=f"row {number}: ")
        for number, row in enumerate(rows, 1)
    ]
    return head.model_copy(update={"cases": cases}), [None] * len(cases)


def _validated(
    read_data: Callable[[Any], Read],
    data: Any,
    path: Path,
    line: int | None = None,
    place: str = "",
) -> Read:
    try:
        return read_data(data)
    except ValidationError as error:
        keys, message = tomlfile.first_fault(error)
        prefix = f"{tomlfile.field_name(keys)}: " if keys else ""
        raise SuiteInvalid(path, place + prefix + message, line) from None


def _from_json(text: str, path: Path, line: int | None = None) -> Any:
    """Read JSON; `line` is where it stands, None for text of more than one line."""
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except json.JSONDecodeError as error:
        fault = f"not valid JSON: {error.msg} (column {error.colno})"
        raise SuiteInvalid(path, fault, line or error.lineno) from None
    except RecursionError:
        raise SuiteInvalid(path, "nested too deeply", line) from None
    except ValueError as error:  # a key given twice, or a number that Python won't read
        raise SuiteInvalid(path, f"not valid JSON: {error}", line) from None


class KeyTwice(ValueError):
    """A key stands twice in one object: readers differ in which of the two counts."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs, or raise KeyTwice."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in table if names.count(name) > 1)
        raise KeyTwice(f"the key {twice[:60]!r} stands twice in one object; remove one of them")
    return table
