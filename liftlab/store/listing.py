"""The runs of a folder: listed newest first, and found by what people call them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from liftlab.errors import InputInvalid, LiftlabError, UnknownRun
from liftlab.records import CAPACITY, LOAD, SESSIONS
from liftlab.store import lock, schema
from liftlab.store.folder import LATEST, MANIFEST, SEGMENT, RunFolder

_MOST_NAMES = 10  # that an ambiguous beginning lists


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of the list of runs; `problem` says why a folder cannot be read."""

    run_id: str
    started_at: str | None = None
    suite: str | None = None
    endpoint: str | None = None
    status: str | None = None
    provenance: str | None = None
    load: str | None = None
    trials: int | None = None
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def find(runs_dir: Path, name: str, *, also: Iterable[str] = ()) -> RunFolder:
    """Return the folder of a run.

    `name` is a run's id, the beginning of one, `latest`, or `sessions` or `capacity`, the newest of
    that kind; `also` are names to offer in the message. Raises UnknownRun if there is none,
    InputInvalid if several begin like that, RunFolderCorrupt if something in it cannot be a run's.
    """
    name = resolve(runs_dir, name, also=also)
    folder = RunFolder(runs_dir / name)
    if not any((folder.path / file).exists() for file in _OF_A_RUN):
        raise _unknown(runs_dir, name, also)
    folder.refuse_odd_files()
    return folder


def resolve(runs_dir: Path, name: str, *, also: Iterable[str] = ()) -> str:
    """Return the id of the run that is meant; as `find`, for names that may not be on disk."""
    if name == LATEST:
        newest = latest(runs_dir)
        if newest is None:
            raise _unknown(runs_dir, name, also)
        return newest
    known = {path.name for path in run_folders(runs_dir)} | set(also)
    if name in known:
        return name
    kinds = {SESSIONS: latest_sessions, CAPACITY: _latest_capacity}
    if name in kinds and (newest := kinds[name](runs_dir)) is not None:
        return newest
    meant = sorted(run_id for run_id in known if name and run_id.startswith(name))
    if len(meant) > 1:
        more = ", …" if len(meant) > _MOST_NAMES else ""
        raise InputInvalid(
            f"run {name!r} could be any of {len(meant)}: {', '.join(meant[:_MOST_NAMES])}{more}"
        )
    if not meant:
        raise _unknown(runs_dir, name, also)
    return meant[0]


def latest(runs_dir: Path) -> str | None:
    """Return the newest run of a suite that was measured here; None where there is none."""
    return _newest(runs_dir, lambda run: _is_of_a_suite(runs_dir, run))


def latest_sessions(runs_dir: Path) -> str | None:
    """Return the newest run of session checks; None where there is none."""
    return _newest(runs_dir, lambda run: run.suite == SESSIONS)


def _latest_capacity(runs_dir: Path) -> str | None:
    return _newest(runs_dir, lambda run: run.load == CAPACITY)


def _newest(runs_dir: Path, is_it: Callable[[RunSummary], bool]) -> str | None:
    return next((run.run_id for run in list_runs(runs_dir) if is_it(run)), None)


def list_runs(runs_dir: Path) -> list[RunSummary]:
    """Return a line a run, newest first; a folder that cannot be read is told as such."""
    runs = [_summary(RunFolder(path)) for path in run_folders(runs_dir)]
    return sorted(runs, key=lambda run: (run.started_at or "", run.run_id), reverse=True)


def run_folders(runs_dir: Path) -> list[Path]:
    """Return the folders that hold a run, in no order."""
    if not runs_dir.is_dir():
        return []
    return [
        path
        for path in runs_dir.iterdir()
        if not path.name.startswith(".") and any((path / name).exists() for name in _OF_A_RUN)
    ]


def status_now(folder: RunFolder, status: str) -> str:
    """Return a run's status as it is: one that says `running` without a writer was broken off."""
    return "interrupted" if status == "running" and not lock.is_held(folder.path) else status


def _is_of_a_suite(runs_dir: Path, run: RunSummary) -> bool:
    """Say whether people mean a run by the latest: no capacity run, quick look or segment."""
    if run.provenance != "measured" or run.suite in (LOAD, SESSIONS) or run.load == CAPACITY:
        return False
    try:
        manifest = RunFolder(runs_dir / run.run_id).manifest()
        return not (manifest.get("quick") or SEGMENT in manifest)
    except LiftlabError:
        return True  # opening it says what is wrong


def _unknown(runs_dir: Path, name: str, also: Iterable[str]) -> UnknownRun:
    known = {path.name for path in run_folders(runs_dir)}
    return UnknownRun(name, [*sorted(known, reverse=True), *sorted(set(also) - known)])


def _summary(folder: RunFolder) -> RunSummary:
    try:
        with schema.opened(folder.journal_path) as journal:
            row = journal.execute(_RUN_LINE).fetchone()
    except LiftlabError as error:
        return RunSummary(run_id=folder.run_id, problem=str(error))
    if row is None:
        problem = f"{folder.journal_path}: the journal has no run in it"
        return RunSummary(run_id=folder.run_id, problem=problem)
    *known, trials = row
    run = RunSummary(run_id=folder.run_id, trials=trials, **dict(zip(_LINE, known, strict=True)))
    return replace(run, status=status_now(folder, str(run.status)))


_OF_A_RUN = (schema.FILE_NAME, MANIFEST)
_LINE = ("started_at", "suite", "endpoint", "status", "provenance", "load")
_RUN_LINE = f"SELECT {', '.join(_LINE)}, (SELECT COUNT(*) FROM trial) FROM run"  # noqa: S608
