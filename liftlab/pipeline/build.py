"""From names to stages: entry points first, tables of `liftlab.toml` over them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from string import Template
from typing import Any

from liftlab.endpoints.paths import at
from liftlab.errors import SettingsInvalid, UnknownName
from liftlab.pipeline.base import Code, ParseSource, Prompt, Stage, StageError, Values
from liftlab.pipeline.own import OwnCode, OwnFunction, entry
from liftlab.sandbox.extract import parse_fault
from liftlab.settings import SETTINGS_FILE, Settings, StageSettings, canonical_json


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
        targets = ", ".join(own.target for own in self.imports)
        return f"imports code of this project: {targets}" if targets else None


def build(settings: Settings, name: str, root: Path, *, imports: bool = False) -> Pipeline:
    """Return the pipeline `name` of the project in `root`, with its stages made.

    Unless `imports`, code of the user's own is not imported: its stages cannot be asked for
    anything. Raises UnknownName for a pipeline or stage that is not there, SettingsInvalid for
    code that cannot be found or loaded.
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
    installed = {entry.name: entry for entry in entry_points(group="liftlab.stages")}
    if name not in installed:
        raise UnknownName("stage", name, sorted({*installed, *settings.stages}))
    try:
        stage: Stage = installed[name].load()()
    except Exception as error:  # foreign code: whatever it raises is a fault of the entry point
        message = f"stage {name!r} ({installed[name].value}) cannot be loaded: {error!r}"
        raise SettingsInvalid(SETTINGS_FILE, message) from error
    return stage if table is None else AdaptedStage(name, table, stage)


class ConfiguredStage:
    """A stage made from a `[stages.<name>]` table.

    In its prompt `$request` stands for the user's request, `$<stage>` for the value of an earlier
    stage, as JSON, and `$<stage>.<path>` for a part of it. Nothing else is filled in, and
    nothing is evaluated.
    """

    def __init__(self, name: str, settings: StageSettings) -> None:
        self.name = name
        self.attempts = settings.attempts or 1
        self._settings = settings
        self._template = _Template(settings.prompt or "")

    def prompt(self, request: str, values: Values) -> Prompt:
        """Fill the template in; raise LookupError if an earlier value lacks a part it names."""
        return Prompt(
            text=self._template.safe_substitute(_Known({**values, "request": request})),
            system=self._settings.system,
            schema=self._settings.json_schema,
            max_tokens=self._settings.max_tokens,
        )

    def parse(self, reply: Any, values: Values, parse_source: ParseSource) -> Any | StageError:
        """Take the reply as it is, or the source in it that is to be graded.

        Where the table says `attempts`, source that does not parse is asked for again.
        """
        table = self._settings
        if not table.gives_code and table.code_path is None:
            return reply
        try:
            source = at(reply, table.code_path) if table.code_path is not None else _as_text(reply)
            function = None if table.function_path is None else _part(reply, values, table)
        except KeyError as missing:
            return _lacks(str(missing.args[0]))
        if not isinstance(source, str):
            return _lacks(str(table.code_path))
        code = Code(source=source, function=function)
        fault = parse_fault(source, function, parse_source) if self.attempts > 1 else None
        if fault is None:
            return code
        return StageError(reason="does_not_parse", message=fault, value=code)

    def fingerprint(self) -> str:
        """Return the table itself."""
        return _table(self._settings)


class _Template(Template):
    idpattern = r"(?a:[_a-zA-Z][_a-zA-Z0-9]*(?:\.[_a-zA-Z0-9]+)*)"


class _Known(dict[str, Any]):
    """The values of a template, as text; a dotted name is a part of one."""

    def __getitem__(self, name: str) -> str:
        stage, _, path = name.partition(".")
        value = super().__getitem__(stage)
        if path and isinstance(value, str):  # a text has no parts: the dot ends a sentence
            return f"{value}.{path}"
        try:
            return _as_text(at(value, path))
        except KeyError:
            raise LookupError(f"the prompt names ${name}, which {stage} does not have") from None


def _part(reply: Any, values: Values, table: StageSettings) -> str | None:
    """Return the function's name: in the reply, or behind a `$` in an earlier stage's value."""
    path = table.function_path or ""
    found = at(values, path[1:]) if path.startswith("$") else at(reply, path)
    if not isinstance(found, str):
        raise KeyError(path)
    return found


def _lacks(path: str) -> StageError:
    return StageError(reason="schema_mismatch", message=f"the reply has no text at {path}")


def _as_text(value: Any) -> str:
    if isinstance(value, Code):
        return value.source
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(settings: StageSettings) -> str:
    return canonical_json(settings.model_dump(mode="json", by_alias=True))


class AdaptedStage:
    """A stage that is a class, with the `attempts` and `max_tokens` of its `[stages.<name>]` table.

    `inner` asks and reads; it is None where code of the project, `own`, is not imported.
    """

    def __init__(
        self, name: str, settings: StageSettings, inner: Stage | None, own: OwnCode | None = None
    ) -> None:
        self.name = name
        self._settings = settings
        self._inner = inner
        self._own = own
        told = own.constant("attempts") if own else None
        known = told if isinstance(told, int) else None
        self.attempts: int = settings.attempts or getattr(inner, "attempts", known) or 1

    @property
    def inner(self) -> Stage:
        """What asks and reads."""
        if self._inner is None:
            raise RuntimeError(f"the code of stage {self.name!r} is not imported here")
        return self._inner

    def prompt(self, request: str, values: Values) -> Prompt:
        """Build the prompt, with the table's limit of tokens."""
        prompt = self.inner.prompt(request, values)
        most = self._settings.max_tokens
        return prompt if most is None else replace(prompt, max_tokens=most)

    def parse(self, reply: Any, values: Values, parse_source: ParseSource) -> Any | StageError:
        """Turn a reply's value into this stage's value."""
        return self.inner.parse(reply, values, parse_source)

    def fingerprint(self) -> str:
        """Return text that changes with the table, or with the class's code or prompts."""
        code = self._own.fingerprint() if self._own else self.inner.fingerprint()
        return f"{_table(self._settings)}\0{code}"


def is_built_in(stage: Stage) -> bool:
    """Say whether a stage is liftlab's own: its work and its limits are known."""
    inner = stage.inner if isinstance(stage, AdaptedStage) else stage
    return type(inner).__module__.partition(".")[0] == "liftlab"
