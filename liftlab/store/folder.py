"""Run folders: made whole or not at all; what is in one, and what must not be."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import (
    RunFolderCorrupt,
    SchemaTooNew,
    StorageFailed,
    UsageError,
)
from liftlab.records import (
    CAPACITY,
    LOAD,
    SCHEMA_VERSION,
    SESSIONS,
    Attempt,
    Run,
    Stage,
    Trial,
    as_row,
)
from liftlab.store import schema
from liftlab.store.artifacts import Artifacts
from liftlab.store.files import read_regular, refuse_odd, sync, write_atomic, writing
from liftlab.words import one_line

if TYPE_CHECKING:
    from liftlab.suite import Suite

LATEST = "latest"
MANIFEST = "manifest.json"
SEGMENT, MERGED = "segment", "merged"  # what a manifest says of a part of a plan, and of the whole
LABEL = "label.txt"

NAMES_ARTIFACTS = {
    "attempt": ("prompt_sha256", "reply_sha256"),
    "stage": ("value_sha256",),
    "grade": ("code_sha256",),
}

Measured = Attempt | Stage | Trial

_LABEL_LENGTH = 80
_MANIFEST_BYTES, _SUITE_BYTES = 64 * 2**20, 256 * 2**20
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class RunFolder:
    """A run's folder; `docs/run-folder.md` says what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.run_id = self.path.name
        self.journal_path = self.path / schema.FILE_NAME
        self.log_path = self.path / "run.log"
        self.tables_path = self.path / "tables"
        self.artifacts = Artifacts(self.path / "artifacts")

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def manifest(self) -> dict[str, Any]:
        """Return the manifest: resolved settings without secrets, what was asked for, digests.

        Raises RunFolderCorrupt if it is no such thing, SchemaTooNew if a newer liftlab wrote it.
        """
        path = self.path / MANIFEST
        try:
            data = json.loads(read_regular(path, _MANIFEST_BYTES))
        except json.JSONDecodeError as error:
            raise RunFolderCorrupt(path, f"not JSON: {error.msg}", error.lineno) from error
        except (ValueError, RecursionError) as error:
            raise RunFolderCorrupt(path, f"not JSON: {error}") from error
        version = data.get("schema_version") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(version, int):
            raise RunFolderCorrupt(path, "not a run's manifest: it has no schema_version")
        if version > SCHEMA_VERSION:
            raise SchemaTooNew(path, version, SCHEMA_VERSION)
        return data

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, whole or not at all; secrets are the caller's to leave out."""
        data = {"schema_version": SCHEMA_VERSION, "run_id": self.run_id, **manifest}
        text = json.dumps(data, indent=2, ensure_ascii=True, allow_nan=False)
        write_atomic(self.path / MANIFEST, text.encode())

    def refuse_odd_files(self) -> None:
        """Raise RunFolderCorrupt for a FIFO, a device, a file too large: nobody reads those out."""
        for folder in (self.path, self.tables_path):
            if not folder.is_dir():
                continue
            for entry in sorted(os.scandir(folder), key=attrgetter("name")):
                with suppress(FileNotFoundError):  # a writer moved it into place
                    if not entry.is_dir():
                        refuse_odd(entry.path, entry.stat())

    def suite_source(self) -> tuple[bytes, str]:
        """Return the suite as it was when the run began, empty without one, and its suffix."""
        suffix = self.manifest().get("suite_suffix")
        if not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix):
            raise RunFolderCorrupt(self.path / MANIFEST, "suite_suffix is not a file's suffix")
        path = self.path / f"suite{suffix}"
        return read_regular(path, _SUITE_BYTES), suffix

    def measured_digests(self) -> list[str]:
        """Return the digests of the artifacts that rows of the journal name, each once."""
        found: dict[str, None] = {}
        with schema.opened(self.journal_path) as journal:
            for table, names in NAMES_ARTIFACTS.items():
                for name in names if table in schema.TABLES else ():
                    asked = f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL"  # noqa: S608
                    found |= {str(digest): None for (digest,) in journal.execute(asked)}
        return list(found)

    def label(self) -> str:
        """Return what people call the run, one line; empty where nobody named it."""
        try:
            text = read_regular(self.path / LABEL, 4 * _LABEL_LENGTH).decode("utf-8", "replace")
        except RunFolderCorrupt:
            return ""
        return one_line(text.strip())[:_LABEL_LENGTH]

    def write_label(self, text: str) -> None:
        """Write what people call the run; an empty text takes it away. Raises UsageError."""
        text, path = text.strip(), self.path / LABEL
        if len(text) > _LABEL_LENGTH:
            raise UsageError(f"a label has at most {_LABEL_LENGTH} characters, not {len(text):,}")
        if not text.isprintable():
            raise UsageError("a label is one line, without characters that cannot be seen")
        if text:
            write_atomic(path, f"{text}\n".encode())
            return
        with writing(path):
            path.unlink(missing_ok=True)

    def suite(self) -> Suite | None:
        """Return the suite as it was when the run began; None without one, as of sessions."""
        from liftlab import suite  # its models are slow to import

        source, suffix = self.suite_source()
        name = self.manifest().get("suite")
        if not source or name == SESSIONS:
            return None
        return suite.parse(source, self.path / f"suite{suffix}", name=name)


