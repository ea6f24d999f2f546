"""What every endpoint is: health, warm-up, and one attempt at a time, with its stamps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from liftlab.records import ErrorClass, FailureClass
from liftlab.timing.clock import Stamps

if TYPE_CHECKING:
    from liftlab.endpoints.form import Form


class Secret:
    """A token that no repr, log or format string shows; `reveal` is for the wire alone."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the model draws its answer; recorded with every run."""

    temperature: float = 0.3
    top_p: float = 0.95
    max_tokens: int = 2048
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One generation to ask for. `schema` is a JSON Schema, or None for plain text.

    `needs` is the part of it without which a reply is of no use, as a JSON Schema, too; if None,
    the keys of `schema` with their types.
    """

    prompt: str
    request_id: str
    sampling: Sampling
    system: str | None = None
    schema: Mapping[str, Any] | None = None
    needs: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    deadline_s: float = 300.0
    stream: bool = False

    def with_nonce(self) -> Self:
        """Return the request with its id before all that is asked: no cache can know that."""
        mark = f"[{self.request_id}]\n"
        if self.system:
            return replace(self, system=mark + self.system)
        return replace(self, prompt=mark + self.prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one attempt gave: its stamps always, a value only where nothing went wrong.

    `value` is the parsed JSON where a schema was sent, else the text; `notes` say what it was
    wrapped in. `error_class` or `failure` says what went wrong, `failure` where the model is to
    blame, and `message` in one line, free of secrets. `raw` is the body as received, bounded.
    """

    stamps: Stamps
    value: Any = None
    raw: bytes = b""
    error_class: ErrorClass | None = None
    failure: FailureClass | None = None
    message: str | None = None
    notes: tuple[str, ...] = ()
    constrained: bool | None = None  # the server held the model to the schema, as far as it shows
    http_status: int | None = None
    transport_ok: bool = False
    response_id: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    server_s: float | None = None
    queue_s: float | None = None  # these as the server tells them
    prefill_s: float | None = None
    decode_s: float | None = None
    compile_s: float | None = None
    itl_s: float | None = None
    system_fingerprint: str | None = None
    ratelimit_requests_left: int | None = None
    ratelimit_tokens_left: int | None = None
    retry_after_s: float | None = None
    first_token_ns: int | None = None
    first_reasoning_ns: int | None = None
    last_token_ns: int | None = None
    reported_usd: float | None = None  # what the host says that it charges
    no_answer: bool = False  # the reply is whole, and there is nothing of a model's in it
    final: bool = False  # refused for good, whatever the status: a quota is used up
    ask_otherwise: bool = False  # refused for its form before the run; the next one has another


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What one health URL answered; `answered` is false where no HTTP response came at all.

    `starting` says that it may only be asleep; `note` that it is well as far as it can be told.
    """

    ok: bool
    url: str
    status: str
    starting: bool = False
    note: bool = False
    answered: bool = True
    model: str | None = None
    hardware: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """What one warm-up call answered.

    `starting` says that the model is not loaded yet, or that nobody could be asked: it is
    worth asking again. `status` says in one line, free of secrets, what was answered.
    """

    ok: bool
    url: str
    status: str
    reply: Reply
    starting: bool = False
    model: str | None = None

    @property
    def seconds(self) -> float:
        """How long the call took."""
        return self.reply.stamps.seconds


class Endpoint(Protocol):
    """A model behind HTTP; `form` is how its requests look."""

    form: Form

    @property
    def warmable(self) -> bool:
        """Whether there is anything to ask for a warm-up."""
        ...

    @property
    def warms_elsewhere(self) -> bool:
        """Whether the warm-up is asked for at another host than generations."""
        ...

    async def health(self) -> list[Health]:
        """Ask every URL of the endpoint how it is; never raises for a bad answer."""
        ...

    async def warm(self, request_id: str, deadline_s: float) -> WarmUp:
        """Ask the endpoint to load its model, once."""
        ...

    async def generate(self, request: Request) -> Reply:
        """Send one request, once; a failure is a Reply with an error class.

        All that can be done before is done before: it goes out when `timing.pace.may_depart`
        returns.
        """
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class Redactor:
    """Strikes secrets out; what stands for one is as long, so that offsets hold."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = [text for secret in secrets if (text := secret.reveal())]
        self._encoded = [text.encode() for text in self._secrets]

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def content(self, body: bytes) -> bytes:
        """Return bytes without secrets."""
        for secret in self._encoded:
            body = body.replace(secret, b"*" * len(secret))
        return body

    def text(self, text: str) -> str:
        """Return text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "*" * len(secret))
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets, as its escapes or its pieces may spell them."""
        if not self._secrets:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        return value

    def reply(self, reply: Reply) -> Reply:
        """Return a reply whose value and words are without secrets."""
        if not self._secrets:
            return reply
        names = ("value", "message", "response_id", "model", "finish_reason")
        return replace(reply, **{name: self.value(getattr(reply, name)) for name in names})
