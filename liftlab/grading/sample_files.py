"""What a file of answers says: JSON Lines, EvalPlus's results, bigcode's lists of generations.

Every fault is told with the line or the place where it stands.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liftlab.errors import FileInvalid, unknown
from liftlab.suite import Case
from liftlab.suite.file import unique_keys

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_JSON_BYTES = 1024 * 1024 * 1024
_ANSWERS = ("code", "code_b64", "completion", "solution")
_TOLD = ("latency_s", "tokens", "prompt_tokens")
_MOST_STAGES, _MOST = 50, 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One answer: `code` is all of it, with what a completion is appended to.

    `told` are times and tokens that its line gives; they go into its verdict as they are.
    """

    case_id: str
    code: bytes = field(repr=False)
    told: Mapping[str, Any] = field(default_factory=dict)


class _Fault(Exception):
    """What is wrong with a line or a file, and the line where it stands if that is known."""

    line: int | None = None


def read_samples(
    path: Path, cases: Mapping[str, Case], seen: Callable[[bytes], object] = len
) -> Iterator[Sample]:
    """Yield the answers of a file, in its order; raises FileInvalid at the first fault.

    `cases`: those of the suite, by id and in its order. `seen`: takes every byte that is read.
    """
    number, place = 0, ""
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".json":
                source = file.read(MAX_JSON_BYTES + 1)
                seen(source)
                for where, row in _of_document(source, cases):
                    place = f"{where}: "
                    yield _sample(row, cases)
                    place = ""
                return
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                seen(line)
                if len(line) > MAX_LINE_BYTES:
                    raise _Fault(f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB")
                if line.strip():
                    yield _sample(_parsed(line), cases)
    except OSError as fault:
        raise FileInvalid(path, f"can't be read: {fault.strerror or fault}") from None
    except _Fault as fault:
        raise FileInvalid(path, f"{place}{fault}", number or fault.line) from None


def _of_document(source: bytes, cases: Mapping[str, Case]) -> Iterator[tuple[str, Any]]:
    """Yield the answers of a file that is one JSON value, each with the place where it stands."""
    if len(source) > MAX_JSON_BYTES:
        raise _Fault(f"larger than {MAX_JSON_BYTES // 2**20} MiB")
    data = _parsed(source, "; JSON Lines is named .jsonl")
    if isinstance(data, dict) and isinstance(data.get("eval"), dict):
        yield from _of_evalplus(data["eval"])
    elif isinstance(data, list) and all(isinstance(row, list | None) for row in data):
        yield from _of_bigcode(data, cases)
    elif isinstance(data, list):
        yield from ((f"row {n}", row) for n, row in enumerate(data, 1))
    else:
        raise _Fault(
            'holds no answers: {"eval": {…}} of EvalPlus, [["…"], …] of '
            "bigcode-evaluation-harness, or [{…}, …] is read; JSON Lines is named .jsonl"
        )


def _of_evalplus(tasks: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for task_id, results in tasks.items():
        place = f"eval[{task_id[:60]!r}]"
        if not isinstance(results, list):
            raise _Fault(
                f"{place} holds no solutions, as results of EvalPlus before 0.3 do "
                "not: grade the samples that they were made from"
            )
        for number, result in enumerate(results):
            given = result.get("solution") if isinstance(result, dict) else None
            yield f"{place}[{number}]", {"task_id": task_id, "solution": given}


def _of_bigcode(
    lists: list[list[Any] | None], cases: Mapping[str, Case]
) -> Iterator[tuple[str, Any]]:
    if len(lists) > len(cases):
        raise _Fault(
            f"{len(lists)} lists of generations for {len(cases)} cases: they name no case, and are "
            "taken in the suite's order"
        )
    for number, (case_id, generations) in enumerate(zip(cases, lists, strict=False)):
        for which, code in enumerate(generations or ()):
            if code is not None:
                yield f"[{number}][{which}]", {"case_id": case_id, "code": code}


def _parsed(text: bytes, hint: str = "") -> Any:
    """Read JSON; `hint` is for text that goes on behind a value."""
    try:
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=unique_keys)
    except json.JSONDecodeError as error:
        extra = hint if error.msg == "Extra data" else ""
        fault = _Fault(f"not valid JSON: {error.msg}{extra}")
        fault.line = error.lineno
        raise fault from None
    except UnicodeDecodeError:
        raise _Fault("not UTF-8: save the file as UTF-8") from None
    except RecursionError:
        raise _Fault("not valid JSON: nested too deeply") from None
    except ValueError as error:  # a key given twice, or a number that Python won't read
        raise _Fault(f"not valid JSON: {error}") from None


def _sample(data: Any, cases: Mapping[str, Case]) -> Sample:
    if not isinstance(data, dict):
        raise _Fault("a sample is an object: {…}")
    case_id = data.get("case_id", data.get("task_id"))
    if data.get("task_id", case_id) != case_id:
        raise _Fault("case_id and task_id differ: give one of them")
    if type(case_id) is int:
        case_id = str(case_id)
    if not isinstance(case_id, str):
        raise _Fault("case_id (or task_id) is missing or is no text")
    if case_id not in cases:
        raise _Fault(f"case_id: {unknown('case', case_id[:100], cases)}")
    given = [name for name in _ANSWERS if data.get(name) is not None]
    if len(given) != 1 or not isinstance(data[given[0]], str):
        wanted = f"an answer is text in one of {', '.join(_ANSWERS)}"
        raise _Fault(f"{wanted}; given: {', '.join(given) or 'none'}")
    code = _code(given[0], data[given[0]], cases[case_id])
    return Sample(case_id=case_id, code=code, told=_told(data))


def _told(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the times and tokens of an answer: `latency_s`, `tokens`, and those of `stages`."""
    told = {name: data[name] for name in _TOLD if data.get(name) is not None}
    stages = data.get("stages") or {}
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise _Fault("stages: must be an object with an object a stage")
    if stages:
        told["stages"] = {
            name[:100]: {key: stage[key] for key in _TOLD if stage.get(key) is not None}
            for name, stage in list(stages.items())[:_MOST_STAGES]
        }
    for place in (told, *told.get("stages", {}).values()):
        for name in set(_TOLD) & place.keys():
            value = place[name]
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            if not plain or not 0 <= value < _MOST:
                raise _Fault(f"{name}: must be a number from 0")
    return told


def _code(form: str, text: str, case: Case) -> bytes:
    if form == "code_b64":
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise _Fault("code_b64: not base64 of the code's bytes") from None
    prefix = case.program.prefix if form == "completion" and case.program else ""
    return (prefix + text).encode("utf-8", "surrogatepass")
