"""The table of one endpoint: where it is, what it speaks, what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from liftlab.errors import UsageError
from liftlab.settings.targets import Table

Omit = Literal["omit"]  # what a request leaves out
OMIT: Omit = "omit"
ENDPOINTS = "liftlab.endpoints"  # the group of entry points of adapters for other protocols
_PROTOCOLS = ("lift", "openai", "json")
# Fields that hold keys: their values come from the environment, never from a file or a command.
_SECRET = re.compile(
    r"auth|cookie|token|secret|passw|credential|(^|[-_.])(key|sig|signature)$", re.I
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding"})


def cost_model_of(name: Any) -> Any:
    """Return a cost model by the name that it has now; older files say `week2` for `latency`."""
    return "latency" if name == "week2" else name


def holds_secret(name: str) -> bool:
    """Say whether a header, query field or variable of that name holds a secret."""
    return _SECRET.search(name) is not None


def sendable(headers: dict[str, str]) -> dict[str, str]:
    """Return headers as they are; raise ValueError if one cannot be sent, or frames the request."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING:
            raise ValueError(f"{name[:100]!r} cannot be set as a header")
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"header {name}: has characters that HTTP cannot carry")
    return headers


class RetrySettings(Table):
    """When a request that failed in transport is sent again; stages limit what is asked again."""

    retries: int = Field(default=5, ge=0, le=100)  # of one request, after its first attempt
    first_wait_s: float = Field(default=0.5, ge=0, le=3600)  # doubled each time
    longest_wait_s: float = Field(default=30.0, ge=0, le=3600)
    jitter: float = Field(default=0.5, ge=0, le=1)  # the share of a wait that chance may take off
    retry_after_max_s: float = Field(default=120.0, ge=0, le=3600)  # a longer one is cut to this


