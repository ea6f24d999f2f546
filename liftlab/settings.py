"""`liftlab.toml`, the environment and the command line, as one set of checked values.

Precedence: command line > `LIFTLAB_*` > `liftlab.toml` > defaults. Every value keeps its
origin, so that `liftlab config` can say where it came from. Secrets are never values here:
an endpoint names the *variable* that holds its token.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from liftlab import tomlfile
from liftlab.errors import SettingsInvalid, UnknownName, UsageError

SETTINGS_FILE = "liftlab.toml"

# The variables that stand for a setting; others are read by the module that they belong to.
ENVIRONMENT = {
    "LIFTLAB_BASE_URL": "endpoints.lift.base_url",
    "LIFTLAB_RUNS_DIR": "paths.runs",
    "LIFTLAB_REPORTS_DIR": "paths.reports",
    "LIFTLAB_SUITE": "run.suite",
    "LIFTLAB_ENDPOINT": "run.endpoint",
    "LIFTLAB_PROTOCOL": "run.protocol",
    "LIFTLAB_PIPELINE": "run.pipeline",
    "LIFTLAB_REPEATS": "run.repeats",
    "LIFTLAB_CONCURRENCY": "run.concurrency",
    "LIFTLAB_SEED": "run.seed",
}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class PathSettings(_Table):
    """Where things lie, relative to the project's root."""

    runs: Path = Path("data/runs")
    suites: Path = Path("data/suites")
    reference: Path = Path("data/reference")
    prices: Path = Path("data/prices.toml")
    notebooks: Path = Path("notebooks")
    reports: Path = Path("reports")


class RunSettings(_Table):
    """What a run does when it is not told otherwise."""

    suite: str = "mvp"
    endpoint: str = "local"
    protocol: Literal["lift", "openai"] | None = None  # what an endpoint given as a URL speaks
    pipeline: str = "lift"
    repeats: int = Field(default=2, ge=1, le=10_000)
    concurrency: int | None = Field(default=None, ge=1, le=1024)  # None: the endpoint's slots
    seed: int = Field(default=20251015, ge=0, lt=2**31)


class SamplingSettings(_Table):
    """How the model draws its answer."""

    temperature: float = Field(default=0.3, ge=0, le=5)
    top_p: float = Field(default=0.95, gt=0, le=1)
    max_tokens: int = Field(default=2048, ge=1, le=1_000_000)
    extra: dict[str, Any] = {}


class EndpointSettings(_Table):
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
    headers_env: dict[str, str] = {}
    price: str | None = None
    cost_model: Literal["gpu_seconds", "tokens", "week2"] = "gpu_seconds"
    deadline_s: float = Field(default=300.0, gt=0)
    connect_s: float = Field(default=10.0, gt=0)
    ca_file: Path | None = None
    use_proxy: bool = False
    max_tokens: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _has_an_address(self) -> EndpointSettings:
        if not (self.serve or self.base_url or self.generate_url):
            raise ValueError("needs base_url, or generate_url, or serve")
        return self


class PipelineSettings(_Table):
    """An ordered list of stage names."""

    stages: tuple[str, ...] = Field(min_length=1)


class StageSettings(_Table):
    """A stage told in the file: a prompt with `$prompt` and `$<earlier stage>` in it."""

    prompt: str
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    system: str | None = None
    attempts: int = Field(default=1, ge=1, le=10)
    max_tokens: int | None = Field(default=None, ge=1)
    gives_code: bool = False


class TargetSettings(_Table):
    """What the team wants to reach."""

    e2e_median_s: float | None = 15.0
    e2e_median_original_s: float | None = 5.0
    success_rate: float | None = Field(default=0.70, gt=0, le=1)


class GradingSettings(_Table):
    """Where answers may be run."""

    allow_weak_isolation: bool = False


