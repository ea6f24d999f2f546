"""prompt→code in one stage: for any OpenAI-compatible server."""

from __future__ import annotations

from typing import Any

from liftlab.pipeline import prompts
from liftlab.pipeline.base import PROGRAM, SIGNATURE, ParseSource, Prompt, StageError, Values
from liftlab.pipeline.base import Code as CodeValue


class Code:
    """Ask for the code itself; the answer is graded as it came, right or wrong."""

    name = "code"
    attempts = 1

    def prompt(self, request: str, values: Values) -> Prompt:
        """Ask in plain text for one Python function by the name that is graded, or a program."""
        signature, is_program = values.get(SIGNATURE, ""), values.get(PROGRAM, False)
        system, user = prompts.direct_prompt(request, signature, is_program=is_program)
        return Prompt(text=user, system=system)

    def parse(
        self, reply: Any, values: Values, parse_source: ParseSource
    ) -> CodeValue | StageError:
        """Keep the text: what is wrong with it is for the grader to say."""
        if not isinstance(reply, str):
            return StageError(
                reason="schema_mismatch", message=f"expected text, got {type(reply).__name__}"
            )
        return CodeValue(source=reply)

    def fingerprint(self) -> str:
        """Return the prompt with nothing but a signature filled in."""
        return "\0".join((prompts.PROMPTS_VERSION, *prompts.direct_prompt("", "f(a)")))
