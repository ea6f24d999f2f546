"""A run for other tools: its tables as CSV, Parquet or JSON Lines, a load's requests as lines."""

from __future__ import annotations

import base64
import json
import math
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import UsageError
from liftlab.records import SCHEMA_VERSION, STALE, TABLES, as_row
from liftlab.store import schema
from liftlab.store.files import writing
from liftlab.store.folder import NAMES_ARTIFACTS, RunFolder
from liftlab.store.frames import frame_of, table_columns
from liftlab.store.tables import RunData, judged_by, parquet_of

if TYPE_CHECKING:
    import pandas as pd

HEADER = "liftlab"  # the first line of JSON Lines; other lines are of a table, or of these:
SUITE, ARTIFACT, FILE = "suite", "artifact", "file"
ORIGINAL = "original.json"  # an imported run's own file

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would run


def frames_of(run: RunData) -> dict[str, pd.DataFrame]:
    """Return a run's tables by name; `trial` is joined with verdicts and costs."""
    frames = {"run": frame_of([as_row(run.run)], table_columns("run"))}
    return frames | {table: getattr(run, f"{table}s") for table in TABLES if table != "run"}


def csv_files(run: RunData) -> dict[str, bytes]:
    """Return each table as CSV, by file name.

    Text that a spreadsheet would run as a formula gets an apostrophe in front, as text from
    models is not to be trusted; Parquet and JSON Lines keep every character.
    """
    return {
        f"{name}.csv": frame.apply(_harmless).to_csv(index=False).encode("utf-8", "replace")
        for name, frame in frames_of(run).items()
    }


def parquet_files(run: RunData) -> dict[str, bytes]:
    """Return each table as Parquet, by file name: at real length as in CSV and JSON Lines."""
    if run.sped_up != 1:
        notes = {"schema_version": SCHEMA_VERSION}
        frames = frames_of(run).items()
        return {f"{table}.parquet": parquet_of(table, frame, notes) for table, frame in frames}
    return {
        f"{name}.parquet": (run.folder.tables_path / f"{name}.parquet").read_bytes()
        for name in TABLES
    }


def json_lines(run: RunData) -> Iterator[str]:
    """Yield a run as JSON Lines, complete: `importers.jsonl` makes the same run of it.

    One record a line, with its `table` and `schema_version`: first what the file is, then the
    suite, the seven tables row by row, the artifacts that they name, and an imported run's own
    file. Raises RunFolderCorrupt if an artifact is missing or is not what was kept.
    """
    source, suffix = run.folder.suite_source()
    frames, original = frames_of(run), run.folder.path / ORIGINAL
    digests = _digests(frames)
    yield _line(
        HEADER,
        run_id=run.run.run_id,
        records=1 + sum(map(len, frames.values())) + len(digests) + original.is_file(),
        judged_by=judged_by(run.folder),
        manifest=run.folder.manifest(),
    )
    yield _line(SUITE, suffix=suffix, **_content(source))
    for table, frame in frames.items():
        for row in _rows(frame):
            yield _line(table, **row)
    for digest in digests:
        yield _line(ARTIFACT, sha256=digest, **_content(run.folder.artifacts.get(digest)))
    if original.is_file():
        yield _line(FILE, name=ORIGINAL, **_content(original.read_bytes()))


def _line(table: str, **fields: Any) -> str:
    record = {"table": table, "schema_version": SCHEMA_VERSION, **fields}
    return json.dumps(record, ensure_ascii=True, allow_nan=False) + "\n"


def _content(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = list(frame.columns)
    for values in frame.astype(object).itertuples(index=False, name=None):
        yield {name: _plain(value) for name, value in zip(names, values, strict=True)}


def _plain(value: Any) -> Any:
    import pandas as pd

    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def _digests(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    found: dict[str, None] = {}
    for table, names in NAMES_ARTIFACTS.items():
        for name in names:
            found.update(dict.fromkeys(str(digest) for digest in frames[table][name].dropna()))
    return list(found)


def _harmless(column: pd.Series[Any]) -> pd.Series[Any]:
    if column.dtype != "str":
        return column
    return column.where(~column.str.startswith(_FORMULA, na=False), "'" + column)


_MOMENTS = ("planned_ns", "sent_ns", "first_byte_ns", "first_token_ns", "last_byte_ns")
_SENT = _MOMENTS.index("sent_ns")
_QUERY = (
    "SELECT repeat, request_id, response_id, scheduled_s, sent_s, first_byte_s, first_token_s, "
    "last_byte_s, valid, http_status, error_class, connection_reused, output_tokens "
    "FROM attempt WHERE phase = 'measure' ORDER BY seq"
)


def check_place(path: Path) -> None:
    """See to it, before a load, that its lines can be written where they are wanted.

    Raises UsageError if there is no folder to hold them, or something else in their place;
    StorageFailed if nothing can be written there.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"--out: {path} is no file; give the name of one")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"--out: there is no folder {folder}")
    # Tried, not asked for: a superuser may write anywhere, except where nobody can.
    with writing(path, "Give --out another place"), tempfile.TemporaryFile(dir=folder):
        pass


def write_lines(folder: RunFolder, path: Path, zero_ns: int) -> None:
    """Write the measured requests of a load, whole or not at all; a file there is replaced.

    Moments are written on the clock `perf_counter_ns`, on which the run's zero is `zero_ns`.
    """
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    advice = f"The load itself is kept: liftlab show {folder.run_id}"
    with schema.opened(folder.journal_path) as connection, writing(path, advice):
        try:
            with part.open("w", encoding="utf-8") as file:
                file.writelines(_lines(connection, zero_ns))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _lines(connection: sqlite3.Connection, zero_ns: int) -> Iterator[str]:
    first_sent: dict[int, float] = {}  # of requests that are sent again at once
    for repeat, *row in connection.execute(_QUERY):
        request_id, response_id, *moments, valid, status, error_class, reused, tokens = row
        if error_class == STALE:
            first_sent[repeat] = moments[_SENT]
            continue
        moments[_SENT] = first_sent.pop(repeat, moments[_SENT])
        times = (None if at_s is None else zero_ns + round(at_s * 1e9) for at_s in moments)
        line = {
            "request_id": request_id,
            "response_id": response_id,
            **dict(zip(_MOMENTS, times, strict=True)),
            "ok": valid == 1 and error_class is None,
            "http_status": status,
            "error_class": error_class,
            "connection_reused": None if reused is None else bool(reused),
            "output_tokens": tokens,
        }
        yield json.dumps(line) + "\n"
