"""The first benchmark's files, told apart by what is in them, and read into results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import ValidationError

from liftlab import tomlfile
from liftlab.errors import FileInvalid
from liftlab.importers.models import (
    MAX_RESULTS,
    BenchmarkModel,
    MetadataModel,
    NontrivialModel,
    Result,
    StageModel,
    ValidationModel,
)
from liftlab.importers.reading import Document
from liftlab.store import OldResult, OldStage

FamilyName = Literal["benchmark", "parallel", "execution_validation", "nontrivial"]

_MODELS: Mapping[FamilyName, type[Result]] = {
    "benchmark": BenchmarkModel,
    "parallel": BenchmarkModel,
    "execution_validation": ValidationModel,
    "nontrivial": NontrivialModel,
}
_UNKNOWN = (
    "no result file of a known kind: give a benchmark's results (with `results` and `summary`) "
    "or what `liftlab export --format jsonl` wrote"
)
_MOST_NOTES = 5
_PLACEHOLDER = re.compile(r"<\d+ chars>")
_DEFINED = re.compile(r"^(?:async +)?def +([A-Za-z_]\w*)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFile:
    """A file of the first benchmark.

    Parameters
    ----------
    family
        Which of the four it is.
    rows
        The file's own results, each beside `results`.
    results
        What tables can hold of them; a name asked again with the same prompt is a repeat.
    functions
        By position: the function that the code is meant to define, where that can be told.
    top
        The file's other keys: `summary`, `timestamp`, `suite_name`, …
    notes
        What was done to the file's content, in sentences.
    """

    family: FamilyName
    rows: list[dict[str, Any]] = field(repr=False)
    results: list[OldResult] = field(repr=False)
    functions: list[str | None] = field(repr=False)
    top: Mapping[str, Any] = field(repr=False)
    notes: list[str]


def read(document: Document) -> OldFile:
    """Read a document of one of the four families.

    Raises
    ------
    FileInvalid
        If it is none of them, holds no results, or a field is not what it should be: says which.
    """
    path, data = document.path, document.data
    family = _family(document)
    rows, repeated = _distinct(data["results"])
    notes: list[str] = []
    models = [_checked(document, family, index, row, notes) for index, row in rows]
    results = list(_numbered(map(_result, models)))
    notes = _shortened(notes)
    if document.unknown:
        notes.append(f"{_count(document.unknown, 'value')} no number (NaN or Infinity): unknown")
    if repeated:
        notes.append(f"{_count(repeated, 'result')} an exact copy of an earlier one: left out")
    if family == "parallel":
        notes.append("asked all at once: latencies include waiting behind the other requests")
    if not isinstance(data.get("summary"), dict | None):
        raise FileInvalid(path, "summary: must be an object")
    return OldFile(
        family=family,
        rows=[row for _, row in rows],
        results=results,
        functions=[_function(model) for model in models],
        top={key: value for key, value in data.items() if key != "results"},
        notes=notes,
    )


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
        if isinstance(row, dict) and _is_stamped(row):
            told = repr(sorted(row.items(), key=lambda item: item[0]))
            if told in seen:
                continue
            seen.add(told)
        kept.append((index, row))
    return kept, len(rows) - len(kept)


def _is_stamped(row: Mapping[str, Any]) -> bool:
    return any(row.get(key) is not None for key in ("timestamp", "total_latency_ms", "latency_ms"))


def _checked(
    document: Document, family: FamilyName, index: int, row: Any, notes: list[str]
) -> Result:
    """Return a result; a value that cannot be is unknown, and `notes` say so.

    The first benchmark wrote, for instance, a memory below 0 where it had measured a difference.

    Raises
    ------
    FileInvalid
        If something is wrong with what a result cannot do without.
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


def _shortened(notes: list[str]) -> list[str]:
    """Return the first of many notes, and how many more there are."""
    more = len(notes) - _MOST_NOTES
    told = notes[:_MOST_NOTES]
    return [*told, f"{_count(more, 'further value')} odd, and unknown"] if more > 0 else told


def _result(model: Result) -> OldResult:
    if isinstance(model, BenchmarkModel):
        return _of_benchmark(model)
    if isinstance(model, ValidationModel):
        return OldResult(
            case_id=model.test_name,
            prompt=model.prompt,
            e2e_s=_seconds(model.total_latency_ms),
            cost_usd=model.estimated_cost_usd,
            completed=model.compilation_success,
        )
    return OldResult(
        case_id=model.test_name,
        prompt=model.prompt,
        e2e_s=_seconds(model.latency_ms),
        cost_usd=model.cost_usd,
        completed=model.compiled,
        category=model.category,
        difficulty=model.complexity,
    )


def _of_benchmark(model: BenchmarkModel) -> OldResult:
    stages = {"nlp_to_ir": model.nlp_to_ir, "ir_to_code": model.ir_to_code}
    first, last = stages.values()
    return OldResult(
        case_id=model.test_name,
        prompt=model.prompt,
        timestamp=model.timestamp,
        provider=model.provider_type,
        stages={name: _stage(name, stage) for name, stage in stages.items() if stage},
        e2e_s=_seconds(model.total_latency_ms),
        cost_usd=model.estimated_cost_usd,
        completed=model.end_to_end_success,
        ir=model.ir_output if first and first.success else None,
        code=_code(model) if last and last.success else None,
    )


def _stage(name: str, stage: StageModel) -> OldStage:
    return OldStage(
        name=name,
        ok=stage.success,
        latency_s=_seconds(stage.latency_ms),
        memory_mb=stage.memory_mb,
        error=stage.error,
        attempts=_attempts(stage.metadata),
    )


def _attempts(metadata: MetadataModel | None) -> int | None:
    if metadata is None:
        return None
    made = metadata.result.metadata if metadata.result else None
    return made.attempts if made and made.attempts is not None else metadata.attempts


def _code(model: BenchmarkModel) -> str | None:
    metadata = model.ir_to_code.metadata if model.ir_to_code else None
    if metadata and metadata.result and metadata.result.source_code:
        return metadata.result.source_code
    told = model.code_output
    return told if told and not _PLACEHOLDER.fullmatch(told) else None


def _function(model: Result) -> str | None:
    """Return the name of the wanted function: by the IR's signature, else the only one there is."""
    if not isinstance(model, BenchmarkModel):
        return None
    signature = model.ir_output.get("signature") if isinstance(model.ir_output, dict) else None
    name = signature.get("name") if isinstance(signature, dict) else None
    if isinstance(name, str) and name.isidentifier():
        return name
    defined = set(_DEFINED.findall(_code(model) or ""))
    return defined.pop() if len(defined) == 1 else None


def _numbered(results: Iterable[OldResult]) -> Iterator[OldResult]:
    """Give each result of a case its repeat; one name with another prompt is another case."""
    prompts: dict[str, list[str | None]] = {}
    counts: Counter[str] = Counter()
    for result in results:
        asked = prompts.setdefault(result.case_id, [])
        if result.prompt not in asked:
            asked.append(result.prompt)
        place = asked.index(result.prompt)
        case_id = result.case_id if place == 0 else f"{result.case_id}:{place + 1}"
        counts[case_id] += 1
        yield replace(result, case_id=case_id, repeat=counts[case_id])


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun} is" if number == 1 else f"{number:,} {noun}s are"
