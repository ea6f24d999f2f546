"""A chat completion's reply, whole or streamed: its value, its tokens, their moments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from liftlab.endpoints.base import Reply, Request
from liftlab.endpoints.replies import (
    NoAnswerError,
    ReplyError,
    check_schema,
    count_or_none,
    name_or_none,
    parse_json,
    parse_object,
    parse_objects,
    said_in,
    seconds_from_ms,
)
from liftlab.endpoints.sse import Event, arrival_ns, events


@dataclasses.dataclass(slots=True)
class _Gathered:
    """What the events of one reply add up to."""

    text: list[str] = dataclasses.field(default_factory=list)
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    finish_reason: str | None = None
    refusal: str | None = None
    done: bool = False
    answered: bool = False
    first_token_end: int | None = None
    first_reasoning_end: int | None = None
    last_token_end: int | None = None


def read(reply: Reply, request: Request, headers: Mapping[str, str]) -> Reply:
    """Read the body of a whole 2xx reply, as events or as one object by its content type."""
    gathered = _Gathered()
    fault: ReplyError | None = None
    try:
        if "event-stream" in headers.get("content-type", "").lower():
            _gather_events(reply.raw, gathered)
        else:
            _gather_object(parse_object(reply.raw), gathered)
        value = _value(gathered, request)
    except ReplyError as error:
        fault, value = error, None
    return dataclasses.replace(
        reply,
        value=value,
        error_class=fault.error_class if fault else None,
        message=fault.message if fault else None,
        no_answer=fault is not None and fault.no_answer,
        **_described(reply, gathered),
    )


def _gather_events(body: bytes, gathered: _Gathered) -> None:
    found = list(events(body))
    said = [event for event in found if event.data.strip() != b"[DONE]"]
    gathered.done = len(said) < len(found)
    for event, data in zip(said, _objects(said, body), strict=True):
        failed = event.name == b"error"
        _note_facts({"error": data or "no reason given"} if failed else data, gathered)
        choice = _first_choice(data)
        gathered.answered = gathered.answered or bool(choice)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            _note_delta(delta, event.end, gathered)
        if choice.get("finish_reason") is not None:
            gathered.finish_reason = name_or_none(choice["finish_reason"]) or gathered.finish_reason
    if not gathered.done and gathered.finish_reason is None:
        raise ReplyError("truncated", "the stream ended without [DONE] or a finish reason")
    if not gathered.answered:
        raise NoAnswerError("the stream has no choices[0].delta")


def _objects(said: list[Event], body: bytes) -> Iterable[dict[str, Any]]:
    """Parse events: all at once where they are sound, else in order up to the fault."""
    return parse_objects([event.data for event in said]) or _one_by_one(said, body)


def _one_by_one(said: list[Event], body: bytes) -> Iterator[dict[str, Any]]:
    for event in said:
        try:
            yield parse_object(event.data)
        except ReplyError:
            if event.end < len(body):
                raise
            raise ReplyError("truncated", "the stream ended within an event") from None


def _gather_object(data: dict[str, Any], gathered: _Gathered) -> None:
    _note_facts(data, gathered)
    choice = _first_choice(data)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise NoAnswerError("the reply has no choices[0].message")
    gathered.finish_reason = name_or_none(choice.get("finish_reason"))
    gathered.refusal = name_or_none(message.get("refusal"))
    gathered.text.append(_text(message.get("content")))


def _note_facts(data: dict[str, Any], gathered: _Gathered) -> None:
    error = data.get("error") or (data if data.get("object") == "error" else None)
    if error:
        raise ReplyError("reported_error", f"the server says: {said_in(error)}")
    for key in ("id", "model", "usage", "timings"):
        if data.get(key):
            gathered.facts[key] = data[key]


def _note_delta(delta: dict[str, Any], end: int, gathered: _Gathered) -> None:
    content = _text(delta.get("content"))
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        gathered.first_reasoning_end = gathered.first_reasoning_end or end
        gathered.last_token_end = end
    if content:
        gathered.text.append(content)
        gathered.first_token_end = gathered.first_token_end or end
        gathered.last_token_end = end
    if delta.get("refusal") is not None:
        gathered.refusal = name_or_none(delta["refusal"]) or gathered.refusal


def _value(gathered: _Gathered, request: Request) -> Any:
    if gathered.finish_reason == "length":
        raise ReplyError("length", f"cut off at {request.sampling.max_tokens} tokens")
    if gathered.refusal or gathered.finish_reason == "content_filter":
        said = gathered.refusal or "the answer was filtered"
        raise ReplyError("reported_error", f"the server refuses: {said}")
    text = "".join(gathered.text)
    if request.schema is None:
        return text
    value = parse_json(text)
    check_schema(value, request.schema)
    return value


def _described(reply: Reply, gathered: _Gathered) -> dict[str, Any]:
    usage, timings = (_dict(gathered.facts.get(key)) for key in ("usage", "timings"))
    prompt_details = _dict(usage.get("prompt_tokens_details"))
    output_details = _dict(usage.get("completion_tokens_details"))
    at = {
        name: None if end is None else arrival_ns(reply.stamps, end)
        for name, end in (
            ("first", gathered.first_token_end),
            ("reasoning", gathered.first_reasoning_end),
            ("last", gathered.last_token_end),
        )
    }
    return {
        "response_id": name_or_none(gathered.facts.get("id")) or reply.response_id,
        "model": name_or_none(gathered.facts.get("model")),
        "finish_reason": gathered.finish_reason,
        "prompt_tokens": count_or_none(usage.get("prompt_tokens")),
        "cached_tokens": _first_count(prompt_details.get("cached_tokens"), timings.get("cache_n")),
        "output_tokens": _first_count(usage.get("completion_tokens"), timings.get("predicted_n")),
        "reasoning_tokens": count_or_none(output_details.get("reasoning_tokens")),
        "server_s": _server_s(timings),
        "first_token_ns": at["first"],
        "first_reasoning_ns": at["reasoning"],
        "last_token_ns": at["last"],
    }


def _server_s(timings: dict[str, Any]) -> float | None:
    """Return llama.cpp's own time: reading the prompt and drawing the tokens."""
    parts = [seconds_from_ms(timings.get(key)) for key in ("prompt_ms", "predicted_ms")]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _first_choice(data: dict[str, Any]) -> dict[str, Any]:
    """Return the choice of index 0, where others come with it or between its pieces."""
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return {}


def _text(content: object) -> str:
    """Return a message's text; some servers give it in typed parts."""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _first_count(*values: object) -> int | None:
    return next((c for value in values if (c := count_or_none(value)) is not None), None)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
