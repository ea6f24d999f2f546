"""Runs as people keep them: listed, labelled, looked over, removed, and as one history."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from liftlab import store
from liftlab.errors import FileInvalid, InputInvalid, LiftlabError, RunFolderCorrupt, UsageError
from liftlab.jobs.baselines import read_baseline
from liftlab.jobs.opening import find_run, judged_by, open_run, rebuild_tables
from liftlab.records import SESSIONS
from liftlab.settings import Project
from liftlab.store import RunFolder, doctor, lock
from liftlab.store.doctor import Finding
from liftlab.store.files import writing
from liftlab.store.folder import LATEST
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.analysis.trends import RunSeries

_NUMBERS = ["model", "success_rate", "e2e_median_s", "timing_uncertainty_s", "time_scale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A run that may be removed: what goes with it, and what it still is."""

    folder: RunFolder
    size_bytes: int
    pages: Path | None
    is_baseline: bool


def list_runs(project: Project) -> pd.DataFrame:
    """Return a row a run, newest first: what it is, what it came to, and its label.

    Success and times are the history's, NaN where it lacks the run; `problem` says why it cannot
    be read.
    """
    runs_dir = project.path("runs")
    listed = pd.DataFrame(
        [run.as_json() for run in store.list_runs(runs_dir)],
        columns=list(store.RunSummary.__dataclass_fields__),
    )
    known = store.history(project).set_index("run_id")[_NUMBERS]
    labels = [RunFolder(runs_dir / name).label() for name in listed["run_id"]]
    return listed.join(known, on="run_id").assign(label=labels)


def newest_with_answers(project: Project) -> str:
    """Return the newest run of a suite, else the newest measured run that has trials."""
    runs_dir = project.path("runs")
    if store.latest(runs_dir) is not None:
        return LATEST
    runs = (run for run in store.list_runs(runs_dir) if run.suite != SESSIONS and run.trials)
    return next((run.run_id for run in runs if run.provenance == "measured"), LATEST)


def label_run(project: Project, run_id: str, text: str) -> RunFolder:
    """Give a run a label, a line that lists of runs show; an empty one takes it away.

    Raises UsageError if it is longer than a line, or holds what cannot be seen.
    """
    folder = find_run(project, run_id)
    folder.write_label(text)
    return folder


def doomed(project: Project, run_id: str) -> Doomed:
    """Return what removing a run would remove; raise UsageError if it is being written."""
    folder = find_run(project, run_id)
    if lock.is_held(folder.path):
        owner = lock.owner(folder.path)
        raise UsageError(f"{folder.run_id}: {owner} is writing to this run: stop it first")
    pages = project.path("reports") / folder.run_id
    return Doomed(
        folder=folder,
        size_bytes=sum(
            path.lstat().st_size for path in folder.path.rglob("*") if not path.is_dir()
        ),
        pages=pages if pages.is_dir() else None,
        is_baseline=_baseline_of(project) == folder.run_id,
    )


def delete_run(found: Doomed) -> None:
    """Remove a run's folder and its pages; nobody sees half of it.

    Raises StorageFailed if somebody began to write to it, or it cannot be removed.
    """
    writer = lock.RunLock(found.folder.path)
    try:
        _remove(found.folder.path)
    finally:
        writer.release()
    if found.pages is not None:
        newest = found.pages.parent / "latest"
        with suppress(OSError):
            if os.readlink(newest) == found.pages.name:
                newest.unlink()
        _remove(found.pages)


def _remove(path: Path) -> None:
    """Hide a folder in one step, then take it apart."""
    hidden = path.with_name(f".gone-{path.name}-{secrets.token_hex(4)}")
    with writing(path, "Make its folder writable"):
        os.rename(path, hidden)
        shutil.rmtree(hidden)


def _baseline_of(project: Project) -> str:
    try:
        return read_baseline(project.path("baseline")).run_id
    except FileInvalid:
        return ""  # none, or none that names a run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunHistory:
    """A history, oldest run first."""

    runs: pd.DataFrame  # a row a run, as `store.history` returns it
    series: Sequence[RunSeries]
    skipped: Mapping[str, str]


