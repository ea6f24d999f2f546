"""From names to stages: entry points first, tables of `liftlab.toml` over them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from liftlab.errors import SettingsInvalid, UnknownName
from liftlab.pipeline.base import Stage
from liftlab.pipeline.configured import ConfiguredStage
from liftlab.settings import SETTINGS_FILE, Settings

ENTRY_POINT_GROUP = "liftlab.stages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """An ordered list of stages, and the digest of their prompts and schemas."""

    name: str
    stages: tuple[Stage, ...]
    sha256: str


def build(settings: Settings, name: str) -> Pipeline:
    """Return the pipeline `name` with its stages made.

    Raises
    ------
    UnknownName
        If there is no such pipeline, or no stage of a name that it lists.
    SettingsInvalid
        If a stage's entry point cannot be loaded.
    """
    stages = tuple(_stage(settings, stage) for stage in settings.pipeline(name).stages)
    digest = hashlib.sha256()
    for stage in stages:
        digest.update(f"{stage.name}\0{stage.attempts}\0{stage.fingerprint()}\0".encode())
    return Pipeline(name=name, stages=stages, sha256=digest.hexdigest())


def _stage(settings: Settings, name: str) -> Stage:
    if name in settings.stages:
        return ConfiguredStage(name, settings.stages[name])
    installed = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in installed:
        raise UnknownName("stage", name, sorted({*installed, *settings.stages}))
    return _load(installed[name])


def _load(entry: EntryPoint) -> Stage:
    try:
        stage: Stage = entry.load()()
    except Exception as error:  # foreign code: whatever it raises is a fault of the entry point
        message = f"stage {entry.name!r} ({entry.value}) cannot be loaded: {error!r}"
        raise SettingsInvalid(SETTINGS_FILE, message) from error
    return stage