class Settings(_Table):
    """All settings of a project, checked."""

    paths: PathSettings = PathSettings()
    run: RunSettings = RunSettings()
    sampling: SamplingSettings = SamplingSettings()
    endpoints: dict[str, EndpointSettings] = {}
    pipelines: dict[str, PipelineSettings] = {}
    stages: dict[str, StageSettings] = {}
    grading: GradingSettings = GradingSettings()
    targets: TargetSettings = TargetSettings()

    def endpoint(self, name_or_url: str, protocol: str | None = None) -> EndpointSettings:
        """Return the endpoint of that name, or one made on the spot from a URL.

        Raises
        ------
        UnknownName
            If it is neither; the message names the nearest.
        """
        if "://" in name_or_url:
            return _endpoint_from_url(name_or_url, protocol)
        if name_or_url not in self.endpoints:
            raise UnknownName("endpoint", name_or_url, self.endpoints)
        chosen = self.endpoints[name_or_url]
        if protocol and protocol != chosen.protocol:
            raise UsageError(
                f"endpoint {name_or_url!r} speaks {chosen.protocol}: "
                "--protocol goes with a URL, not with a name"
            )
        return chosen

    def pipeline(self, name: str) -> PipelineSettings:
        """Return the pipeline of that name, or raise UnknownName."""
        if name not in self.pipelines:
            raise UnknownName("pipeline", name, self.pipelines)
        return self.pipelines[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a `liftlab.toml`: its root, its settings, and where each value came from."""

    root: Path
    settings: Settings
    origins: Mapping[str, str]

    def path(self, kind: str) -> Path:
        """Return the absolute path of `runs`, `suites`, `reference`, … of this project."""
        relative: Path = getattr(self.settings.paths, kind)
        return (self.root / relative).absolute()

    def settings_sha256(self) -> str:
        """Return the digest of all settings; they hold no secrets."""
        return hashlib.sha256(canonical_json(self.resolved()).encode()).hexdigest()

    def resolved(self) -> dict[str, Any]:
        """Return all settings as plain JSON-ready data."""
        return self.settings.model_dump(mode="json", by_alias=True)


def load_project(
    start: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Project:
    """Find `liftlab.toml` at or above `start` and return the project's checked settings.

    Parameters
    ----------
    start
        Where to look from; the working directory if None. Without a file above it, the
        defaults hold and `start` is the root.
    environ
        The environment; `os.environ` if None.
    overrides
        Values of the command line by dotted name, such as `{"run.suite": "mvp"}`;
        None values are passed over.

    Raises
    ------
    SettingsInvalid
        If the file is broken: says the file, the line and the field.
    """
    environ = os.environ if environ is None else environ
    start = (start or Path.cwd()).absolute()
    root = next((p for p in (start, *start.parents) if (p / SETTINGS_FILE).is_file()), None)
    layers: list[tuple[str, dict[str, Any]]] = [("default", _DEFAULTS)]
    file: tomlfile.TomlFile | None = None
    if root is not None:
        file = tomlfile.read(root / SETTINGS_FILE, SettingsInvalid)
        layers.append((SETTINGS_FILE, dict(file.data)))
    for variable, key in ENVIRONMENT.items():
        if environ.get(variable):
            layers.append((variable, _nested(key, environ[variable])))
    for key, value in (overrides or {}).items():
        if value is not None:
            layers.append(("command line", _nested(key, value)))
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        _merge(merged, layer, origin, origins)
    for table, name in _named_tables(merged):
        merged[table][name] = {**merged[table][name], "name": name}
    return Project(root=root or start, settings=_check(merged, file, origins), origins=origins)


def canonical_json(data: Any) -> str:
    """Return JSON that is the same for the same data: sorted keys, no spaces."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


_DEFAULTS: dict[str, Any] = {
    "endpoints": {
        "local": {"protocol": "lift", "serve": "local", "max_tokens": 256, "price": "local-cpu"},
        "lift": {
            "protocol": "lift",
            "base_url": "http://127.0.0.1:8000",
            "token_env": "LIFT_TOKEN",
            "token_required": False,
        },
    },
    "pipelines": {
        "lift": {"stages": ["nlp_to_ir", "ir_to_code"]},
        "direct": {"stages": ["code"]},
    },
}


def _named_tables(merged: dict[str, Any]) -> list[tuple[str, str]]:
    endpoints = merged.get("endpoints")
    if not isinstance(endpoints, dict):
        return []
    return [("endpoints", name) for name, table in endpoints.items() if isinstance(table, dict)]


def _endpoint_from_url(url: str, protocol: str | None) -> EndpointSettings:
    if protocol is None:
        raise UsageError(f"{url}: say what it speaks: --protocol lift or --protocol openai")
    try:
        return EndpointSettings.model_validate(
            {"name": url, "protocol": protocol, "base_url": url.rstrip("/")}
        )
    except ValidationError as error:
        raise UsageError(f"{url}: {error.errors()[0]['msg']}") from None


def _check(
    merged: dict[str, Any], file: tomlfile.TomlFile | None, origins: Mapping[str, str]
) -> Settings:
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        origin = origins.get(key, SETTINGS_FILE if file else "default")
        if file is None or origin not in (SETTINGS_FILE, "default"):
            raise UsageError(f"{origin}: {key}: {first['msg']}") from None
        raise tomlfile.invalid(file, error, SettingsInvalid) from None


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def _merge(
    into: dict[str, Any],
    layer: Mapping[str, Any],
    origin: str,
    origins: dict[str, str],
    prefix: str = "",
) -> None:
    for key, value in layer.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and isinstance(into.get(key, {}), dict):
            into[key] = dict(into.get(key, {}))
            _merge(into[key], value, origin, origins, f"{name}.")
        else:
            into[key] = value
            origins[name] = origin
