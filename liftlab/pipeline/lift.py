"""NLP→IR→Code: the two stages of the lift pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liftlab.pipeline import prompts
from liftlab.pipeline.base import Code, ParseSource, Prompt, StageError, Values
from liftlab.settings import canonical_json

# An IR is some fifty tokens and a body of a page under a thousand; an endpoint's own
# `max_tokens` may be lower.
IR_MAX_TOKENS = 512
BODY_MAX_TOKENS = 1024


class NlpToIr:
    """Ask for the intermediate representation of a request."""

    name = "nlp_to_ir"
    attempts = 3

    def prompt(self, request: str, values: Values) -> Prompt:
        """Ask for an IR under its schema."""
        return Prompt(
            text=prompts.ir_prompt(request),
            schema=prompts.IR_SCHEMA,
            needs=prompts.IR_NEEDS,
            max_tokens=IR_MAX_TOKENS,
        )

    def parse(self, reply: Any, values: Values, parse_source: ParseSource) -> Any | StageError:
        """Take the IR if a function can be made of its signature."""
        fault = prompts.ir_fault(reply)
        return reply if fault is None else StageError(reason="invalid_ir", message=fault)

    def fingerprint(self) -> str:
        """Return the prompt with nothing filled in, and the schema."""
        parts = (prompts.PROMPTS_VERSION, prompts.ir_prompt(""), canonical_json(prompts.IR_SCHEMA))
        return "\0".join(parts)


class IrToCode:
    """Ask for a function's body, assemble the function, and ask again while it does not parse."""

    name = "ir_to_code"
    attempts = 3

    def prompt(self, request: str, values: Values) -> Prompt:
        """Ask for the body that the IR describes."""
        return Prompt(
            text=prompts.body_prompt(values["nlp_to_ir"]),
            schema=prompts.BODY_SCHEMA,
            max_tokens=BODY_MAX_TOKENS,
        )

    def parse(self, reply: Any, values: Values, parse_source: ParseSource) -> Code | StageError:
        """Put the function together and ask the sandbox whether it parses."""
        ir: Mapping[str, Any] = values["nlp_to_ir"]
        code = Code(
            source=prompts.assemble(ir, reply["body"]), function=str(ir["signature"]["name"])
        )
        report = parse_source(code.source.encode("utf-8", "surrogatepass"))
        if report.parsed:
            return code
        return StageError(reason="does_not_parse", message=report.message or "", value=code)

    def fingerprint(self) -> str:
        """Return the prompt for an empty IR, and the schema."""
        asked = prompts.body_prompt(prompts.EMPTY_IR)
        return "\0".join((prompts.PROMPTS_VERSION, asked, canonical_json(prompts.BODY_SCHEMA)))
