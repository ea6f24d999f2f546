"""From an answer to a sound reply in either protocol, or to one that is wrong in what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic_core import to_json

from liftlab.serving.simulation.answers import Answer
from liftlab.serving.simulation.questions import Question
from liftlab.serving.simulation.writes import Reply

_PIECES_LIMIT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A generation: what chance decided for it, and what is known once it is finished.

    Times are in real seconds.
    """

    model: str
    answer: Answer
    prompt_tokens: int
    tokens: int
    cut: bool  # at max_tokens
    base_s: float
    token_s: float
    request_id: str = ""
    response_id: str = ""
    took_s: float = 0.0


def render(question: Question, made: Made, fault: str | None) -> Reply:
    """Return the reply to a question, with a fault, by its kind, in what it says.

    A streamed reply's first token goes out at once, the further ones each `token_s` after the one
    before.
    """
    headers = {"content-type": "application/json", "x-request-id": made.request_id}
    if question.protocol == "lift":
        return _whole(headers, _lift(question, made, fault))
    if question.stream and fault not in ("error-200", "no-answer"):
        return _streamed(question, made, fault)
    return _whole(headers, _chat(question, made, fault))


def _whole(headers: dict[str, str], body: Mapping[str, Any]) -> Reply:
    return Reply(status=200, headers=headers, parts=((0.0, to_json(body)),))


def _lift(question: Question, made: Made, fault: str | None) -> dict[str, Any]:
    field = "text" if question.schema is None else "ir_json"
    value: Any = made.answer.text if question.schema is None else made.answer.value
    reply: dict[str, Any] = {
        field: value,
        "tokens_used": made.tokens,
        "generation_time_ms": made.took_s * 1000,
        "finish_reason": "stop",
        "prompt_tokens": made.prompt_tokens,
        "model": made.model,
    }
    if fault == "error-200":
        reply |= {field: None, "error": "simulated: out of memory", "finish_reason": "error"}
    elif fault == "no-answer":
        reply[field] = None
    elif fault == "off-schema":
        reply[field] = _off(question)
    elif fault == "length" or made.cut:
        cut_text = _cut_text(made)
        reply |= {field: cut_text if field == "text" else None, "finish_reason": "length"}
    return reply


def _chat(question: Question, made: Made, fault: str | None) -> dict[str, Any]:
    if fault == "error-200":
        return {"error": {"message": "simulated: out of memory", "type": "server_error"}}
    message = {"role": "assistant", "content": _content(question, made, fault)}
    choice = {"index": 0, "message": message, "finish_reason": _finish(made, fault)}
    return {
        **_frame(made, "chat.completion"),
        "choices": [] if fault == "no-answer" else [choice],
        "usage": _usage(made),
        "timings": _timings(made),
    }


def _streamed(question: Question, made: Made, fault: str | None) -> Reply:
    frame = _frame(made, "chat.completion.chunk")

    def event(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event({**frame, "choices": [choice], **more})

    pieces = _pieces(_content(question, made, fault), made.tokens)
    parts = [
        (index * made.token_s, event({"content": piece})) for index, piece in enumerate(pieces)
    ]
    parts[0] = (0.0, event({"role": "assistant", "content": ""}) + parts[0][1])
    last = event({}, _finish(made, fault), timings=_timings(made))
    if question.include_usage:
        last += _event({**frame, "choices": [], "usage": _usage(made)})
    if fault == "sse-empty":
        parts, last = [(at_s, b": nothing\n\n") for at_s, _ in parts], b""
    last = _spoiled_end(last + b"data: [DONE]\n\n", fault)
    parts.append(((made.tokens - 1) * made.token_s, last))
    headers = {"content-type": "text/event-stream", "x-request-id": made.request_id}
    return Reply(status=200, headers=headers, parts=tuple(parts))


def _spoiled_end(last: bytes, fault: str | None) -> bytes:
    """Return the end of a stream as a fault leaves it; the chunks themselves stay sound."""
    match fault:
        case "sse-cut":
            return last[: last.find(b'"choices"')]
        case "sse-no-end":
            return b": the end is missing\n\n"
        case "sse-garbage":
            return b"data: {not json}\n\n" + last
        case "sse-error":
            return _event({"error": {"message": "simulated: the engine died"}})
        case "sse-error-event":
            return b"event: error\n" + _event({"message": "simulated: the engine died"}) + last
    return last


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + to_json(data) + b"\n\n"


def _frame(made: Made, kind: str) -> dict[str, Any]:
    return {"id": made.response_id, "object": kind, "created": 0, "model": made.model}


def _usage(made: Made) -> dict[str, int]:
    return {
        "prompt_tokens": made.prompt_tokens,
        "completion_tokens": made.tokens,
        "total_tokens": made.prompt_tokens + made.tokens,
    }


def _timings(made: Made) -> dict[str, float]:
    first_ms = made.base_s * 1000
    return {
        "prompt_n": made.prompt_tokens,
        "prompt_ms": first_ms,
        "predicted_n": made.tokens,
        "predicted_ms": max(0.0, made.took_s * 1000 - first_ms),
    }


def _content(question: Question, made: Made, fault: str | None) -> str:
    if fault == "off-schema":
        return json.dumps(_off(question))
    return _cut_text(made) if made.cut or fault == "length" else made.answer.text


def _finish(made: Made, fault: str | None) -> str:
    return "length" if made.cut or fault == "length" else "stop"


def _off(question: Question) -> Any:
    """Return JSON that a schema for an object cannot take."""
    return ["off", "schema"] if question.schema is not None else "off schema"


def _cut_text(made: Made) -> str:
    return made.answer.text[: len(made.answer.text) // 2]


def _pieces(text: str, count: int) -> list[str]:
    """Cut a text into `count` pieces as even as can be; some are empty if it is short."""
    count = min(count, _PIECES_LIMIT)
    edges = [len(text) * index // count for index in range(count + 1)]
    return [text[a:b] for a, b in pairwise(edges)]
