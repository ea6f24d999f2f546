"""The table of one endpoint: where it is, what it speaks, what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from liftlab.errors import UsageError
from liftlab.settings.table import Table


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
    protocol: Literal["lift", "openai"] = "lift"
    # liftlab starts it, and stops it
    serve: Literal["local", "llama.cpp", "simulator"] | None = None
    profile: str = "fast"  # what a simulator simulates: a profile's name or its file
    # what a simulator divides its times by
    time_scale: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    slots: int = Field(default=1, ge=1, le=256)
    base_url: str | None = None
    generate_url: str | None = None
    health_url: str | None = None
    warmup_url: str | None = None
    model: str | None = None
    hardware: str | None = None
    token_env: str | None = None
    token_required: bool = True
    headers_env: dict[str, str] = Field(default_factory=dict)
    price: str | None = None
    cost_model: Literal["gpu_seconds", "tokens", "week2"] = "gpu_seconds"
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
    max_tokens: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> EndpointSettings:
        if not (self.serve or self.base_url or self.generate_url):
            raise ValueError("needs base_url, or generate_url, or serve")
        if self.stream and self.protocol == "lift":
            raise ValueError("the lift protocol has no streamed replies: leave out stream")
        return self


def endpoint_from_url(url: str, protocol: str | None) -> EndpointSettings:
    """Return an endpoint made on the spot, or raise UsageError."""
    if protocol is None:
        raise UsageError(f"{url}: say what it speaks: --protocol lift or --protocol openai")
    try:
        return EndpointSettings.model_validate(
            {"name": url, "protocol": protocol, "base_url": url.rstrip("/")}
        )
    except ValidationError as error:
        raise UsageError(f"{url}: {error.errors()[0]['msg']}") from None
