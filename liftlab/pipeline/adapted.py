"""A stage that is a class, the project's own or an installed one, as its table wants it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from liftlab.pipeline.base import ParseSource, Prompt, Stage, StageError, Values
from liftlab.pipeline.own import OwnCode
from liftlab.settings import StageSettings, canonical_json


class AdaptedStage:
    """A stage by its class, with the `attempts` and `max_tokens` of its `[stages.<name>]` table.

    Parameters
    ----------
    name, settings
        The table and its name.
    inner
        What asks and reads; None where code of the project is not imported.
    own
        The code of the project that it is, if it is.
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
        table = canonical_json(self._settings.model_dump(mode="json", by_alias=True))
        return f"{table}\0{self._own.fingerprint() if self._own else self.inner.fingerprint()}"


def is_built_in(stage: Stage) -> bool:
    """Say whether a stage is liftlab's own: its work and its limits are known."""
    inner = stage.inner if isinstance(stage, AdaptedStage) else stage
    return type(inner).__module__.partition(".")[0] == "liftlab"
