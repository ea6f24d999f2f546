"""Look a run over, make its tables again, and remove what nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from liftlab.errors import InputInvalid, RunFolderCorrupt
from liftlab.jobs.opening import find_run, judged_by, rebuild_tables
from liftlab.settings import Project
from liftlab.store import RunFolder, doctor, lock
from liftlab.store.doctor import Finding
from liftlab.store.files import writing


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

    Parameters
    ----------
    project
        The project that the run belongs to.
    run_id
        A run's name; `latest` is the newest run of a suite.
    mend
        Make tables again that are missing, stale or damaged, as opening the run would.
    clean
        Remove unfinished files, and artifacts that no row names.

    Raises
    ------
    UnknownRun
        If there is no such run.
    SchemaTooNew
        If a newer liftlab wrote it.
    StorageFailed
        If tables cannot be written, or something cannot be removed.
    """
    folder = find_run(project, run_id)
    if clean:
        lock.RunLock(folder.path).release()  # refused before anything is done, not after
    files = doctor.check_files(folder)
    findings = [*doctor.check_journal(folder), *files, *doctor.check_processes(folder)]
    if findings[0].state != "damaged":
        # By another suite than was run, verdicts would not be the run's.
        mend = mend and all(finding.state != "damaged" for finding in files)
        findings += _derived(project, folder, mend=mend, clean=clean)
    return Diagnosis(run_id=folder.run_id, path=folder.path, findings=tuple(findings))


def _derived(project: Project, folder: RunFolder, *, mend: bool, clean: bool) -> Iterator[Finding]:
    """Check what rests on the journal, in the order in which one needs the other."""
    artifacts = doctor.check_artifacts(folder)
    yield artifacts
    if lock.is_held(folder.path):
        return
    tables = doctor.check_tables(folder, judged_by=judged_by(project))
    if mend and tables.state != "sound":
        tables = _mended(project, folder, tables)
    yield tables
    yield from _removable(folder, tables, clean=clean)


def _mended(project: Project, folder: RunFolder, found: Finding) -> Finding:
    try:
        _drop_changed_code(folder)
        rebuild_tables(project, folder)
    except InputInvalid as error:
        return replace(
            found,
            state="damaged",
            text=f"{found.text}; they cannot be made again: {error}",
            advice="mend what that names, then look again",
        )
    return replace(
        found, state="mended", text=f"{found.text}: made again from the journal", advice=None
    )


def _drop_changed_code(folder: RunFolder) -> None:
    """Remove graded code that is not what was graded: what is there is not written again."""
    with suppress(RunFolderCorrupt):  # there may be no tables to name it
        for digest in doctor.changed_code(folder):
            path = folder.artifacts.path_of(digest)
            with writing(path):
                path.unlink(missing_ok=True)


def _removable(folder: RunFolder, tables: Finding, *, clean: bool) -> Iterator[Finding]:
    """Tell what nothing reads; with `clean`, remove it while nobody can write."""
    writer = lock.RunLock(folder.path) if clean else None
    try:
        left = doctor.leftovers(folder)
        yield _removed(doctor.leftover_finding(folder, left), left, writer)
        if tables.state not in ("sound", "mended"):
            text = "not known: the code that was graded is named by tables, which are not current"
            yield Finding(check="orphans", state="note", text=text)
            return
        orphaned = doctor.orphans(folder, doctor.graded_digests(folder))
        yield _removed(doctor.orphan_finding(folder, orphaned), orphaned, writer)
    finally:
        if writer is not None:
            writer.release()


def _removed(found: Finding, paths: list[Path], writer: lock.RunLock | None) -> Finding:
    if writer is None or not paths:
        return found
    for path in paths:
        with writing(path):
            path.unlink()
    return replace(found, state="mended", text=f"{found.text}: removed", advice=None)
