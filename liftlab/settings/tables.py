"""The tables of `liftlab.toml`, checked where they enter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from liftlab.errors import UnknownName, UsageError
from liftlab.settings.endpoint import EndpointSettings, endpoint_from_url
from liftlab.settings.targets import BudgetSettings, Table, TargetSettings, default_targets


class PathSettings(Table):
    """Where things lie, relative to the project's root."""

    runs: Path = Path("data/runs")
    suites: Path = Path("data/suites")
    reference: Path = Path("data/reference")
    prices: Path = Path("data/prices.toml")
    notebooks: Path = Path("notebooks")
    reports: Path = Path("reports")
    baseline: Path = Path("baseline.json")


class RunSettings(Table):
    """What a run does when it is not told otherwise."""

    suite: str = "mvp"
    endpoint: str = "local"
    protocol: Literal["lift", "openai"] | None = None  # what an endpoint given as a URL speaks
    token_env: str | None = None  # the variable that holds the token of an endpoint given as a URL
    headers: dict[str, str] = Field(default_factory=dict)  # and further headers that it gets
    pipeline: str = "lift"
    repeats: int = Field(default=2, ge=1, le=10_000)
    concurrency: int | None = Field(default=None, ge=1, le=1024)  # None: the endpoint's slots
    seed: int = Field(default=20251015, ge=0, lt=2**31)


class SamplingSettings(Table):
    """How the model draws its answer."""

    temperature: float = Field(default=0.3, ge=0, le=5)
    top_p: float = Field(default=0.95, gt=0, le=1)
    max_tokens: int = Field(default=2048, ge=1, le=1_000_000)
    extra: dict[str, Any] = Field(default_factory=dict)


# `module:name` of code of the user's own; only the load process of a run imports it.
OwnTarget = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]


Module = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


class PipelineSettings(Table):
    """An ordered list of stage names, or a function or class of the user's own."""

    stages: tuple[str, ...] | None = Field(default=None, min_length=1)
    call: OwnTarget | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> PipelineSettings:
        if (self.stages is None) == (self.call is None):
            raise ValueError("needs stages, or call: one of the two")
        return self


class StageSettings(Table):
    """A stage told in the file: a prompt, a class, or how an installed stage is asked."""

    prompt: str | None = None  # with `$request`, `$<earlier stage>` and parts of it
    own_class: OwnTarget | None = Field(default=None, alias="class")
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    system: str | None = None
    attempts: int | None = Field(default=None, ge=1, le=10)  # None: as its class says, or once
    gives_code: bool = False
    code_path: str | None = None  # where the source is in a JSON reply
    function_path: str | None = None  # and the function's name; behind `$` of an earlier stage
    endpoint: str | None = None  # None: the run's; likewise the next
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=5)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _fits_together(self) -> StageSettings:
        if self.prompt is not None and self.own_class is not None:
            raise ValueError("has a prompt and a class: one of the two")
        only_with_prompt = ("json_schema", "system", "gives_code", "code_path", "function_path")
        if self.prompt is None and (odd := [n for n in only_with_prompt if getattr(self, n)]):
            raise ValueError(f"{odd[0].removeprefix('json_')} goes with a prompt")
        if self.code_path is not None and self.json_schema is None:
            raise ValueError("code_path goes with a schema")
        if self.function_path is not None and not (self.gives_code or self.code_path is not None):
            raise ValueError("function_path goes with code_path or gives_code")
        return self


class LimitSettings(Table):
    """What one session of a run may take before it ends early; None is no limit."""

    max_seconds: float | None = Field(default=None, gt=0)
    max_requests: int | None = Field(default=None, ge=1)
    max_usd: float | None = Field(default=None, gt=0)
    max_error_rate: float | None = Field(default=None, ge=0, le=1)  # of trials


class GradingSettings(Table):
    """Where answers may be run, and what they find there."""

    allow_weak_isolation: bool = False
    packages: tuple[Module, ...] = ()  # which they may import beside the standard library
    python: str | None = None  # a name or a path of the interpreter; None is liftlab's own


class Settings(Table):
    """All settings of a project, checked."""

    paths: PathSettings = PathSettings()
    run: RunSettings = RunSettings()
    sampling: SamplingSettings = SamplingSettings()
    endpoints: dict[str, EndpointSettings] = Field(default_factory=dict)
    pipelines: dict[str, PipelineSettings] = Field(default_factory=dict)
    stages: dict[str, StageSettings] = Field(default_factory=dict)
    limits: LimitSettings = LimitSettings()
    grading: GradingSettings = GradingSettings()
    budget: BudgetSettings = BudgetSettings()
    targets: dict[str, TargetSettings] = Field(default_factory=default_targets)

    def endpoint(self, name_or_url: str, protocol: str | None = None) -> EndpointSettings:
        """Return the endpoint of that name, or one made on the spot from a URL.

        Raises UnknownName if it is neither; the message names the nearest.
        """
        if "://" in name_or_url:
            return endpoint_from_url(name_or_url, protocol, self.run.token_env, self.run.headers)
        if name_or_url not in self.endpoints:
            raise UnknownName("endpoint", name_or_url, self.endpoints)
        chosen = self.endpoints[name_or_url]
        if protocol and protocol != chosen.protocol:
            raise UsageError(
                f"endpoint {name_or_url!r} speaks {chosen.protocol}: "
                "--protocol goes with a URL, not with a name"
            )
        if self.run.token_env or self.run.headers:
            raise UsageError(
                f"--token-env and --header go with a URL: give endpoint {name_or_url!r} "
                "token_env and headers in liftlab.toml"
            )
        return chosen

    def chosen_endpoint(self, model: str | None) -> EndpointSettings:
        """Return the endpoint of `[run]`, with the model if one is named."""
        chosen = self.endpoint(self.run.endpoint, self.run.protocol)
        return chosen if model is None else chosen.model_copy(update={"model": model})

    def endpoint_of_stage(self, stage: str, otherwise: EndpointSettings) -> EndpointSettings:
        """Return the endpoint that a stage's table names, with its model; else the run's."""
        table = self.stages.get(stage, StageSettings())
        chosen = otherwise if table.endpoint is None else self.endpoint(table.endpoint)
        return chosen.model_copy(update={"model": table.model}) if table.model else chosen

    def pipeline(self, name: str) -> PipelineSettings:
        """Return the pipeline of that name, or raise UnknownName."""
        if name not in self.pipelines:
            raise UnknownName("pipeline", name, self.pipelines)
        return self.pipelines[name]
