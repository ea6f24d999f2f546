"""Every trial of a run, and what was sent for it."""

from __future__ import annotations

from dataclasses import dataclass

from liftlab.analysis.columns import client_counts, is_retry
from liftlab.analysis.tokens import StageTokens, stage_tokens
from liftlab.store import RunData
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Trials(Result):
    """How a run went."""

    completed: int  # trials that went through all stages
    # requests, retries, failed: HTTP requests of all phases, those that asked again, and those that
    # failed on the way
    requests: int
    retries: int
    failed: int
    output_tokens: int | None  # of all replies; None where the endpoint does not say
    # when the tokens of streamed replies came, by stage; empty where none were streamed
    tokens: tuple[StageTokens, ...]
    # whether liftlab's own work took a share of any trial that is worth a column
    client_counts: bool


def trials_of(run: RunData) -> Trials:
    """Count what was sent and what came of it."""
    attempts, tokens = run.attempts, run.attempts["output_tokens"]
    return Trials(
        run=run,
        completed=int(run.trials["completed"].fillna(value=False).sum()),
        requests=len(attempts),
        retries=int(is_retry(attempts).sum()),
        failed=int((~attempts["transport_ok"].fillna(value=True).astype(bool)).sum()),
        output_tokens=int(tokens.sum()) if tokens.notna().any() else None,
        tokens=tuple(stage_tokens(attempts)),
        client_counts=client_counts(run.trials),
    )
