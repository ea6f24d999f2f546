"""Figures that were published, each beside what the same rows give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab import tomlfile
from liftlab.analysis.cost import usd_by_price
from liftlab.analysis.published import PublishedFigure, compare_published
from liftlab.errors import FileInvalid
from liftlab.store import RunData
from liftlab.summary.limits import Limits
from liftlab.summary.provenance import source_of
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.settings import Project


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Published(Result):
    """The published figures of a run, recomputed; none where nothing was published of it.

    No recomputed figure is rounded onto a limit of the project's `targets`.
    """

    targets: Limits
    rows: tuple[PublishedFigure, ...]


def published_of(run: RunData, project: Project) -> Published:
    """Set what was published of a run, in the project or in the file it came from, beside it."""
    days = published_days(project.path("reference"))
    told = days.get(run.run.run_id) or source_of(run).get("published", {})
    usd = usd_by_price(run.trials, run.attempts, run.costs)
    rows = compare_published(told, run.trials, run.stages, usd=usd, earlier=days)
    return Published(run=run, targets=Limits(project.settings.targets), rows=tuple(rows))


def published_days(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return what each reference file of a folder says was published, newest first."""
    files = sorted(folder.glob("*.toml"), reverse=True)
    read = {path.stem: tomlfile.read(path, FileInvalid).data for path in files}
    return {name: data["published"] for name, data in read.items() if "published" in data}
