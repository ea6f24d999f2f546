"""What a run will do, in which order, and what that may take."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrial:
    """One case, once."""

    case_id: str
    repeat: int
    prompt: str
    category: str | None = None
    difficulty: str | None = None
    function: str | None = None  # what is graded
    signature: str = ""  # what a prompt for code has to add about it
    is_program: bool = False  # it reads standard input and prints

    @property
    def key(self) -> tuple[str, int]:
        """What names a trial within its run."""
        return self.case_id, self.repeat

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        return cls(**data)

    def as_json(self) -> dict[str, Any]:
        """Return plain data for the load process."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """End a run once it is decided whether its success rate reaches a target.

    Rates within ± `zone` of the target may be decided either way.
    """

    target: float = 0.7
    zone: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a plan takes at most: calls, tokens, seconds one after the other, and money."""

    trials: int
    calls_min: int
    calls_max: int
    output_tokens_max: int | None  # None: requests set no limit
    seconds_max: float
    usd_max: float | None


def repeat_major(trials: Sequence[PlannedTrial], seed: int) -> list[PlannedTrial]:
    """Order trials by repeat, shuffled within each.

    A drift of the endpoint is then not taken for a property of a case, and a run that is
    stopped early has seen every case about as often as every other.

    Examples
    --------
    >>> plan = [PlannedTrial(case_id=c, repeat=r, prompt="") for c in "ab" for r in (1, 2)]
    >>> [trial.repeat for trial in repeat_major(plan, seed=1)]
    [1, 1, 2, 2]
    """
    ordered: list[PlannedTrial] = []
    for repeat in sorted({trial.repeat for trial in trials}):
        within = sorted((t for t in trials if t.repeat == repeat), key=lambda t: t.case_id)
        random.Random(f"{seed}:{repeat}").shuffle(within)
        ordered += within
    return ordered


def attempt_seed(run_seed: int, case_id: str, repeat: int, stage: str, attempt: int) -> int:
    """Return the sampling seed of one attempt: new for each, the same in every re-run.

    Examples
    --------
    >>> attempt_seed(1, "add", 1, "code", 1) == attempt_seed(1, "add", 1, "code", 2)
    False
    """
    name = f"{run_seed}:{case_id}:{repeat}:{stage}:{attempt}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") & 0x7FFF_FFFF


def bounds(
    trials: int,
    stages: Sequence[tuple[int, int | None]],
    deadline_s: float,
    usd_per_hour: float | None,
    usd_per_request: float = 0.0,
) -> Bounds:
    """Bound what a plan can take.

    Parameters
    ----------
    trials
        How many trials the plan has.
    stages
        For each stage its limit of attempts and of output tokens an attempt, None without one.
    deadline_s
        The longest that one attempt may take.
    usd_per_hour, usd_per_request
        The endpoint's price; None an hour where it is unknown.

    Examples
    --------
    >>> bounds(10, [(3, 512), (3, 512)], deadline_s=60, usd_per_hour=1.1).calls_max
    60
    """
    tokens = [None if most is None else attempts * most for attempts, most in stages]
    calls_max = trials * sum(attempts for attempts, _ in stages)
    seconds_max = calls_max * deadline_s
    usd_max = None
    if usd_per_hour is not None:
        usd_max = seconds_max * usd_per_hour / 3600 + calls_max * usd_per_request
    return Bounds(
        trials=trials,
        calls_min=trials * len(stages),
        calls_max=calls_max,
        output_tokens_max=None if None in tokens else trials * sum(filter(None, tokens)),
        seconds_max=seconds_max,
        usd_max=usd_max,
    )
