"""Runs as people keep them: listed, given a label, removed with their pages."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from liftlab import store
from liftlab.errors import FileInvalid, UsageError
from liftlab.jobs.baselines import read_baseline
from liftlab.jobs.opening import find_run
from liftlab.settings import Project
from liftlab.store import RunFolder, lock
from liftlab.store.files import writing

_NUMBERS = ["model", "success_rate", "e2e_median_s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A run that may be removed: what goes with it, and what it still is."""

    folder: RunFolder
    size_bytes: int
    pages: Path | None
    is_baseline: bool


def list_runs(project: Project) -> pd.DataFrame:
    """Return a row a run, newest first: what it is, what it came to, and its label.

    Success and times are the history's, NaN where it does not have the run; `problem` says
    why a folder cannot be read.
    """
    runs_dir = project.path("runs")
    listed = pd.DataFrame(
        [run.as_json() for run in store.list_runs(runs_dir)],
        columns=list(store.RunSummary.__dataclass_fields__),
    )
    known = store.history(project).set_index("run_id")[_NUMBERS]
    labels = [RunFolder(runs_dir / name).label() for name in listed["run_id"]]
    return listed.join(known, on="run_id").assign(label=labels)


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
