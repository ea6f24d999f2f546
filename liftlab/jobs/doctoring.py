"""Look a run over, make its tables again, and remove what nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from liftlab.errors import InputInvalid, RunFolderCorrupt
from liftlab.jobs.opening import find_run, judged_by, rebuild_tables
from liftlab.settings import Project
from liftlab.store import RunFolder, lock
from liftlab.store.doctor import files
from liftlab.store.doctor.finding import Finding
from liftlab.store.doctor.journal import check_journal
from liftlab.store.doctor.processes import check_processes
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

    Raises UnknownRun, SchemaTooNew, StorageFailed if there is no such run, a newer liftlab wrote
    it, or the disk takes no change.

    Parameters
    ----------
    mend
        Make tables again that are missing, stale or damaged, as opening the run would.
    clean
        Remove unfinished files, and artifacts that no row names.
    """
    folder = find_run(project, run_id)
    if clean:
        lock.RunLock(folder.path).release()  # refused before anything is done, not after
    around = files.check_files(folder)
    findings = [*check_journal(folder), *around, *check_processes(folder)]
    if findings[0].state != "damaged":
        # By another suite than was run, verdicts would not be the run's.
        mend = mend and all(finding.state != "damaged" for finding in around)
        findings += _derived(project, folder, mend=mend, clean=clean)
    return Diagnosis(run_id=folder.run_id, path=folder.path, findings=tuple(findings))


def _derived(project: Project, folder: RunFolder, *, mend: bool, clean: bool) -> Iterator[Finding]:
    """Check what rests on the journal, in the order in which one needs the other."""
    yield files.check_artifacts(folder)
    if lock.is_held(folder.path):
        return
    tables = files.check_tables(folder, judged_by(project))
    if mend and tables.state != "sound":
        tables = _mended(project, folder, tables)
    yield tables
    with ExitStack() as held:
        if clean:  # nobody may write meanwhile
            held.callback(lock.RunLock(folder.path).release)
        yield _removed(*files.leftovers(folder), clean)
        if tables.state in ("sound", "mended"):
            yield _removed(*files.orphans(folder), clean)
            return
    text = "not known: the code that was graded is named by tables, which are not current"
    yield Finding("orphans", "note", text)


def _mended(project: Project, folder: RunFolder, found: Finding) -> Finding:
    try:
        with suppress(RunFolderCorrupt):  # there may be no tables to name it
            for digest in files.changed_code(folder):  # what is there is not written again
                _remove(folder.artifacts.path_of(digest))
        rebuild_tables(project, folder)
    except InputInvalid as error:
        text = f"{found.text}; they cannot be made again: {error}"
        return Finding(found.check, "damaged", text, "mend what that names, then look again")
    return Finding(found.check, "mended", f"{found.text}: made again from the journal")


def _removed(found: Finding, paths: list[Path], clean: bool) -> Finding:
    if not clean or not paths:
        return found
    for path in paths:
        _remove(path)
    return replace(found, state="mended", text=f"{found.text}: removed", advice=None)


def _remove(path: Path) -> None:
    with writing(path):
        path.unlink(missing_ok=True)
