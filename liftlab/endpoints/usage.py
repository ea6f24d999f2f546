"""What a reply says of its tokens and its price, under the names that servers have for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from liftlab.endpoints.replies import count_or_none


def tokens_of(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Reply` that its usage fills.

    OpenAI's names come first; then DeepSeek's and Anthropic's for cached prompt tokens, Groq's
    `x_groq` in streams, llama.cpp's `timings`, and OpenRouter's `cost`.

    Parameters
    ----------
    reply
        The reply's own fields: `usage`, `x_groq`, `timings`.

    Examples
    --------
    >>> tokens_of({"x_groq": {"usage": {"completion_tokens": 3}}})["output_tokens"]
    3
    """
    usage = _dict(reply.get("usage")) or _dict(_dict(reply.get("x_groq")).get("usage"))
    timings = _dict(reply.get("timings"))
    prompt = _dict(usage.get("prompt_tokens_details"))
    output = _dict(usage.get("completion_tokens_details"))
    return {
        "prompt_tokens": _count(usage.get("prompt_tokens")),
        "cached_tokens": _count(
            prompt.get("cached_tokens"),
            usage.get("prompt_cache_hit_tokens"),
            usage.get("cache_read_input_tokens"),
            timings.get("cache_n"),
        ),
        "output_tokens": _count(usage.get("completion_tokens"), timings.get("predicted_n")),
        "reasoning_tokens": _count(output.get("reasoning_tokens"), usage.get("reasoning_tokens")),
        "reported_usd": _amount(usage.get("cost")),
    }


def _count(*values: object) -> int | None:
    return next((c for value in values if (c := count_or_none(value)) is not None), None)


def _amount(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) and value >= 0 else None  # type: ignore[arg-type, operator]


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
