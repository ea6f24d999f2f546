"""Write a run for other tools, whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from liftlab.errors import StorageFailed, UsageError
from liftlab.importers.week2 import export
from liftlab.importers.week2.old_file import FAMILIES
from liftlab.store import RunData, exchange
from liftlab.store.files import write_atomic

Format = Literal["week2", "csv", "parquet", "jsonl"]
_NOT_THEIRS = (
    "the file is copied as it was imported: verdicts and costs made since are in trial.parquet",
)


def as_text(run: RunData, form: Format) -> str:
    """Return a run as one text: the old format, or JSON Lines.

    Raises UsageError if the format is one of several files.
    """
    if form == "jsonl":
        return "".join(exchange.json_lines(run))
    if form != "week2":
        raise UsageError(f"{form} is a file a table: give --out a folder")
    if _was_theirs(run):
        return (run.folder.path / exchange.ORIGINAL).read_bytes().decode()
    return json.dumps(export.export(run), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def left_out(run: RunData) -> Sequence[str]:
    """Return what the first benchmark's format has no place for, in sentences."""
    return _NOT_THEIRS if _was_theirs(run) else export.LOSSY


def _was_theirs(run: RunData) -> bool:
    """Say whether a run came as a file of that benchmark, which is kept beside its tables."""
    return run.folder.manifest().get("imported", {}).get("family") in FAMILIES


def write_export(run: RunData, form: Format, out: Path, *, force: bool = False) -> list[Path]:
    """Write a run to a file, or to a folder with a file a table for `csv` and `parquet`.

    Raises UsageError if something is there already and `force` is not given, or the folder above is
    missing. Raises StorageFailed if it cannot be written; then nothing is.
    """
    with _told_of(out):
        if not out.absolute().parent.is_dir():
            raise UsageError(f"{out.parent} is no folder: make it, or give --out another place")
        if form in ("week2", "jsonl"):
            _write_file(run, form, out, force)
            return [out]
        files = exchange.csv_files(run) if form == "csv" else exchange.parquet_files(run)
        return _write_folder(files, out, force)


@contextmanager
def _told_of(out: Path) -> Iterator[None]:
    """Say of an export that failed what to do about an export, not about a run."""
    try:
        yield
    except (StorageFailed, OSError) as error:
        cause = error.__cause__ or error
        reason = getattr(cause, "strerror", None) or str(cause)
        advice = "free some space, or give --out another place"
        raise StorageFailed(f"{out}: cannot be written: {reason}; {advice}") from error


def _write_file(run: RunData, form: Format, out: Path, force: bool) -> None:
    if out.is_dir():
        raise UsageError(f"{out} is a folder: {form} is one file; give --out a file's name")
    if out.exists() and not out.is_file():
        raise UsageError(f"{out} is no regular file; `--out -` writes to standard output")
    if out.exists() and not force:
        raise UsageError(f"{out} is there already: --force replaces it")
    write_atomic(out, as_text(run, form).encode())


def _write_folder(files: dict[str, bytes], out: Path, force: bool) -> list[Path]:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give --out a folder for a file a table")
    taken = sorted(name for name in files if (out / name).exists())
    if taken and not force:
        raise UsageError(f"{out / taken[0]} is there already: --force replaces it")
    place = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
    try:
        for name, content in files.items():
            write_atomic(place / name, content)
        out.mkdir(exist_ok=True)
        for name in files:
            (place / name).replace(out / name)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return [out / name for name in files]
