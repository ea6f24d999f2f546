"""Where a run's numbers come from, and what was published of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab import tomlfile
from liftlab.analysis.cost.attempt_costs import usd_by_price
from liftlab.analysis.cost.prices import Price
from liftlab.analysis.published import PublishedFigure, compare_published
from liftlab.analysis.trust import cache_warning, client_warning, trust_sentence, work_warnings
from liftlab.errors import FileInvalid
from liftlab.store import RunData
from liftlab.summary.result import Limits, Result

if TYPE_CHECKING:
    from liftlab.settings import Project


# Columns of attempts that show whether a cache answered.
_CACHES = (
    *("case_id", "stage", "repeat", "attempt", "phase", "sent_s", "last_byte_s", "transport_ok"),
    "cold",
)


class Source(Result):
    """Which run a page is of."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Provenance(Result):
    """What a reader needs to judge where numbers come from."""

    source: Mapping[str, Any]  # of an imported run: its file, and how that was read
    price: Price | None  # the one price; None where none is known
    isolation: tuple[str, ...]  # the levels at which answers were run
    controls: tuple[str, ...]  # how many known answers were told apart; empty where none was run
    # a warning that repeats were answered faster than the first time; empty without one
    caches: str

    @property
    def brief(self) -> Source:
        """The same in a line, for a page beside one that has it in full."""
        return Source(run=self.run)

    @property
    def trust(self) -> str:
        """How far the times can be trusted; empty where that was not measured."""
        return trust_sentence(self.run.run)

    @property
    def own_work(self) -> list[str]:
        """Warnings of work in stages' own methods that no time shows."""
        return work_warnings(self.run.columns("stage", "stage", "work_s", known="work_s"))

    @property
    def segments(self) -> Mapping[str, Any]:
        """What the run was merged from; empty for every other run."""
        return self.run.merged

    @property
    def is_simulated(self) -> bool:
        """Whether the endpoint was a simulator."""
        return (self.run.run.model or "").endswith("(simulated)")


def provenance_of(run: RunData, price: Price | None) -> Provenance:
    """Return where the numbers of a run come from."""
    caches = cache_warning(run.columns("attempt", *_CACHES))
    if caches:  # it also says what the server had cached
        caches = cache_warning(run.columns("attempt", *_CACHES, "cached_tokens", "prompt_tokens"))
    return Provenance(
        run=run,
        source=source_of(run),
        price=price,
        isolation=_names(run, "trial", "isolation"),
        controls=_names(run, "grade", "controls"),
        caches=caches,
    )


def _names(run: RunData, table: str, column: str) -> tuple[str, ...]:
    return tuple(sorted(run.counted(table, column)[column].dropna().astype(str)))


@lru_cache(maxsize=2)  # every section of a run's pages asks; a comparison asks of two runs
def warning_of(run: RunData) -> str:
    """Say why the run's verdicts or times are not to be trusted; empty where they are."""
    return " ".join(filter(None, (unproven(run), bottleneck(run))))


def bottleneck(run: RunData) -> str:
    """Say that a run's client was the bottleneck; empty if it was not."""
    return client_warning(run.run, run.columns("trial", "e2e_s", "outcome"))


def unproven(run: RunData) -> str:
    """Say that the grader misjudged answers whose verdict is known; empty if it did not."""
    grades = run.counted("grade", "run_id", "verdict_integrity", "controls")
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

    `file`, `sha256`, `family`, `published` (the figures of its summary) and `notes`.
    """
    if run.run.provenance != "imported":
        return {}
    known: dict[str, Any] = run.folder.manifest().get("imported", {})
    return known


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
    rows: list[PublishedFigure] = []
    if told:
        usd = usd_by_price(run.trials, run.attempts, run.costs)
        rows = compare_published(told, run.trials, run.stages, usd=usd, earlier=days)
    return Published(run=run, targets=Limits(project.settings.targets), rows=tuple(rows))


def published_days(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return what each reference file of a folder says was published, newest first."""
    files = sorted(folder.glob("*.toml"), reverse=True)
    read = {path.stem: tomlfile.read(path, FileInvalid).data for path in files}
    return {name: data["published"] for name, data in read.items() if "published" in data}
