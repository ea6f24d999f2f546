"""The first benchmark's files, told apart by what is in them, and read into results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import ValidationError

from liftlab import tomlfile
from liftlab.errors import FileInvalid
from liftlab.importers.reading import Document
from liftlab.importers.week2.models import (
    MAX_RESULTS,
    BenchmarkModel,
    NontrivialModel,
    ResultModel,
    ValidationModel,
)
from liftlab.words import be, counted

FamilyName = Literal["benchmark", "parallel", "execution_validation", "nontrivial"]

FAMILIES = get_args(FamilyName)
_MODELS: Mapping[FamilyName, type[ResultModel]] = {
    "benchmark": BenchmarkModel,
    "parallel": BenchmarkModel,
    "execution_validation": ValidationModel,
    "nontrivial": NontrivialModel,
}
_UNKNOWN = (
    "no result file of a known kind: give a benchmark's results (with `results` and `summary`) "
    "or what `liftlab export --format jsonl` wrote; answers that are only to be graded go to "
    "`liftlab grade`"
)
_MOST_NOTES = 5
_STAMPS = ("timestamp", "total_latency_ms", "latency_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class OldResult:
    """A result, and the trial that it becomes: a name asked again with its prompt is a repeat."""

    case_id: str
    repeat: int
    told: ResultModel


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFile:
    """A file of the first benchmark; `top` has its keys beside `results`."""

    family: FamilyName
    results: list[OldResult] = field(repr=False)
    top: Mapping[str, Any] = field(repr=False)
    notes: list[str]


def read(document: Document) -> OldFile:
    """Read a document of one of the four families.

    Raises FileInvalid if it is none of them, holds no results, or a field is not what it should be.
    """
    path, data = document.path, document.data
    family = _family(document)
    rows, repeated = _distinct(data["results"])
    notes: list[str] = []
    results = list(_numbered(_checked(document, family, index, row, notes) for index, row in rows))
    if more := len(notes[_MOST_NOTES:]):
        notes[_MOST_NOTES:] = [f"{_count(more, 'further value')} odd, and unknown"]
    if document.unknown:
        notes.append(f"{_count(document.unknown, 'value')} no number (NaN or Infinity): unknown")
    if repeated:
        notes.append(f"{_count(repeated, 'result')} an exact copy of an earlier one: left out")
    if family == "parallel":
        notes.append("asked all at once: latencies include waiting behind the other requests")
    if not isinstance(data.get("summary"), dict | None):
        raise FileInvalid(path, "summary: must be an object")
    top = {key: value for key, value in data.items() if key != "results"}
    return OldFile(family=family, results=results, top=top, notes=notes)


def _family(document: Document) -> FamilyName:
    path, data = document.path, document.data
    results = data.get("results") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(results, list):
        raise FileInvalid(path, _UNKNOWN)
    if not results:
        raise FileInvalid(path, "holds no results: nothing to import")
    if len(results) > MAX_RESULTS:
        raise FileInvalid(path, f"more than {MAX_RESULTS:,} results: split it")
    keys: set[str] = set().union(*(row for row in results[:100] if isinstance(row, dict)))
    if "compilation_success" in keys:
        return "execution_validation"
    if "suite_name" in data or {"compiled", "executed"} & keys:
        return "nontrivial"
    if not {"end_to_end_success", "nlp_to_ir", "ir_to_code"} & keys:
        raise FileInvalid(path, _UNKNOWN)
    mode = data.get("mode")
    if mode not in (None, "parallel", "sequential"):
        raise FileInvalid(path, "mode: must be parallel or sequential, or be left out")
    return "parallel" if mode == "parallel" else "benchmark"


def _distinct(rows: list[Any]) -> tuple[list[tuple[int, Any]], int]:
    """Leave out exact copies: two measurements never agree in every digit."""
    seen: set[str] = set()
    kept = []
    for index, row in enumerate(rows):
        if isinstance(row, dict) and any(row.get(key) is not None for key in _STAMPS):
            told = repr(sorted(row.items(), key=lambda item: item[0]))
            if told in seen:
                continue
            seen.add(told)
        kept.append((index, row))
    return kept, len(rows) - len(kept)


def _checked(
    document: Document, family: FamilyName, index: int, row: Any, notes: list[str]
) -> ResultModel:
    """Return a result; a value that cannot be is unknown, and `notes` say so.

    The first benchmark wrote, for instance, a memory below 0 where it had measured a difference.
    Raises FileInvalid if something is wrong with what a result cannot do without.
    """
    faults: dict[tuple[Any, ...], str] = {}
    while True:
        try:
            return _MODELS[family].model_validate(row)
        except ValidationError as error:
            keys, message = tomlfile.first_fault(error)
            place = tomlfile.field_name(("results", index, *keys))
            fault = message.replace("Input should", "should")
            if keys in faults or not _has(row, keys):
                raise FileInvalid(document.path, f"{place}: {faults.get(keys, fault)}") from None
            faults[keys] = fault
            row = _without(row, keys)
            notes.append(f"{place} {fault}: unknown")


def _has(row: Any, keys: tuple[Any, ...]) -> bool:
    """Whether there is a value at a place, for keys that a model has."""
    for key in keys:
        if not isinstance(row, dict) or key not in row:
            return False
        row = row[key]
    return bool(keys)


def _without(row: Any, keys: tuple[Any, ...]) -> Any:
    """Return a copy of a row with null at a place."""
    key, *rest = keys
    return {**row, key: _without(row[key], tuple(rest)) if rest else None}


def _numbered(results: Iterable[ResultModel]) -> Iterator[OldResult]:
    """Give each result of a case its repeat; one name with another prompt is another case."""
    prompts: dict[str, list[str | None]] = {}
    counts: Counter[str] = Counter()
    for result in results:
        asked = prompts.setdefault(result.test_name, [])
        if result.prompt not in asked:
            asked.append(result.prompt)
        place = asked.index(result.prompt)
        case_id = result.test_name if place == 0 else f"{result.test_name}:{place + 1}"
        counts[case_id] += 1
        yield OldResult(case_id=case_id, repeat=counts[case_id], told=result)


def _count(number: int, noun: str) -> str:
    return f"{counted(number, noun)} {be(number)}"
