"""A stage told in `liftlab.toml`: a prompt template and, if wanted, a JSON Schema."""

from __future__ import annotations

import json
from string import Template
from typing import Any

from liftlab.pipeline.base import Code, ParseSource, Prompt, StageError, Values
from liftlab.settings import StageSettings, canonical_json


class ConfiguredStage:
    """A stage made from a `[stages.<name>]` table.

    In its prompt `$request` stands for the user's request and `$<stage>` for the value of
    an earlier stage, as JSON. Nothing else is filled in, and nothing is evaluated.
    """

    def __init__(self, name: str, settings: StageSettings) -> None:
        self.name = name
        self.attempts = settings.attempts
        self._settings = settings

    def prompt(self, request: str, values: Values) -> Prompt:
        """Fill the template in."""
        known = {stage: _as_text(value) for stage, value in values.items()}
        return Prompt(
            text=Template(self._settings.prompt).safe_substitute(known, request=request),
            system=self._settings.system,
            schema=self._settings.json_schema,
            max_tokens=self._settings.max_tokens,
        )

    def parse(self, reply: Any, values: Values, parse_source: ParseSource) -> Any | StageError:
        """Take the reply as it is; as source to be graded where the table says `gives_code`."""
        return Code(source=_as_text(reply)) if self._settings.gives_code else reply

    def fingerprint(self) -> str:
        """Return the table itself."""
        return canonical_json(self._settings.model_dump(mode="json", by_alias=True))


def _as_text(value: Any) -> str:
    if isinstance(value, Code):
        return value.source
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
