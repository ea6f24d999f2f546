"""A chat completion's reply, whole or streamed: its value, its tokens, their moments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from liftlab.endpoints.answer import Taken, check_finish, is_still_thinking, take
from liftlab.endpoints.base import Reply, Request
from liftlab.endpoints.replies import (
    ModelFailure,
    NoAnswerError,
    ReplyError,
    clean,
    count_or_none,
    dict_of,
    name_or_none,
    parse_object,
    parse_objects,
    reported,
)
from liftlab.endpoints.server_facts import FACTS, tokens_of, told_by_body
from liftlab.endpoints.sse import Event, arrival_ns, events, itl_s, looks_like_events

_THOUGHTS = ("reasoning", "thinking")  # kinds of parts
_FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}
)
_NO_DATA = (b"", b"[DONE]")
_OFF_FORM = ("invalid_json", "schema_mismatch")


@dataclass(slots=True)
class _Gathered:
    """What the events of one reply add up to."""

    text: list[str] = field(default_factory=list)
    tools: dict[int, _Tool] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    finish_reason: str | None = None
    refusal: str | None = None
    reasoned: bool = False
    done: bool = False
    answered: bool = False
    first_token_end: int | None = None
    first_reasoning_end: int | None = None
    last_token_end: int | None = None
    token_ends: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Tool:
    """A tool that the model calls: its name, and its arguments as JSON."""

    name: str = ""
    arguments: str = ""


def read(reply: Reply, request: Request, headers: Mapping[str, str]) -> Reply:
    """Read the body of a whole 2xx reply, as events or as one object by what it is."""
    gathered = _Gathered()
    columns: dict[str, Any]
    try:
        _gather(reply.raw, headers.get("content-type", "").lower(), gathered)
        columns = _value(gathered, request)
    except ReplyError as fault:
        columns = fault.columns()
        if request.schema is not None and fault.error_class in _OFF_FORM and not fault.no_answer:
            columns["constrained"] = False
    return replace(reply, **columns, **_described(reply, gathered))


def described(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """Return a reply with what its body says of itself, whatever becomes of its value."""
    gathered = _Gathered()
    with suppress(ReplyError):
        _gather(reply.raw, headers.get("content-type", "").lower(), gathered)
    return replace(reply, **_described(reply, gathered))


def filtered(reply: Reply) -> Reply:
    """Return a refused reply as the provider's filter's doing, where its body says so."""
    try:
        error = dict_of(parse_object(reply.raw, lenient=True).get("error"))
    except ReplyError:
        return reply
    codes = [error.get("code"), error.get("type"), dict_of(error.get("innererror")).get("code")]
    named = {code.lower() for code in codes if isinstance(code, str)}
    if reply.error_class == "http_4xx" and named & _FILTER_CODES:
        return replace(reply, failure="content_filter")
    return reply


def _gather(body: bytes, content_type: str, gathered: _Gathered) -> None:
    """Read a body for what it is: servers and proxies are careless with its type."""
    if looks_like_events(body):
        _gather_events(body, gathered)
    elif "event-stream" in content_type and not body.strip():
        raise ReplyError("truncated", "empty reply")
    else:
        try:
            data = parse_object(body, lenient=True)
        except ReplyError as fault:
            if len(list(events(body))) > 1:  # JSON by the line
                _gather_events(body, gathered)
                return
            raise _servers_own(fault) from None
        _gather_object(data, gathered)


def _servers_own(fault: ReplyError) -> ReplyError:
    """Return a fault of the object around an answer as what it is: never the model's."""
    return NoAnswerError(fault.message) if fault.error_class == "invalid_json" else fault


def _gather_events(body: bytes, gathered: _Gathered) -> None:
    found = list(events(body))
    gathered.done = any(event.data.strip() == b"[DONE]" for event in found)
    said = [e for e in found if e.name == b"error" or e.data.strip() not in _NO_DATA]
    # All at once where they are sound, else in order up to the fault.
    objects = parse_objects([event.data for event in said]) or _one_by_one(said, body)
    for event, data in zip(said, objects, strict=True):
        failed = event.name == b"error"
        _note_facts({"error": data or "no reason given"} if failed else data, gathered)
        choice = _first_choice(data)
        gathered.answered = gathered.answered or bool(choice)
        _note_delta(_delta(choice, gathered), event.end, gathered)
        if choice.get("finish_reason") is not None:
            gathered.finish_reason = name_or_none(choice["finish_reason"]) or gathered.finish_reason
    if not gathered.done and gathered.finish_reason is None:
        raise ReplyError("truncated", "the stream ended without [DONE] or a finish reason")
    if not gathered.answered:
        raise NoAnswerError("no answer: the stream has no choices")


def _one_by_one(said: list[Event], body: bytes) -> Iterator[dict[str, Any]]:
    for event in said:
        try:
            yield parse_object(event.data, lenient=True)
        except ReplyError as fault:
            if event.name == b"error":
                words = event.data.decode("utf-8", "replace")
                raise ReplyError("reported_error", f"the server says: {clean(words)}") from None
            if event.end < len(body):
                raise _servers_own(fault) from None
            raise ReplyError("truncated", "the stream ended within an event") from None


def _gather_object(data: dict[str, Any], gathered: _Gathered) -> None:
    _note_facts(data, gathered)
    choice = _first_choice(data)
    message = _delta(choice, gathered)
    if not choice or not message:
        lacks = "choices[0].message" if choice else "choices"
        raise NoAnswerError(f"no answer: the reply has no {lacks}")
    gathered.finish_reason = name_or_none(choice.get("finish_reason"))
    _note_delta(message, 0, gathered)
    gathered.first_token_end = gathered.first_reasoning_end = gathered.last_token_end = None
    gathered.token_ends.clear()


