"""From names to stages: entry points first, tables of `liftlab.toml` over them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from liftlab.errors import SettingsInvalid, UnknownName
from liftlab.pipeline.adapted import AdaptedStage
from liftlab.pipeline.base import Stage
from liftlab.pipeline.configured import ConfiguredStage
from liftlab.pipeline.own import OwnCode, OwnFunction, entry
from liftlab.settings import SETTINGS_FILE, Settings

ENTRY_POINT_GROUP = "liftlab.stages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """An ordered list of stages, or a function of the user's own, and the digest of it all.

    `imports` is the code of the user's own that a run imports, and `own` its function, once it is.
    """

    name: str
    stages: tuple[Stage, ...]
    sha256: str
    imports: tuple[OwnCode, ...] = ()
    own: OwnFunction | None = None

    def announcement(self) -> str | None:
        """Say which code of the project a run will import; None if it imports none."""
        if not self.imports:
            return None
        targets = ", ".join(own.target for own in self.imports)
        return f"imports code of this project: {targets}"


def build(settings: Settings, name: str, root: Path, *, imports: bool = False) -> Pipeline:
    """Return the pipeline `name` with its stages made.

    Raises UnknownName if there is no such pipeline, or no stage of a name that it lists. Raises
    SettingsInvalid if code of the user's own, or a stage's entry point, cannot be found or loaded.

    Parameters
    ----------
    settings, name
        The project's settings, and the pipeline's name in them.
    root
        The project's folder, where code of the user's own is.
    imports
        Whether that code is imported; if not, its stages cannot be asked for anything.
    """
    chosen = settings.pipeline(name)
    call = chosen.call and OwnCode(f"pipelines.{name}.call", chosen.call, root)
    classes = {
        stage: OwnCode(f"stages.{stage}.class", target, root)
        for stage in chosen.stages or ()
        if stage in settings.stages and (target := settings.stages[stage].own_class)
    }
    stages = tuple(
        _stage(settings, stage, classes.get(stage), imports) for stage in chosen.stages or ()
    )
    digest = hashlib.sha256(call.fingerprint().encode() if call else b"")
    for stage in stages:
        digest.update(f"{stage.name}\0{stage.attempts}\0{stage.fingerprint()}\0".encode())
    return Pipeline(
        name=name,
        stages=stages,
        sha256=digest.hexdigest(),
        imports=(call,) if call else tuple(classes.values()),
        own=OwnFunction(entry(call), call, name) if call and imports else None,
    )


def _stage(settings: Settings, name: str, own: OwnCode | None, imports: bool) -> Stage:
    table = settings.stages.get(name)
    if table is not None and table.prompt is not None:
        return ConfiguredStage(name, table)
    if table is not None and own is not None:
        return AdaptedStage(name, table, own.make() if imports else None, own)
    installed = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in installed:
        raise UnknownName("stage", name, sorted({*installed, *settings.stages}))
    stage = _load(installed[name])
    return stage if table is None else AdaptedStage(name, table, stage)


def _load(entry: EntryPoint) -> Stage:
    try:
        stage: Stage = entry.load()()
    except Exception as error:  # foreign code: whatever it raises is a fault of the entry point
        message = f"stage {entry.name!r} ({entry.value}) cannot be loaded: {error!r}"
        raise SettingsInvalid(SETTINGS_FILE, message) from error
    return stage