def new_run_id(now: datetime, rng: random.Random) -> str:
    """Return a run's name: the time it began, and four letters to tell two of a second apart."""
    return f"{now:%Y%m%d_%H%M%S}_{''.join(rng.choice(_LETTERS) for _ in range(4))}"


def is_run_id(name: str) -> bool:
    """Say whether a run's folder may have that name."""
    return bool(_RUN_ID.fullmatch(name)) and name != LATEST


def create(
    runs_dir: Path,
    run: Run,
    manifest: Mapping[str, Any],
    suite_source: bytes,
    suite_suffix: str,
    fill: Callable[[RunFolder], Iterable[Measured]] | None = None,
    copy: Callable[[sqlite3.Connection], object] | None = None,
) -> RunFolder:
    """Make a run's folder with its journal, manifest and suite, whose bytes are empty without one.

    `manifest` has no secrets. `fill` is for a run that was measured elsewhere: it puts artifacts
    and files into the folder while nobody sees it yet, and returns its rows; `copy` puts further
    rows into its journal. Raises StorageFailed if it cannot be written or is there already; nothing
    is left behind.
    """
    if not is_run_id(run.run_id):
        raise StorageFailed(f"{run.run_id!r} cannot be the name of a run's folder")
    target = runs_dir / run.run_id
    with writing(target):
        runs_dir.mkdir(parents=True, exist_ok=True)
        # Hidden, so that no list of runs shows it before it is whole.
        building = Path(tempfile.mkdtemp(prefix=".new-", dir=runs_dir))
    try:
        # The same name as in the end, since the folder's name is the run's.
        folder = RunFolder(building / run.run_id)
        with writing(target):
            folder.path.mkdir()
            folder.artifacts.path.mkdir()
            _create_journal(folder.journal_path, [run, *(fill(folder) if fill else ())], copy)
            write_atomic(folder.path / f"suite{suite_suffix}", suite_source, durable=False)
            for file in folder.path.iterdir():
                if file.is_file():
                    sync(file)
            folder.write_manifest({**manifest, "suite_suffix": suite_suffix})  # syncs the folder
            if target.exists():  # rename() would replace an empty folder of that name in silence
                raise StorageFailed(f"{target}: there is a run of that name already")
            os.rename(folder.path, target)
            sync(runs_dir)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return RunFolder(target)


def planned_trials(manifest: Mapping[str, Any]) -> int:
    """Return how many trials a run's manifest plans, of a segment its own; 0 if it does not say."""
    try:
        asked, part = manifest["request"], manifest.get(SEGMENT) or {"index": 1, "of": 1}
        whole = range(int(asked["repeats"]) * len(asked["cases"]))
        # Levels are visited until they are decided.
        return 0 if asked.get("capacity") else len(whole[int(part["index"]) - 1 :: int(part["of"])])
    except (KeyError, TypeError, ValueError):
        return 0


def resume_verb(manifest: Mapping[str, Any]) -> str:
    """Return the verb whose --resume finishes a run of this manifest."""
    if (suite := manifest.get("suite")) in {LOAD, SESSIONS}:
        return str(suite)
    asked = manifest.get("request")
    return CAPACITY if isinstance(asked, dict) and asked.get("capacity") else "run"


def committed(folder: RunFolder) -> set[tuple[str, int]]:
    """Return case and repeat of every trial that is on disk, without taking the lock."""
    with schema.opened(folder.journal_path) as journal:
        return set(journal.execute("SELECT case_id, repeat FROM trial").fetchall())


def stage_rows(folder: RunFolder, case_id: str, repeat: int) -> list[dict[str, Any]]:
    """Return the stages of one trial, in order, with its `asked_function`; takes no lock."""
    with schema.opened(folder.journal_path) as journal:
        cursor = journal.execute(_STAGES, (case_id, repeat))
        names = [name for name, *_ in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def table_file(run: Path, table: str) -> str:
    """Return the file of a run's table; as text, since `/` takes as long as to ask for the file."""
    return f"{run}/tables/{table}.parquet"


def _create_journal(
    path: Path,
    rows: Iterable[Run | Measured],
    copy: Callable[[sqlite3.Connection], object] | None,
) -> None:
    """Write a journal that nobody sees yet; it is synced as a whole."""
    try:
        address = path.absolute().as_uri()
        connection = sqlite3.connect(address, uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            schema.create_tables(connection)
            connection.execute("BEGIN")
            for row in rows:
                schema.insert(connection, type(row).__name__.lower(), as_row(row).values())
            connection.execute("UPDATE attempt SET ended = 1")
            connection.execute("COMMIT")
            if copy is not None:
                copy(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise OSError(None, str(error)) from error


_STAGES = (
    "SELECT stage.*, asked_function FROM stage JOIN trial USING (run_id, case_id, repeat) "
    "WHERE case_id = ? AND repeat = ? ORDER BY position"
)
