"""The artifacts: is each one there that a row names, and is it what was kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from liftlab.errors import RunFolderCorrupt
from liftlab.store import schema
from liftlab.store.doctor.finding import Finding, some
from liftlab.store.exchange import NAMES_ARTIFACTS
from liftlab.store.folder import RunFolder
from liftlab.words import counted


def check_artifacts(folder: RunFolder) -> Finding:
    """Read every artifact that a measured row names, and compare its content with its digest."""
    named = measured_digests(folder)
    faults = faulty(folder, named)
    if not faults:
        text = f"{counted(len(named), 'artifact')}, each what was kept"
        return Finding(check="artifacts", state="sound", text=text)
    return Finding(
        check="artifacts",
        state="damaged",
        text=f"{len(faults):,} of {len(named):,} are missing or changed: "
        f"{some(list(faults.values()))}",
        advice="put them back from a copy of the folder; times and counts are not affected, "
        "verdicts that rest on them cannot be made again",
    )


def faulty(folder: RunFolder, digests: Iterable[str]) -> dict[str, str]:
    """Return what is wrong with each artifact that is missing or not what was kept."""
    faults: dict[str, str] = {}
    for digest in sorted(digests):
        try:
            folder.artifacts.get(digest)
        except RunFolderCorrupt as error:
            faults[digest] = str(error).removeprefix(f"{folder.path}{os.sep}")
    return faults


def orphans(folder: RunFolder, of_verdicts: Iterable[str]) -> list[Path]:
    """Return files among the artifacts that no row names, temporary ones left out.

    Parameters
    ----------
    folder
        The run; its journal can be read.
    of_verdicts
        Digests that the current grades name.
    """
    named = measured_digests(folder) | set(of_verdicts)
    places = {os.path.join(digest[:2], digest) for digest in named}
    root = folder.artifacts.path
    return sorted(path for path in _files(root) if str(path.relative_to(root)) not in places)


def orphan_finding(folder: RunFolder, paths: list[Path]) -> Finding:
    """Say that there are artifacts which nobody names, or that there are none."""
    if not paths:
        return Finding(check="orphans", state="sound", text="none")
    size = sum(path.lstat().st_size for path in paths)
    names = [str(path.relative_to(folder.path)) for path in paths]
    return Finding(
        check="orphans",
        state="note",
        text=f"{counted(len(paths), 'artifact')} ({size / 1e6:.1f} MB) that no row names: "
        f"{some(names)}",
        advice="a session that was broken off or an older grader leaves them; remove them with: "
        f"liftlab doctor {folder.run_id} --clean",
    )


def measured_digests(folder: RunFolder) -> set[str]:
    """Return the digests that the rows of the journal name."""
    connection = schema.connect(folder.journal_path)
    try:
        with schema.reading(folder.journal_path):
            return {
                str(digest)
                for table, names in NAMES_ARTIFACTS.items()
                if table in schema.TABLES
                for name in names
                for (digest,) in connection.execute(
                    f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL"  # noqa: S608
                )
            }
    finally:
        connection.close()


def _files(root: Path) -> Iterator[Path]:
    # Links are not followed: what they lead to is not the run's.
    for place, _, names in os.walk(root):
        yield from (Path(place, name) for name in names if not name.startswith("."))
