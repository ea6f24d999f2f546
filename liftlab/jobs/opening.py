"""Open a run: grade, price and lay down its tables where they are missing or stale."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from liftlab import store, suite
from liftlab.analysis.cost.attempt_costs import attempt_costs
from liftlab.analysis.cost.prices import Price
from liftlab.errors import InputInvalid
from liftlab.grading.grade import GRADER_VERSION
from liftlab.grading.run import grade_run
from liftlab.importers import week2
from liftlab.importers.jsonl import Exported, judged
from liftlab.importers.week2 import export
from liftlab.importers.week2.old_file import FAMILIES
from liftlab.importers.week2.reference import import_reference, reference_names
from liftlab.records import LOAD, SESSIONS, Check, Grade, as_row, columns
from liftlab.sessions.checks import checks_of
from liftlab.sessions.grade import grade_sessions
from liftlab.settings import Project, load_project
from liftlab.settings.endpoint import cost_model_of
from liftlab.store import RunData, RunFolder
from liftlab.store.tables import at_real_length
from liftlab.summary.cost import prices, timed_stages

_COSTS = 4  # the version of how costs are derived
_SHARED: dict[Path, RunData] = {}
_MOST_OLD = 10_000  # trials: of more, nobody reads the old format, which holds each answer in full


def open_run(run_id: str = "latest", *, project: Project | None = None) -> RunData:
    """Return a run with its tables; they are made again where they are missing or stale.

    `run_id` may be the beginning of a name; `latest` is the newest run of a suite. The names of the
    reference runs (`week2_day1`, `week1`) work on a fresh checkout, too.
    """
    project = project or load_project()
    folder = find_run(project, run_id)
    if folder.path in _SHARED:
        return _SHARED[folder.path]
    if not store.tables_current(folder, judged_by=judged_by(project)):
        rebuild_tables(project, folder)
    return store.read_tables(folder)


def open_answers(run: str | RunData, *, project: Project) -> RunData:
    """Return a run as `open_run` does.

    Raises InputInvalid for session checks: there are no answers to compare, to claim or to repeat.
    """
    data = run if isinstance(run, RunData) else open_run(run, project=project)
    if data.run.pipeline == SESSIONS:
        raise InputInvalid(
            f"{data.run.run_id} is a run of session checks, and this takes a run of a suite; "
            f"see its failures and how to repeat them: liftlab show {data.run.run_id}"
        )
    return data


def share_run(run_id: str, project: Project) -> RunData:
    """Open a run for the processes that this one will fork: `open_run` gives them the same."""
    run = open_run(run_id, project=project)
    return _SHARED.setdefault(run.folder.path, run)


def find_run(project: Project, run_id: str) -> RunFolder:
    """Return a run's folder; a reference run is made where it is not there yet.

    Raises UnknownRun if there is no such run; the message gives the nearest names.
    """
    runs_dir = project.path("runs")
    references = reference_names(project.path("reference"))
    run_id = store.resolve(runs_dir, run_id, also=references)
    if run_id in references and not (runs_dir / run_id).exists():
        _import_reference(project, run_id)
    return store.find(runs_dir, run_id, also=references)


def rebuild_tables(project: Project, folder: RunFolder) -> None:
    """Grade and price a run's attempts again, and write its tables."""
    frames = dict(store.read_journal(folder))
    measured = frames["trial"], frames["stage"], folder.artifacts
    if folder.manifest().get("suite") == SESSIONS:
        grades, checks = grade_sessions(*measured, checks_of(folder))
        frames["grade"], frames["check"] = _frame("grade", grades), _frame("check", checks)
    else:
        judged = grade_run(*measured, folder.suite(), project.settings.grading)
        frames["grade"], frames["check"] = judged
    frames["cost"] = run_costs(project, folder, frames)
    _lay_down(folder, frames, judged_by(project))


def own_prices(folder: RunFolder) -> tuple[tuple[str, str], ...]:
    """Return the prices and cost models of a run, its own first."""
    manifest = folder.manifest()
    imported = manifest.get("imported", {}).get("family")
    if "reference" in manifest or imported in FAMILIES:
        return week2.PRICES
    if imported is not None:
        return (("unknown", "gpu_seconds"),)
    endpoint = manifest["request"]["endpoint"]
    return ((endpoint["price"] or "unknown", cost_model_of(endpoint["cost_model"])),)


def run_costs(
    project: Project, folder: RunFolder, frames: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return the table `cost` of a run: each attempt by each of the run's prices.

    What a simulator would take is paid for, not the time that it was sped up to.
    """
    known = prices(project)
    real = at_real_length(frames)
    attempts, stages = real["attempt"], timed_stages(real["stage"], real["trial"])
    priced = [
        attempt_costs(
            attempts,
            known.get(price_id, Price(price_id=price_id)),
            model,  # type: ignore[arg-type]  # checked by attempt_costs
            stages,
        )
        for price_id, model in own_prices(folder)
    ]
    return pd.concat(priced, ignore_index=True)


def judged_by(project: Project) -> str:
    """Return what tables depend on beside the journal: the grader, its leave, and the prices."""
    grading = project.settings.grading
    weak = ", weakly isolated" if grading.allow_weak_isolation else ""
    packages = "".join(f", with {name}" for name in grading.packages)
    python = f", by {grading.python}" if grading.python else ""
    path = project.path("prices")
    content = path.read_bytes() if path.exists() else b""
    rates = hashlib.sha256(content).hexdigest()[:16]
    return f"grader {GRADER_VERSION}{weak}{packages}{python}, costs {_COSTS}, prices {rates}"


def take_tables(folder: RunFolder, told: Exported) -> None:
    """Write the tables of a run that came as JSON Lines, with its own verdicts and costs."""
    _lay_down(folder, store.read_journal(folder) | judged(told), str(told.header.get("judged_by")))


def _lay_down(folder: RunFolder, frames: dict[str, pd.DataFrame], judged_by: str) -> None:
    """Write the tables, trials with their verdicts and their cost by the run's own price."""
    own = frames["cost"][frames["cost"]["price_id"] == own_prices(folder)[0][0]]
    frames["trial"] = store.join_trials(frames["trial"], frames["grade"], own, frames["attempt"])
    store.write_tables(folder, frames, judged_by=judged_by)
    manifest = folder.manifest()
    # The old format is one of suites; an imported run has its own file of it already.
    small = len(frames["trial"]) <= _MOST_OLD
    if small and "imported" not in manifest and manifest.get("suite") not in (LOAD, SESSIONS):
        export.write(store.read_tables(folder))


def _import_reference(project: Project, name: str) -> None:
    suites = project.path("suites")
    known = any((suites / f"{name}{suffix}").exists() for suffix in (".toml", ".jsonl"))
    import_reference(
        project.path("reference") / f"{name}.toml",
        suite.load(name, [suites]) if known else None,
        project.path("runs"),
    )


def _frame(table: str, records: Sequence[Grade | Check]) -> pd.DataFrame:
    return pd.DataFrame(map(as_row, records), columns=list(columns(table)))
