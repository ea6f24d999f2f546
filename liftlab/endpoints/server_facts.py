"""What a server says of its own work: queue, prefill, decode, limits, in the words of many.

Known are vLLM's `metrics` (with ``--enable-per-request-metrics``), llama.cpp's `timings`,
SGLang's `meta_info`, Groq's `usage`, Cerebras's `time_info`, text-generation-inference's headers,
`Server-Timing`, and `openai-processing-ms`. All of it is foreign: what is no plausible number
is left out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from itertools import chain
from typing import Any

from liftlab.endpoints.replies import (
    count_or_none,
    dict_of,
    name_or_none,
    number_or_none,
    seconds_from_ms,
)

# Objects of a reply that may tell times, and the facts beside them that are kept.
TELLING = ("metrics", "timings", "meta_info", "sglext", "time_info", "usage")
FACTS = ("id", "model", "system_fingerprint", "x_groq", *TELLING)
_MS, _S = 1.0, 1000.0
# By the name of a field: the column that it fills, and how many milliseconds its unit has.
_TOLD: dict[str, tuple[str, float]] = {
    "queue_time_ms": ("queue_s", _MS),
    "queue_ms": ("queue_s", _MS),
    "queue_time": ("queue_s", _S),
    "time_to_first_token_ms": ("prefill_s", _MS),
    "prompt_ms": ("prefill_s", _MS),
    "prefill_time_ms": ("prefill_s", _MS),
    "prefill_launch_latency": ("prefill_s", _S),
    "prefill_time": ("prefill_s", _S),
    "prompt_time": ("prefill_s", _S),
    "generation_time_ms": ("decode_s", _MS),
    "predicted_ms": ("decode_s", _MS),
    "decode_time_ms": ("decode_s", _MS),
    "decode_time": ("decode_s", _S),
    "completion_time": ("decode_s", _S),
    "grammar_compile_time_ms": ("compile_s", _MS),
    "grammar_time": ("compile_s", _S),
    "compile_time": ("compile_s", _S),
    "inference_time": ("server_s", _S),
}
_HEADERS = {
    "x-queue-time": "queue_s",
    "openai-processing-ms": "server_s",
    "x-inference-time": "server_s",
    "x-envoy-upstream-service-time": "server_s",
}
_METRIC = re.compile(r"""\s*([!#$%&'*+.^_`|~\w-]+)((?:;[^,"]*(?:"[^"]*"[^,"]*)*)?)""")
_DURATION = re.compile(r';\s*dur\s*=\s*"?([0-9.]+)')
# Of Server-Timing: the word that a metric's name holds, and what it stands for.
_WORDS = {
    "queue": "queue_s",
    "prefill": "prefill_s",
    "prompt": "prefill_s",
    "ttft": "prefill_s",
    "decode": "decode_s",
    "generat": "decode_s",
    "grammar": "compile_s",
    "compile": "compile_s",
    "inference": "server_s",
    "model": "server_s",
}
_LEFT = {
    "ratelimit_requests_left": (
        "x-ratelimit-remaining-requests",
        "anthropic-ratelimit-requests-remaining",
        "x-ratelimit-remaining",
        "ratelimit-remaining",
    ),
    "ratelimit_tokens_left": (
        "x-ratelimit-remaining-tokens",
        "anthropic-ratelimit-tokens-remaining",
    ),
}
_TELLING_HEADERS = frozenset({"server-timing", *_HEADERS, *chain(*_LEFT.values())})


def told_by_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return what a reply's headers, by lower-case name, tell of the server, as columns."""
    told: dict[str, Any] = {}
    if headers.keys().isdisjoint(_TELLING_HEADERS):  # as most replies
        return told
    for name, column in _HEADERS.items():
        if name in headers:
            told[column] = seconds_from_ms(_number(headers[name]))
    for name, rest in _METRIC.findall(headers.get("server-timing", "")[:2000]):
        duration = _DURATION.search(rest)
        meant = next((c for word, c in _WORDS.items() if word in name.lower()), None)
        if duration and meant:
            told.setdefault(meant, seconds_from_ms(_number(duration[1])))
    for column, names in _LEFT.items():
        found = next((headers[name] for name in names if name in headers), None)
        if found is not None:
            told[column] = count_or_none(_number(found))
    return {column: value for column, value in told.items() if value is not None}


def told_by_body(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reply's own objects tell of the server, as columns.

    The server's own time is prefill and decode where both are told: a queue is none of it.
    """
    told: dict[str, Any] = {}
    for holder in (facts[key] for key in TELLING if key in facts):
        for name in holder if isinstance(holder, dict) else ():
            if name not in _TOLD:
                continue
            column, unit_ms = _TOLD[name]
            seconds = seconds_from_ms(_number(holder[name], unit_ms))
            if seconds is not None:
                told.setdefault(column, seconds)
    if "prefill_s" in told and "decode_s" in told:
        told["server_s"] = told["prefill_s"] + told["decode_s"]
    fingerprint = name_or_none(facts.get("system_fingerprint"))
    return told if fingerprint is None else {**told, "system_fingerprint": fingerprint}


def _number(value: object, times: float = 1.0) -> float | None:
    """Return a foreign number, or one written as text, times a unit."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value) * times
    except (ValueError, OverflowError):
        return None


def tokens_of(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Reply` that its usage fills.

    OpenAI's names come first; then Anthropic's, DeepSeek's for cached prompt tokens, Groq's
    `x_groq` in streams, llama.cpp's `timings`, and OpenRouter's `cost`.
    """
    usage = dict_of(reply.get("usage")) or dict_of(dict_of(reply.get("x_groq")).get("usage"))
    timings = dict_of(reply.get("timings"))
    prompt = dict_of(usage.get("prompt_tokens_details"))
    output = dict_of(usage.get("completion_tokens_details"))
    return {
        "prompt_tokens": _count(usage.get("prompt_tokens"), usage.get("input_tokens")),
        "cached_tokens": _count(
            prompt.get("cached_tokens"),
            usage.get("prompt_cache_hit_tokens"),
            usage.get("cache_read_input_tokens"),
            timings.get("cache_n"),
        ),
        "output_tokens": _count(
            usage.get("completion_tokens"), usage.get("output_tokens"), timings.get("predicted_n")
        ),
        "reasoning_tokens": _count(output.get("reasoning_tokens"), usage.get("reasoning_tokens")),
        "reported_usd": _amount(usage.get("cost")),
    }


def _count(*values: object) -> int | None:
    return next((c for value in values if (c := count_or_none(value)) is not None), None)


def _amount(value: object) -> float | None:
    number = number_or_none(value)
    return float(number) if number is not None and 0 <= number <= sys.float_info.max else None
