"""What is kept of one check: its exchanges, in the order in which they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call of a check, and what came of it; the reply is an artifact, as its attempt's is."""

    at: str  # its place: `3#2.1` is the first step of the second round of step 3
    call: str
    method: str
    path: str
    user: str
    request: str = ""  # the beginning of its body
    reply_sha256: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error_class: str | None = None
    message: str | None = None
    elapsed_s: float | None = None
    given: Mapping[str, Any] = field(default_factory=dict)  # variables that expectations name
    judged: bool = True  # not where the check cannot be made here, or it was broken off


@dataclass(slots=True, kw_only=True)
class Record:
    """All of one check."""

    exchanges: list[Exchange] = field(default_factory=list)
    overs: list[str] = field(default_factory=list)  # steps whose replies are judged together
    fault: str | None = None  # what kept the script from going on
    untested: str | None = None  # why the check could not be made
    down: bool = False  # likewise: since nothing answers any more
    lost_kept: bool = False  # the server closed a connection that it was to keep

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """Read what `dataclasses.asdict` made."""
        return cls(**{**data, "exchanges": [Exchange(**one) for one in data["exchanges"]]})
