"""What is kept of one check: its exchanges, in the order in which they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call of a check, and what came of it; the reply is an artifact, as its attempt's is.

    `request` is the beginning of the body. `at` is its place in the script, such as `3#2.1`: the
    first step of the second round of step 3.
    `given` has the variables that its expectations name. `judged` is false where the call tells
    only that the check cannot be made here, or was broken off.
    """

    at: str
    call: str
    method: str
    path: str
    user: str
    request: str = ""
    reply_sha256: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error_class: str | None = None
    message: str | None = None
    elapsed_s: float | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    judged: bool = True


@dataclass(slots=True, kw_only=True)
class Record:
    """All of one check. `overs` are the steps whose replies are judged together.

    `untested` says why the check could not be made, `down` that it is since nothing answers any
    more; `fault` what kept the script from going on. `left` names what could not be deleted.
    `lost_kept` tells that the server closed a connection that it was to keep.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    overs: list[str] = field(default_factory=list)
    fault: str | None = None
    untested: str | None = None
    down: bool = False
    left: list[str] = field(default_factory=list)
    lost_kept: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """Read what `dataclasses.asdict` made."""
        return cls(**{**data, "exchanges": [Exchange(**one) for one in data["exchanges"]]})
