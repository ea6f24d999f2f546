"""What every result of a summary has."""

from __future__ import annotations

from dataclasses import dataclass

from liftlab.store import RunData


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result:
    """Something that is said of one run; `liftlab.reporting.sections` says how it is shown.

    `run`: the run and its tables.
    """

    run: RunData

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.run.run.run_id}>"