class EndpointSettings(Table):
    """One endpoint: where it is, what it speaks, what it costs."""

    name: str = ""
    protocol: str = "lift"  # openai, json, or the name of an installed adapter
    # Of the protocol json: what is sent, with `$prompt` in it, and where the reply says what.
    request: dict[str, Any] | None = None
    reply_path: str = ""
    error_path: str | None = None
    tokens_path: str | None = None
    # liftlab starts it, and stops it
    serve: Literal["local", "llama.cpp", "simulator"] | None = None
    profile: str = "fast"  # what a simulator simulates: a profile's name or its file
    # what a simulator divides its times by
    time_scale: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    slots: int = Field(default=1, ge=1, le=256)
    base_url: str | None = None
    generate_url: str | None = None
    health_url: str | Literal[False] | None = None  # false: there is none to ask
    warmup_url: str | None = None
    model: str | None = None
    hardware: str | None = None
    token_env: str | None = None
    token_required: bool = True
    headers_env: dict[str, str] = Field(default_factory=dict)
    headers: Annotated[dict[str, str], AfterValidator(sendable)] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)  # added to every address
    price: str | None = None
    cost_model: Literal["gpu_seconds", "tokens", "latency"] = "gpu_seconds"
    deadline_s: float = Field(default=300.0, gt=0)  # of one attempt, from call to last byte
    connect_s: float = Field(default=10.0, gt=0)  # DNS, TCP and TLS
    first_byte_s: float | None = Field(default=None, gt=0)  # from sent to the first byte
    between_reads_s: float | None = Field(default=None, gt=0)  # from one read to the next
    trial_deadline_s: float | None = Field(default=None, gt=0)  # all attempts and pauses of a trial
    stream: bool = False  # ask for server-sent events, where the protocol has them (openai)
    nonce: bool = False  # begin each prompt with the request's id: no cache can know it
    warm_s: float = Field(default=600.0, gt=0)  # a large model takes up to seven minutes to load
    idle_s: float = Field(default=120.0, gt=0)  # without a request for so long, it may be cold
    cold_start_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)  # None: as priced
    max_containers: int | None = Field(default=None, ge=1, le=10_000)  # None: as priced
    retry: RetrySettings = RetrySettings()
    ca_file: Path | None = None
    use_proxy: bool = False
    keep_alive: bool = True  # false: a new connection for each request
    unix_socket: Path | None = None  # connects there, whatever host the address names
    # What requests say: a value goes before `[sampling]`, "omit" leaves the key out.
    temperature: Annotated[float, Field(ge=0, le=5)] | Omit | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | Omit | None = None
    max_tokens: Annotated[int, Field(ge=1)] | Omit | None = None
    seed: Omit | None = None
    stream_options: Omit | None = None
    response_format: Literal["json_schema", "json_object", "omit"] = "json_schema"
    max_tokens_field: str = Field(default="max_tokens", min_length=1)
    body: dict[str, Any] = Field(default_factory=dict)  # over all of ours; "null" removes a key

    @model_validator(mode="after")
    def _makes_sense(self) -> EndpointSettings:
        if not (self.serve or self.base_url or self.generate_url):
            raise ValueError("needs base_url, or generate_url, or serve")
        if self.stream and not self.can_stream:
            raise ValueError(f"the {self.protocol} protocol has no streamed replies")
        if (self.protocol == "json") != (self.request is not None):
            raise ValueError("protocol json and request go together")
        if self.protocol == "json" and self.generate_url is None:
            raise ValueError("protocol json needs generate_url")
        return self

    @property
    def can_stream(self) -> bool:
        """Whether its protocol has streamed replies."""
        return self.protocol not in ("lift", "json")

    @field_validator("cost_model", mode="before")
    @classmethod
    def _renamed(cls, model: object) -> object:
        return cost_model_of(model)

    @field_validator("protocol")
    @classmethod
    def _is_known(cls, protocol: str) -> str:
        if protocol not in _PROTOCOLS:
            known = [*_PROTOCOLS, *entry_points(group=ENDPOINTS).names]
            if protocol not in known:
                raise ValueError(f"must be one of {', '.join(known)}")
        return protocol

    @field_validator("headers", "query")
    @classmethod
    def _holds_no_key(cls, fields: dict[str, str]) -> dict[str, str]:
        secret = next((name for name in fields if holds_secret(name)), None)
        if secret is not None:
            raise ValueError(
                f"{secret} looks like a key: put it into an environment variable, and name that "
                f"in token_env (--token-env) or headers_env"
            )
        return fields

    def left_out(self) -> frozenset[str]:
        """Return what requests do not have: names of parameters, `json_schema` of the formats."""
        names = ("temperature", "top_p", "max_tokens", "seed", "stream_options", "response_format")
        omitted = {name for name in names if getattr(self, name) == OMIT}
        if self.response_format == "json_object":
            omitted.add("json_schema")
        return frozenset(omitted)

    def without(self, left_out: Iterable[str]) -> EndpointSettings:
        """Return the settings with further parameters left out, named as `left_out` names them."""
        omitted: dict[str, str] = {name: OMIT for name in left_out if name != "json_schema"}
        if "json_schema" in left_out:
            omitted.setdefault("response_format", "json_object")
        return self.model_copy(update=omitted)


def endpoint_from_url(
    url: str,
    protocol: str | None,
    token_env: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> EndpointSettings:
    """Return an endpoint made on the spot, or raise UsageError."""
    name = url.partition("?")[0]
    if protocol is None:
        raise UsageError(f"{name}: name its protocol: --protocol lift or --protocol openai")
    base = name.rstrip("/").removesuffix("/chat/completions")
    whole = protocol == "openai" and base != name.rstrip("/")
    address = {"generate_url": url} if whole else {"base_url": url.rstrip("/")}
    if whole and name == url:
        address["base_url"] = base
    told = {"name": name, "protocol": protocol, "token_env": token_env, "headers": headers or {}}
    try:
        return EndpointSettings.model_validate(told | address)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name}: {message}") from None
