"""What a client asked for, read from either protocol's request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

Protocol = Literal["lift", "openai"]
_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_DEFAULT_MAX_TOKENS = 2048


class BadQuestion(Exception):
    """A request that a server would refuse with 422; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One generation. `seed` is the client's, or None; `schema` None asks for plain text."""

    protocol: Protocol
    prompt: str
    schema: dict[str, Any] | None
    max_tokens: int
    seed: int | None
    stream: bool = False
    include_usage: bool = True


class _LiftBody(BaseModel):
    prompt: str = Field(min_length=1)
    json_schema: dict[str, Any] | None = Field(None, alias="schema")
    max_tokens: _Count = _DEFAULT_MAX_TOKENS
    seed: int | None = None


class _Part(BaseModel):
    text: str = ""


class _Message(BaseModel):
    role: str
    content: str | list[_Part]

    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class _Described(BaseModel):
    json_schema: dict[str, Any] = Field({}, alias="schema")


class _Format(BaseModel):
    type: str = "text"
    json_schema: _Described | None = None


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _ChatBody(BaseModel):
    messages: list[_Message] = Field(min_length=1)
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    seed: int | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    response_format: _Format | None = None


def read_question(protocol: Protocol, body: bytes) -> Question:
    """Return what a request's body asks for.

    Raises BadQuestion if the body is not what the protocol says.
    """
    try:
        return _lift(body) if protocol == "lift" else _chat(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadQuestion(f"{where or 'body'}: {first['msg']}") from None


def _lift(body: bytes) -> Question:
    asked = _LiftBody.model_validate_json(body)
    told = asked.model_dump(include={"prompt", "max_tokens", "seed"})
    return Question(protocol="lift", schema=asked.json_schema, **told)


def _chat(body: bytes) -> Question:
    asked = _ChatBody.model_validate_json(body)
    described = asked.response_format and asked.response_format.json_schema
    options = asked.stream_options
    return Question(
        protocol="openai",
        prompt=asked.messages[-1].text(),
        schema=described.json_schema if described else None,
        max_tokens=asked.max_completion_tokens or asked.max_tokens or _DEFAULT_MAX_TOKENS,
        seed=asked.seed,
        stream=asked.stream,
        include_usage=not asked.stream or (options is not None and options.include_usage),
    )
