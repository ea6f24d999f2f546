"""Find the project around a folder, and layer its settings: the later layer wins."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from liftlab import tomlfile
from liftlab.errors import SettingsInvalid, UsageError
from liftlab.settings.tables import Settings

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

    Without a file the defaults hold, and `start` is the root. `overrides` are values of the
    command line by dotted name, such as `{"run.suite": "mvp"}`; None values are passed over.
    Raises SettingsInvalid if the file is broken: says the file, the line and the field.
    """
    environ = os.environ if environ is None else environ
    start = (start or Path.cwd()).absolute()
    root = next((p for p in (start, *start.parents) if (p / SETTINGS_FILE).is_file()), start)
    file: tomlfile.TomlFile | None = None
    layers: list[tuple[str, dict[str, Any]]] = [("default", _DEFAULTS)]
    if (root / SETTINGS_FILE).is_file():
        file = tomlfile.read(root / SETTINGS_FILE, SettingsInvalid)
        layers.append((SETTINGS_FILE, file.data))
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
    endpoints = merged.get("endpoints")
    for name, table in endpoints.items() if isinstance(endpoints, dict) else ():
        if isinstance(table, dict):
            table["name"] = name
            for key in ("ca_file", "unix_socket", "profile"):
                if origins.get(f"endpoints.{name}.{key}") == SETTINGS_FILE:
                    table[key] = _placed(key, table[key], root)
    return Project(root=root, settings=_check(merged, file, origins), origins=origins)


def find_project(
    start: Path | None = None, *, overrides: Mapping[str, Any] | None = None
) -> Project:
    """Return the project around a folder; as `load_project`, and UsageError if there is none."""
    found = load_project(start, overrides=overrides)
    if not (found.root / SETTINGS_FILE).is_file():
        raise UsageError(f"no {SETTINGS_FILE} here or above: `liftlab init` makes one")
    return found


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
    "pipelines": {"lift": {"stages": ["nlp_to_ir", "ir_to_code"]}, "direct": {"stages": ["code"]}},
}


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


def _placed(key: str, value: Any, root: Path) -> Any:
    """Return a path of the file's below the folder it lies in; a profile is a name, too."""
    is_path = isinstance(value, str) and (key != "profile" or value.endswith(".toml"))
    return str(root / value) if is_path else value


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
