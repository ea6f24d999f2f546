"""What a stage and a pipeline are.

A stage that is added, as a class in the entry-point group `liftlab.stages` or a table
`[stages.<name>]`, appears in records, statistics and reports with no other line changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from liftlab.endpoints.base import Request, Sampling
from liftlab.sandbox import ParseReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What to ask for in one attempt. `schema` is a JSON Schema, or None for plain text.

    A reply is taken if it has what the stage `needs`: a JSON Schema, too; if None, the keys of
    `schema` with their types.
    """

    text: str
    system: str | None = None
    schema: Mapping[str, Any] | None = None
    needs: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()

    def as_request(
        self,
        request_id: str,
        sampling: Sampling,
        seed: int | None,
        *,
        deadline_s: float,
        stream: bool,
        nonce: bool = False,
    ) -> Request:
        """Return the request that asks for it; the lower limit of tokens holds."""
        limit = min(sampling.max_tokens, self.max_tokens or sampling.max_tokens)
        request = Request(
            prompt=self.text,
            system=self.system,
            schema=self.schema,
            needs=self.needs,
            stop=self.stop,
            request_id=request_id,
            sampling=replace(sampling, max_tokens=limit, seed=seed),
            deadline_s=deadline_s,
            stream=stream,
        )
        return request.with_nonce() if nonce else request


@dataclass(frozen=True, slots=True, kw_only=True)
class StageError:
    """A reply that the stage can't use: a short machine-readable reason, and a line for people.

    `value` keeps what there is of it, such as source that does not parse.
    """

    reason: str
    message: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Source, and the function it is meant to define (None where nobody has said)."""

    source: str
    function: str | None = None


# By the stage's name; under SIGNATURE is what a prompt for code has to add about the function, and
# under PROGRAM whether the answer is run as a program.
Values = Mapping[str, Any]
SIGNATURE, PROGRAM = "signature", "is_program"
ParseSource = Callable[[bytes], ParseReport]


class Stage(Protocol):
    """One step of a pipeline."""

    name: str
    attempts: int  # how often a reply may be refused before the stage has failed

    def prompt(self, request: str, values: Values) -> Prompt:
        """Build the prompt from the user's request and the earlier stages' values.

        `values[SIGNATURE]` is the function that is graded, such as `add(a, b)`; it is empty where
        the case names none, or its request defines it.
        """
        ...

    def parse(self, reply: Any, values: Values, parse_source: ParseSource) -> Any | StageError:
        """Turn a reply's value into this stage's value; a `Code` is what gets graded."""
        ...

    def fingerprint(self) -> str:
        """Return text that changes whenever the prompts or schemas do."""
        ...