def read_runs(
    project: Project,
    suite: str | None = None,
    endpoint: str | None = None,
    say: Callable[[str], object] = print,
) -> RunHistory:
    """Return the history, and make the tables of runs that have none, which `say` announces."""
    runs = store.history(project)
    if unlaid := store.unlaid(project.path("runs"), runs.attrs["skipped"]):
        say(f"making the tables of {counted(len(unlaid), 'run')}: once, not every time")
        unread = {}
        for run_id in unlaid:
            try:
                open_run(run_id, project=project)
            except LiftlabError as error:
                unread[run_id] = str(error)
        runs = store.history(project)
        runs.attrs["skipped"] |= unread
    from liftlab.analysis.trends import run_series  # the history is read while pandas loads

    skipped: dict[str, str] = runs.attrs["skipped"]
    for column, wanted in (("suite", suite), ("endpoint", endpoint)):
        runs = runs if wanted is None else runs[runs[column] == wanted]
    return RunHistory(runs=runs, series=run_series(runs), skipped=skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What `liftlab doctor` found in a run's folder."""

    run_id: str
    path: Path
    findings: tuple[Finding, ...]

    @property
    def damaged(self) -> tuple[Finding, ...]:
        """What is damaged and was not mended."""
        return tuple(finding for finding in self.findings if finding.state == "damaged")


def examine(
    project: Project, run_id: str = "latest", *, mend: bool = True, clean: bool = False
) -> Diagnosis:
    """Check a run's folder; what was measured is never changed.

    `mend` makes tables again that are missing, stale or damaged, as opening the run would; `clean`
    removes unfinished files, and artifacts that no row names.
    """
    folder = find_run(project, run_id)
    if clean:
        lock.RunLock(folder.path).release()  # refused before anything is done, not after
    around = doctor.check_files(folder)
    findings = [*doctor.check_journal(folder), *around, doctor.check_writer(folder)]
    if findings[0].state != "damaged":
        # By another suite than was run, verdicts would not be the run's.
        mend = mend and all(finding.state != "damaged" for finding in around)
        findings += _derived(project, folder, mend=mend, clean=clean)
    return Diagnosis(run_id=folder.run_id, path=folder.path, findings=tuple(findings))


def _derived(project: Project, folder: RunFolder, *, mend: bool, clean: bool) -> Iterator[Finding]:
    """Check what rests on the journal, in the order in which one needs the other."""
    yield doctor.check_artifacts(folder)
    if lock.is_held(folder.path):
        return
    tables = doctor.check_tables(folder, judged_by(project))
    if mend and tables.state != "sound":
        tables = _mended(project, folder, tables)
    yield tables
    with ExitStack() as held:
        if clean:  # nobody may write meanwhile
            held.callback(lock.RunLock(folder.path).release)
        yield _removed(*doctor.leftovers(folder), clean)
        if tables.state in ("sound", "mended"):
            yield _removed(*doctor.orphans(folder), clean)
            return
    text = "not known: the code that was graded is named by tables, which are not current"
    yield Finding("orphans", "note", text)


def _mended(project: Project, folder: RunFolder, found: Finding) -> Finding:
    try:
        with suppress(RunFolderCorrupt):  # there may be no tables to name it
            for digest in doctor.changed_code(folder):  # what is there is not written again
                _unlink(folder.artifacts.path_of(digest))
        rebuild_tables(project, folder)
    except InputInvalid as error:
        text = f"{found.text}; they cannot be made again: {error}"
        return Finding(found.check, "damaged", text, "mend what that names, then look again")
    return Finding(found.check, "mended", f"{found.text}: made again from the journal")


def _removed(found: Finding, paths: list[Path], clean: bool) -> Finding:
    if not clean or not paths:
        return found
    for path in paths:
        _unlink(path)
    return replace(found, state="mended", text=f"{found.text}: removed", advice=None)


def _unlink(path: Path) -> None:
    with writing(path):
        path.unlink(missing_ok=True)
