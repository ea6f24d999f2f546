"""By when a request has a right answer."""

from __future__ import annotations

from dataclasses import dataclass

from liftlab.analysis.success import SuccessCurve
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RightBy(Result):
    """The share of graded answers that are right within a time.

    `curve`: right within t, of answered and graded; it ends at the success rate. `limits`: seconds
    to read it at, by the name of the target.
    """

    curve: SuccessCurve
    limits: tuple[tuple[str, float], ...]
