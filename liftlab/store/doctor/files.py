"""The other files of a run: manifest, suite, and what a killed process may have left."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from liftlab.errors import RunFolderCorrupt
from liftlab.store.doctor.finding import Finding, some
from liftlab.store.files import TEMPORARY
from liftlab.store.folder import RunFolder
from liftlab.words import counted


def check_files(folder: RunFolder) -> list[Finding]:
    """Check the manifest and the suite.

    Raises
    ------
    SchemaTooNew
        If a newer liftlab wrote the manifest.
    """
    try:
        manifest = folder.manifest()
    except RunFolderCorrupt as error:
        advice = "the rows are not affected; the run can no longer be resumed or graded"
        return [Finding(check="manifest", state="damaged", text=str(error), advice=advice)]
    return [
        Finding(check="manifest", state="sound", text="readable"),
        _suite(folder, manifest.get("suite_sha256")),
    ]


def leftovers(folder: RunFolder) -> list[Path]:
    """Return temporary files that were never moved to their places."""
    return sorted(
        path
        for path in folder.path.rglob(".*")
        if TEMPORARY.fullmatch(path.name) and (path.is_symlink() or path.is_file())
    )


def leftover_finding(folder: RunFolder, paths: list[Path]) -> Finding:
    """Say that there are such files, or that there are none."""
    if not paths:
        return Finding(check="leftovers", state="sound", text="none")
    names = [str(path.relative_to(folder.path)) for path in paths]
    return Finding(
        check="leftovers",
        state="note",
        text=f"{counted(len(names), 'unfinished file')}: {some(names)}",
        advice=f"nothing reads them; remove them with: liftlab doctor {folder.run_id} --clean",
    )


def _suite(folder: RunFolder, digest: object) -> Finding:
    try:
        source, suffix = folder.suite_source()
    except RunFolderCorrupt as error:
        return Finding(check="suite", state="damaged", text=str(error), advice=_PUT_SUITE_BACK)
    if not source:
        return Finding(check="suite", state="sound", text="the run has none")
    if isinstance(digest, str) and sha256(source).hexdigest() != digest:
        return Finding(
            check="suite",
            state="damaged",
            text=f"suite{suffix} is not the one that was run: its digest differs",
            advice=_PUT_SUITE_BACK,
        )
    return Finding(check="suite", state="sound", text=f"suite{suffix} is the one that was run")


_PUT_SUITE_BACK = (
    "put the suite back as it was (the manifest has its SHA-256); verdicts made from another "
    "do not belong to this run"
)
