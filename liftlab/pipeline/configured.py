"""A stage told in `liftlab.toml`: a prompt template and, if wanted, a JSON Schema."""

from __future__ import annotations

import json
from string import Template
from typing import Any

from liftlab.endpoints.paths import at
from liftlab.pipeline.base import Code, ParseSource, Prompt, StageError, Values
from liftlab.sandbox.extract import parse_fault
from liftlab.settings import StageSettings, canonical_json


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
        """Fill the template in.

        Raises LookupError if it names a part that an earlier stage's value does not have.
        """
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
        return canonical_json(self._settings.model_dump(mode="json", by_alias=True))


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
