"""What people claim of a run, ruled by the run's own summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from liftlab.summary.claims.file import read
from liftlab.summary.claims.model import Claim, Quantity, Ruling
from liftlab.summary.claims.ruling import rule
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary

CLAIMS_FILE = "claims.toml"

__all__ = ["CLAIMS_FILE", "Claim", "Claims", "Quantity", "Ruling", "claims_of", "rule"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Claims(Result):
    """Rulings of what a project's claims say of a run; none where they are about another."""

    rows: tuple[Ruling, ...]


def claims_of(summary: RunSummary) -> Claims:
    """Rule the claims that a project has on file; a file may say that it is about one run only."""
    run, path = summary.run, summary.project.path("reference") / CLAIMS_FILE
    if not path.is_file():
        return Claims(run=run, rows=())
    file = read(path)
    claims = file.claims if file.about(run.run.run_id) else ()
    return Claims(run=run, rows=tuple(rule(claim, summary) for claim in claims))
