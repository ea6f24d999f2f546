"""What a reply says of its tokens and its price, under the names that servers have for them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from liftlab.endpoints.replies import count_or_none, dict_of, number_or_none


def tokens_of(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Reply` that its usage fills.

    OpenAI's names come first; then Anthropic's, DeepSeek's for cached prompt tokens, Groq's
    `x_groq` in streams, llama.cpp's `timings`, and OpenRouter's `cost`.

    `reply`: the reply's own fields: `usage`, `x_groq`, `timings`.

    Examples
    --------
    >>> tokens_of({"x_groq": {"usage": {"completion_tokens": 3}}})["output_tokens"]
    3
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
            usage.get("completion_tokens"),
            usage.get("output_tokens"),
            timings.get("predicted_n"),
        ),
        "reasoning_tokens": _count(output.get("reasoning_tokens"), usage.get("reasoning_tokens")),
        "reported_usd": _amount(usage.get("cost")),
    }


def _count(*values: object) -> int | None:
    return next((c for value in values if (c := count_or_none(value)) is not None), None)


def _amount(value: object) -> float | None:
    number = number_or_none(value)
    return float(number) if number is not None and 0 <= number <= sys.float_info.max else None
