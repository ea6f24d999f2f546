"""Where a run's numbers come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from liftlab.analysis.caching import cache_warning
from liftlab.analysis.cost import Price
from liftlab.analysis.trust import client_warning, trust_sentence, work_warnings
from liftlab.store import RunData
from liftlab.summary.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Provenance(Result):
    """What a reader needs to judge where numbers come from.

    Parameters
    ----------
    source
        Of an imported run: its file, and how that was read.
    price
        The one price; None where none is known.
    isolation
        The levels at which answers were run.
    controls
        How many known answers were told apart; empty where none was run.
    caches
        A warning that repeats were answered faster than the first time; empty without one.
    """

    source: Mapping[str, Any]
    price: Price | None
    isolation: tuple[str, ...]
    controls: tuple[str, ...]
    caches: str

    @property
    def trust(self) -> str:
        """How far the times can be trusted; empty where that was not measured."""
        return trust_sentence(self.run.run)

    @property
    def own_work(self) -> list[str]:
        """Warnings of work in stages' own methods that no time shows."""
        return work_warnings(self.run.stages)

    @property
    def is_simulated(self) -> bool:
        """Whether the endpoint was a simulator."""
        return (self.run.run.model or "").endswith("(simulated)")


def provenance_of(run: RunData, price: Price | None) -> Provenance:
    """Return where the numbers of a run come from."""
    return Provenance(
        run=run,
        source=source_of(run),
        price=price,
        isolation=tuple(sorted(set(run.trials["isolation"].dropna().astype(str)))),
        controls=tuple(sorted(set(run.grades["controls"].dropna().astype(str)))),
        caches=cache_warning(run.attempts),
    )


@lru_cache(maxsize=2)  # every section of a run's pages asks; a comparison asks of two runs
def warning_of(run: RunData) -> str:
    """Say why the run's verdicts or times are not to be trusted; empty where they are."""
    return " ".join(filter(None, (unproven(run.grades), client_warning(run.run, run.trials))))


def unproven(grades: pd.DataFrame) -> str:
    """Say that the grader misjudged answers whose verdict is known; empty if it did not.

    `grades`: a run's table `grade`.
    """
    bad = grades[grades["verdict_integrity"] == "unproven"]
    if not len(bad):
        return ""
    told = " and ".join(sorted(set(bad["controls"].dropna().astype(str))))
    [run_id] = bad["run_id"].astype(str).unique()
    return (
        f"The verdicts are unproven: the grader judged only {told} known answers correctly. "
        f"Do not rely on them. Grade again with: liftlab doctor {run_id}"
    )


def source_of(run: RunData) -> Mapping[str, Any]:
    """Return what is known of the file that a run was imported from; empty for other runs.

    Returns
    -------
    dict
        `file`, `sha256`, `family`, `published` (the figures of its summary) and `notes`.
    """
    if run.run.provenance != "imported":
        return {}
    known: dict[str, Any] = run.folder.manifest().get("imported", {})
    return known
