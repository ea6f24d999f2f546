"""Reading a suite's file, in TOML or in JSON Lines, and saying where it goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from liftlab import tomlfile
from liftlab.errors import SuiteInvalid
from liftlab.suite import formats
from liftlab.suite.models import MAX_CASES, CaseModel, SuiteModel

SUFFIXES = (".toml", ".jsonl")


def read(source: bytes, path: Path) -> SuiteModel:
    """Read a suite's bytes by the ending of its path.

    Raises SuiteInvalid if there is a fault: says the line and the field.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SuiteInvalid(path, f"a suite's file ends in {' or '.join(SUFFIXES)}")
    read_form = _read_toml if suffix == ".toml" else _read_jsonl
    model, lines = read_form(source, path)
    if not model.cases:
        raise SuiteInvalid(path, "no cases")
    first: dict[str, int | None] = {}
    for case, line in zip(model.cases, lines, strict=True):
        if case.case_id in first:
            fault = f"case_id: {case.case_id!r} is taken by the case in line {first[case.case_id]}"
            raise SuiteInvalid(path, fault, line)
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
        cases.append(_read_case(line, path, number))
        lines.append(number)
    return SuiteModel(cases=cases), lines


def _read_case(line: str, path: Path, number: int) -> CaseModel:
    try:
        data = json.loads(line, object_pairs_hook=unique_keys)
        if formats.is_foreign(data):
            return formats.read_case(data)
        return CaseModel.model_validate(data)
    except ValidationError as error:
        keys, message = tomlfile.first_fault(error)
        prefix = f"{tomlfile.field_name(keys)}: " if keys else ""
        raise SuiteInvalid(path, prefix + message, number) from None
    except json.JSONDecodeError as error:
        fault = f"not valid JSON: {error.msg} (column {error.colno})"
        raise SuiteInvalid(path, fault, number) from None
    except RecursionError:
        raise SuiteInvalid(path, "nested too deeply", number) from None
    except ValueError as error:  # a key given twice, or a number that Python won't read
        raise SuiteInvalid(path, f"not valid JSON: {error}", number) from None


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
