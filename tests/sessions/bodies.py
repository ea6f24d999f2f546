"""The request bodies of the session API, read and refused as the real server does."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Literal, Protocol, TypeVar

import pydantic
from aiohttp import web

DEPTH_LIMIT = 256
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Refused(Exception):
    """A reply other than 200, with what it says."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Create(pydantic.BaseModel):
    """What POST / takes; `source` is ignored."""

    prompt: str | None = None
    ir: dict[str, Any] | None = None
    source: str = "prompt"
    metadata: dict[str, Any] = {}


class Resolve(pydantic.BaseModel):
    """What fills a hole."""

    resolution_text: str
    resolution_type: Literal[
        "clarify_intent", "add_constraint", "refine_signature", "specify_effect"
    ] = "clarify_intent"


class Generate(pydantic.BaseModel):
    """What code is to look like."""

    target_language: str = "python"
    inject_assertions: bool = True
    assertion_mode: str = "assert"
    include_docstrings: bool = True
    include_type_hints: bool = True
    preserve_metadata: bool = True


class Server(Protocol):
    """What of the server a body can break."""

    dead: str

    def has(self, fault: str) -> bool: ...


Model = TypeVar("Model", bound=pydantic.BaseModel)


async def read(request: web.Request, server: Server) -> Any:
    """Return the JSON of a body; a user is asked for only after it was read, as there."""
    data = await request.read()
    if server.has("hangs_on_large") and len(data) > 500_000:
        await asyncio.Event().wait()
    if server.has("dies_of_depth") and (b"[" * 100 in data or data.count(b'{"a"') > 100):
        server.dead = "500"
        raise RecursionError
    if not data:
        raise Refused(422, [{"type": "missing", "loc": ["body"], "msg": "Field required"}])
    try:
        return _changed(json.loads(data, parse_constant=_no_number), server)
    except json.JSONDecodeError as error:
        if server.has("dies_of_crash"):
            raise
        if server.has("not_json_500"):
            raise Refused(500, "Failed to read the body") from None
        place = {"type": "json_invalid", "loc": ["body", error.pos], "msg": "JSON decode error"}
        raise Refused(422, [place]) from None
    except (UnicodeDecodeError, RecursionError):
        raise Refused(400, "There was an error parsing the body") from None


def _no_number(word: str) -> None:
    raise json.JSONDecodeError(f"{word} is no JSON", word, 0)


def _changed(value: Any, server: Server, depth: int = 0) -> Any:
    """Return the value, its texts garbled as far as the server's faults say."""
    if depth > DEPTH_LIMIT:
        raise RecursionError
    if isinstance(value, dict):
        return {key: _changed(each, server, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_changed(each, server, depth + 1) for each in value]
    if isinstance(value, str):
        if server.has("text_latin1"):
            return value.encode("utf-8", "replace").decode("latin-1")
        if server.has("text_cut_at_nul"):
            return value.partition("\0")[0]
        if server.has("bidi_stripped"):
            return _BIDI.sub("", value)
    return value


def checked(body: Any, model: type[Model], server: Server) -> Model:
    """Return the body as its model, or refuse it with the list of what is wrong."""
    if server.has("unknown_type_ok") and isinstance(body, dict) and model is Resolve:
        body = {**body, "resolution_type": "clarify_intent"}
    try:
        return model.model_validate(body, strict=False)
    except pydantic.ValidationError as error:
        if server.has("wrong_type_500"):
            raise Refused(500, "Failed to read the body") from None
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        rows = [{**fault, "loc": ["body", *fault["loc"]]} for fault in faults]
        raise Refused(422, rows) from None
