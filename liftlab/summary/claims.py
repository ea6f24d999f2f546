"""What was claimed of a run on file, each claim ruled by the run's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from liftlab.analysis.claims import Evidence, Ruling, rule_all
from liftlab.analysis.claims.file import read
from liftlab.store import RunData
from liftlab.summary.limits import Limits
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.settings import Project

CLAIMS_FILE = "claims.toml"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Claims(Result):
    """Rulings of what a project's claims say of a run; none where they are about another."""

    rows: tuple[Ruling, ...]


def claims_of(run: RunData, project: Project) -> Claims:
    """Rule the claims that a project has on file; a file may say that it is about one run only."""
    path = project.path("reference") / CLAIMS_FILE
    if not path.is_file():
        return Claims(run=run, rows=())
    file = read(path)
    if not file.about(run.run.run_id):
        return Claims(run=run, rows=())
    return Claims(run=run, rows=tuple(rule_all(file.claims, evidence_of(run, project))))


def evidence_of(run: RunData, project: Project) -> Evidence:
    """Return what claims about a run are ruled by, no median rounded onto the project's limit."""
    limits = Limits(project.settings.targets).of("e2e_median_s", required=True)
    return Evidence.of(run, next((limit for _, limit in limits), None))
