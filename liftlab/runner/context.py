"""What every trial of a run shares, and where its rows go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from liftlab.endpoints.base import Endpoint, Sampling
from liftlab.pipeline.base import ParseSource, Stage
from liftlab.pipeline.own import OwnFunction
from liftlab.records import Attempt
from liftlab.runner.cold_start import LEAST_COLD_S, ColdWatch
from liftlab.runner.retry import Sleep
from liftlab.settings import RetrySettings
from liftlab.timing.clock import Clock


class Ledger(Protocol):
    """Where rows and texts go: the journal and the artifacts of a run."""

    def next_seq(self) -> int:
        """Return the number of the next attempt."""
        ...

    def attempts_before(self, case_id: str, repeat: int, stage: str) -> int:
        """Return how many attempts an earlier, broken-off session made at this stage."""
        ...

    async def attempt_sent(self, attempt: Attempt) -> None:
        """Note an attempt that is about to be sent; done when no kill can lose the row."""
        ...

    def attempt_ended(self, attempt: Attempt) -> None:
        """Complete an attempt's row."""
        ...

    def keep(self, content: bytes) -> str:
        """Keep a text, and return its digest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every trial of a run shares.

    Parameters
    ----------
    deadline_s, trial_deadline_s
        How long one attempt, and all of a trial, may take in seconds.
    retry
        When a request that failed in transport is sent again.
    least_cold_s, warm_s
        The shortest wait that counts as a cold start, and the longest that a warm-up may take.
    stream
        Whether to ask for server-sent events.
    nonce
        Whether each prompt begins with its request's id, so that no cache can know it.
    watch
        Tells which attempts found the endpoint asleep.
    sleep
        How to wait between two attempts.
    note
        Tells a person something about the session, once.
    noted
        Stages whose own work a person has been told of.
    root
        The project's folder.
    elsewhere
        By stage: what it has of its own, such as another endpoint.
    own
        The pipeline of the user's own; there are no `stages` then.
    base_url, model
        The endpoint's, for that pipeline.
    """

    run_id: str
    stages: tuple[Stage, ...]
    endpoint: Endpoint
    endpoint_name: str
    sampling: Sampling
    run_seed: int
    deadline_s: float
    clock: Clock
    ledger: Ledger
    parse_source: ParseSource
    watch: ColdWatch
    retry: RetrySettings
    trial_deadline_s: float | None = None
    least_cold_s: float = LEAST_COLD_S
    warm_s: float = 600.0
    stream: bool = False
    nonce: bool = False
    sleep: Sleep = asyncio.sleep
    note: Callable[[str], None] = lambda text: None
    noted: set[str] = field(default_factory=set)
    root: Path = Path()
    elsewhere: Mapping[str, Context] = field(default_factory=dict)
    own: OwnFunction | None = None
    base_url: str | None = None
    model: str | None = None

    def of(self, stage: str) -> Context:
        """Return what the attempts of one stage share."""
        return self.elsewhere.get(stage, self)
