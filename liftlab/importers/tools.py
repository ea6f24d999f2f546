"""The result files of other tools, told apart by what is in them."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any

from liftlab.endpoints.replies import dict_of
from liftlab.errors import FileInvalid
from liftlab.importers.foreign import Columns, ForeignFile, ForeignRow, numbers, text_at
from liftlab.importers.reading import parse

Texts = Mapping[str, tuple[str, ...]]  # by field of a `ForeignRow`: where its text may be

_MOST_ROWS = 1_000_000
_NO_START = "it does not say when requests were sent: read no throughput and no drift from it"

_VLLM: Columns = {
    "started_s": ("start_times", 1),
    "ttft_s": ("ttfts", 1),
    "prompt_tokens": ("input_lens", 1),
    "output_tokens": ("output_lens", 1),
}
_VLLM_LISTS = (*(path for path, _ in _VLLM.values()), "itls", "generated_texts", "errors")
_GUIDELLM_GROUPS = {"successful": None, "errored": "error", "incomplete": "cancelled"}
_GUIDELLM: Columns = {
    "started_s": ("request_start_time", 1),
    "latency_s": ("request_latency", 1),
    "ttft_s": ("time_to_first_token_ms", 1e-3),
    "itl_s": ("inter_token_latency_ms", 1e-3),
    "prompt_tokens": ("prompt_tokens", 1),
    "output_tokens": ("output_tokens", 1),
}
_AIPERF: Columns = {
    "started_s": ("metadata.request_start_ns", 1e-9),
    "latency_s": ("metrics.request_latency.value", 1e-3),
    "ttft_s": ("metrics.time_to_first_token.value", 1e-3),
    "itl_s": ("metrics.inter_token_latency.value", 1e-3),
    "prompt_tokens": ("metrics.input_sequence_length.value", 1),
    "output_tokens": ("metrics.output_sequence_length.value", 1),
}
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0}
_INSPECT: Columns = {
    "latency_s": ("output.time", 1),
    "prompt_tokens": ("output.usage.input_tokens", 1),
    "output_tokens": ("output.usage.output_tokens", 1),
}
_INSPECT_TEXTS: Texts = {
    "prompt": ("input",),
    "error": ("error.message", "output.error", "error"),
}
_PROMPTFOO: Columns = {
    "latency_s": ("latencyMs", 1e-3),
    "prompt_tokens": ("response.tokenUsage.prompt", 1),
    "output_tokens": ("response.tokenUsage.completion", 1),
}
_PROMPTFOO_TEXTS: Texts = {
    "prompt": ("vars.prompt", "prompt.raw"),
    "text": ("response.output",),
    "error": ("response.error",),
}
_SAMPLE: Columns = {
    "latency_s": ("latency_s", 1),
    "prompt_tokens": ("prompt_tokens", 1),
    "output_tokens": ("tokens", 1),
}
_STAGE: Columns = {"latency_s": ("latency_s", 1), "output_tokens": ("tokens", 1)}
_CODE = ("code", "completion", "solution")
_NO_CODE = "a result needs its code (code, completion or solution), or why there is none (error)"
_SAMPLE_TEXTS: Texts = {"prompt": ("prompt",), "text": _CODE, "error": ("error",)}


def read(source: bytes, path: Path) -> ForeignFile | None:
    """Read a file of another tool; None if it is of none that is known.

    Raises FileInvalid if it is a summary without a row a request, or holds none.
    """
    lines = _lines(source, path)
    if lines is not None:
        reader = _aiperf if "metrics" in lines[0] else _samples
        return _checked(path, reader(lines))
    data = parse(source, path).data
    if not isinstance(data, dict):
        return None
    for is_it, whole, how, make in _KINDS:
        if is_it(data):
            if not whole(data):
                raise FileInvalid(path, f"a summary without a row a request: {how}")
            return _checked(path, make(data))
    return None


def _checked(path: Path, file: ForeignFile) -> ForeignFile:
    if not file.rows:
        raise FileInvalid(path, "holds no results: nothing to import")
    if len(file.rows) > _MOST_ROWS:
        raise FileInvalid(path, f"more than {_MOST_ROWS:,} results: split it")
    return file


def _lines(source: bytes, path: Path) -> list[dict[str, Any]] | None:
    """Return the objects of an aiperf profile or of samples; None for any other file."""
    source = source.removeprefix(BOM_UTF8)
    first, _, rest = source.lstrip().partition(b"\n")
    try:
        start = parse(first, path).data
    except FileInvalid:
        return None
    if not isinstance(start, dict):
        return None
    is_named = bool({"case_id", "task_id"} & start.keys())
    is_profile = {"metadata", "metrics"} <= start.keys()
    if not is_profile and not (is_named and {*_CODE, "error"} & start.keys()):
        if is_named and rest.strip():  # and not one document
            raise FileInvalid(path, _NO_CODE, source.count(b"\n") - rest.count(b"\n"))
        return None
    rows = []
    for number, line in enumerate(source.split(b"\n"), 1):
        if line.strip():
            try:
                document = parse(line, path)
            except FileInvalid as fault:
                raise FileInvalid(path, fault.reason, number) from None
            row = document.data
            if not isinstance(row, dict):
                raise FileInvalid(path, "a result is an object: {…}", number)
            if "metrics" not in start:
                _check_numbers(row, document.unknown, path, number)
            rows.append(row)
    return rows


def _check_numbers(row: dict[str, Any], unknown: int, path: Path, number: int) -> None:
    """Raise FileInvalid if a time or a token count of a sample is not a number."""
    places = [("", row, _SAMPLE)]
    for name, told in dict_of(row.get("stages")).items():
        if not isinstance(told, dict):
            raise FileInvalid(path, "stages: must be an object with an object a stage", number)
        places.append((f"stages.{name[:40]}.", told, _STAGE))
    for where, told, columns in places:
        known = numbers(told, columns)
        for field, (name, _) in columns.items():
            if told.get(name) is not None and field not in known:
                raise FileInvalid(path, f"{where}{name}: must be a number from 0", number)
    if unknown:
        raise FileInvalid(path, "NaN or Infinity is no time: leave it out, or write null", number)


def _row(data: Any, columns: Columns, texts: Texts, **told: Any) -> ForeignRow:
    """Return a row by where a tool has its numbers and its texts, and what is `told` beside."""
    known = {name: text_at(data, *paths) for name, paths in texts.items()}
    return ForeignRow(**{**numbers(data, columns), **known, **told})


def _vllm(data: Mapping[str, Any]) -> ForeignFile:
    columns = [data[name] if isinstance(data.get(name), list) else [] for name in _VLLM_LISTS]
    rows = []
    for values in zip_longest(*columns):
        row = dict(zip(_VLLM_LISTS, values, strict=True))
        known = numbers(row, _VLLM)
        gaps = row["itls"] if isinstance(row["itls"], list) else []
        gaps_s = [gap for gap in gaps if isinstance(gap, int | float) and gap >= 0]
        known["itl_s"] = median(gaps_s) if gaps_s else None
        error = str(row["errors"]) if row["errors"] else None
        whole = len(gaps_s) == len(gaps)
        if error is None and "ttft_s" in known and whole:  # a failed request's is 0
            known["latency_s"] = known["ttft_s"] + sum(gaps_s)
        rows.append(ForeignRow(**known, text=text_at(row, "generated_texts"), error=error))
    return ForeignFile(
        family="vllm",
        rows=rows,
        model=text_at(data, "model_id"),
        concurrency=_whole(data.get("max_concurrency")),
        began=(text_at(data, "date") or "").replace("-", "T") or None,
        notes=() if data.get("start_times") else (_NO_START,),
    )


def _guidellm(data: Mapping[str, Any]) -> ForeignFile:
    rows = []
    benchmarks = list(_dicts(data["benchmarks"]))
    for number, benchmark in enumerate(benchmarks, 1):
        for group, error in _GUIDELLM_GROUPS.items():
            for row in _dicts(dict_of(benchmark.get("requests")).get(group)):
                said = error and (text_at(row, "error", "info.error") or error)
                category = f"benchmark {number}"
                texts = {"text": ("output",)}
                rows.append(_row(row, _GUIDELLM, texts, error=said, category=category))
    note = f"{len(benchmarks)} benchmarks, told apart by their category"
    return ForeignFile(family="guidellm", rows=rows, notes=(note,) if len(benchmarks) > 1 else ())


def _aiperf(lines: list[dict[str, Any]]) -> ForeignFile:
    rows = []
    for line in lines:
        said = text_at(line, "error.message", "error.type", "error")
        if said is None and line.get("error"):
            said = str(line["error"])
        if dict_of(line.get("metadata")).get("was_cancelled") is True:
            said = "cancelled"
        known = numbers(line, _AIPERF)
        for name in ("latency_s", "ttft_s", "itl_s"):
            place = _AIPERF[name][0].replace(".value", ".unit")
            unit_s = _UNITS_S.get(text_at(line, place) or "ms")
            if unit_s is None:
                known.pop(name, None)
            elif name in known:
                known[name] *= unit_s / 1e-3
        rows.append(ForeignRow(**known, error=said))
    return ForeignFile(family="aiperf", rows=rows)


def _inspect(data: Mapping[str, Any]) -> ForeignFile:
    rows = []
    for sample in _dicts(data["samples"]):
        content = dict_of(next(_dicts(dict_of(sample.get("output")).get("choices")), {}))
        parts = _dicts(dict_of(content.get("message")).get("content"))
        text = text_at(content, "message.content") or "".join(
            part["text"] for part in parts if isinstance(part.get("text"), str)
        )
        name, repeat = _name(sample.get("id")), _whole(sample.get("epoch"))
        rows.append(
            _row(sample, _INSPECT, _INSPECT_TEXTS, case_id=name, repeat=repeat, text=text or None)
        )
    model, began = text_at(data, "eval.model"), text_at(data, "eval.created")
    return ForeignFile(family="inspect", rows=rows, model=model, began=began)


def _promptfoo(data: Mapping[str, Any]) -> ForeignFile:
    rows, ids = [], dict[str, str]()
    for row in _dicts(data["results"]["results"]):
        case = ids.setdefault(str(row.get("vars")), f"test_{len(ids) + 1}")
        rows.append(_row(row, _PROMPTFOO, _PROMPTFOO_TEXTS, case_id=case))
    began = text_at(data, "results.timestamp")
    return ForeignFile(family="promptfoo", rows=rows, began=began)


def _samples(lines: list[dict[str, Any]]) -> ForeignFile:
    rows = []
    for line in lines:
        name = _name(line.get("case_id", line.get("task_id")))
        parts = {part: numbers(of, _STAGE) for part, of in dict_of(line.get("stages")).items()}
        stages = {
            part: (of.get("latency_s"), of.get("output_tokens")) for part, of in parts.items()
        }
        told = {"case_id": name, "repeat": _whole(line.get("repeat")), "stages": stages}
        rows.append(_row(line, _SAMPLE, _SAMPLE_TEXTS, **told))
    return ForeignFile(family="samples", rows=rows)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def _whole(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None


def _name(value: Any) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    return text if 0 < len(text) <= 200 and text.isprintable() else "sample"


_Test = Callable[[Mapping[str, Any]], bool]
# What it is known by, whether it has rows, how to get them, and what reads it.
_KINDS: tuple[tuple[_Test, _Test, str, Callable[[Mapping[str, Any]], ForeignFile]], ...] = (
    (
        lambda data: "request_throughput" in data and "mean_ttft_ms" in data,
        lambda data: bool(data.get("ttfts")),
        "run vllm bench serve with --save-result --save-detailed",
        _vllm,
    ),
    (
        lambda data: isinstance(data.get("benchmarks"), list),
        lambda data: any(dict_of(b.get("requests")) for b in _dicts(data["benchmarks"])),
        "take guidellm's benchmarks.json with its requests in it",
        _guidellm,
    ),
    (
        lambda data: "avg" in dict_of(data.get("request_latency")),
        lambda data: False,
        "take aiperf's profile_export.jsonl",
        lambda data: ForeignFile(family="aiperf", rows=()),
    ),
    (
        lambda data: {"eval", "status"} <= data.keys(),
        lambda data: bool(data.get("samples")),
        "take inspect's log with its samples in it",
        _inspect,
    ),
    (
        lambda data: "stats" in dict_of(data.get("results")) or "evalId" in data,
        lambda data: bool(dict_of(data.get("results")).get("results")),
        "take promptfoo's output with its results in it",
        _promptfoo,
    ),
)