def _note_facts(data: dict[str, Any], gathered: _Gathered) -> None:
    for key in FACTS:
        if data.get(key):
            gathered.facts[key] = data[key]
    if "choices" not in data or data.get("error") or data.get("errors"):
        _check(reported(data, "choices", "usage"))


def _check(words: str | None) -> None:
    """Raise what the server reports, if it does."""
    if words:
        raise ReplyError("reported_error", f"the server says: {words}")


def _delta(choice: dict[str, Any], gathered: _Gathered) -> dict[str, Any]:
    """Return what a choice adds: a piece, a whole message, or the text of a bare completion."""
    if choice.get("error"):  # of the server behind a gateway
        _check(reported(choice))
    delta = choice.get("delta")
    if isinstance(delta, dict):
        return delta
    message = choice.get("message")
    if isinstance(message, dict) and not gathered.text:
        return message
    return {"content": choice["text"]} if isinstance(choice.get("text"), str) else {}


def _note_delta(delta: dict[str, Any], end: int, gathered: _Gathered) -> None:
    content = delta.get("content")
    text = _text(content)
    if text:
        gathered.text.append(text)
        gathered.first_token_end = gathered.first_token_end or end
        gathered.last_token_end = end
        gathered.token_ends.append(end)
    thought = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("thinking")
    parts = content if isinstance(content, list) else []
    if (thought and isinstance(thought, str)) or any(_kind(part) in _THOUGHTS for part in parts):
        gathered.reasoned = True
        gathered.first_reasoning_end = gathered.first_reasoning_end or end
        gathered.last_token_end = end
        gathered.token_ends.append(end)
    if isinstance(content, list) or delta.get("refusal"):
        for refusal in (delta.get("refusal"), *_parts(content, "refusal")):
            gathered.refusal = name_or_none(refusal) or gathered.refusal
    if "tool_calls" in delta or "function_call" in delta:
        _note_tools(delta, gathered)


def _note_tools(delta: dict[str, Any], gathered: _Gathered) -> None:
    calls = delta.get("tool_calls")
    calls = calls if isinstance(calls, list) else []
    if isinstance(delta.get("function_call"), dict):  # what it was called at first
        calls = [*calls, {"index": 0, "function": delta["function_call"]}]
    for place, call in enumerate(calls):
        function = dict_of(dict_of(call).get("function"))
        index = count_or_none(dict_of(call).get("index"))
        tool = gathered.tools.setdefault(place if index is None else index, _Tool())
        tool.name = tool.name or name_or_none(function.get("name")) or ""
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        tool.arguments += arguments if isinstance(arguments, str) else ""


def _value(gathered: _Gathered, request: Request) -> dict[str, Any]:
    """Return the value of an answer, with what it was wrapped in."""
    text = "".join(gathered.text)
    thinks = is_still_thinking(text) or (gathered.reasoned and not text.strip())
    check_finish(gathered.finish_reason, request.sampling.max_tokens, thinks=thinks)
    if gathered.refusal:
        raise ModelFailure("refusal", f"the model refuses: {gathered.refusal}")
    tools = list(gathered.tools.values())
    if not text.strip() and not (request.schema is not None and len(tools) == 1):
        raise ModelFailure("empty_output", f"no answer: {_why_empty(gathered)}")
    if request.schema is None:
        return {"value": text}
    try:
        return take(text, request.schema, request.needs).columns()
    except ReplyError:
        if len(tools) != 1:
            raise
    value, notes = take(tools[0].arguments, request.schema, request.needs)
    return Taken(value, ("tool_call", *notes)).columns()


def _why_empty(gathered: _Gathered) -> str:
    ended = f" (finish_reason {gathered.finish_reason})" if gathered.finish_reason else ""
    if gathered.tools:
        names = ", ".join(tool.name or "unnamed" for tool in gathered.tools.values())
        return f"the model calls a tool ({clean(names, 100)}) in place of text{ended}"
    return f"the reply holds {'reasoning only' if gathered.reasoned else 'no text'}{ended}"


def _described(reply: Reply, gathered: _Gathered) -> dict[str, Any]:
    ends = {
        "first_token_ns": gathered.first_token_end,
        "first_reasoning_ns": gathered.first_reasoning_end,
        "last_token_ns": gathered.last_token_end,
    }
    arrivals = {
        name: None if end is None else arrival_ns(reply.stamps, end) for name, end in ends.items()
    }
    return {
        "response_id": name_or_none(gathered.facts.get("id")) or reply.response_id,
        "model": name_or_none(gathered.facts.get("model")),
        "finish_reason": gathered.finish_reason,
        **tokens_of(gathered.facts),
        "itl_s": itl_s(reply.stamps, gathered.token_ends),
        # A header that came before a stream cannot have counted all of it.
        "server_s": None if gathered.token_ends else reply.server_s,
        **told_by_body(gathered.facts),
        **arrivals,
    }


def _first_choice(data: dict[str, Any]) -> dict[str, Any]:
    """Return the choice of index 0, where others come with it or between its pieces."""
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return {}


def _text(content: object) -> str:
    """Return a message's text; some servers give it in typed parts."""
    return content if isinstance(content, str) else "".join(_parts(content, "text"))


def _parts(content: object, kind: str) -> list[str]:
    """Return the texts of a message's parts of one kind, such as `text` and `output_text`."""
    parts = content if isinstance(content, list) else []
    mine = [part for part in parts if _kind(part) in (kind, f"output_{kind}")]
    return [part[kind] for part in mine if isinstance(part.get(kind), str)]


def _kind(part: object) -> object:
    return part.get("type") if isinstance(part, dict) else None
