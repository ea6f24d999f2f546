"""A run's tables for other tools: CSV, Parquet, or JSON Lines that liftlab reads back."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from liftlab.records import SCHEMA_VERSION, TABLES, as_row
from liftlab.store.frames import frame_of, table_columns
from liftlab.store.tables import RunData, judged_by

if TYPE_CHECKING:
    import pandas as pd

HEADER = "liftlab"  # the first line of JSON Lines; other lines are of a table, or of these:
SUITE, ARTIFACT, FILE = "suite", "artifact", "file"
ORIGINAL = "original.json"  # an imported run's own file

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would run
NAMES_ARTIFACTS = {
    "attempt": ("prompt_sha256", "reply_sha256"),
    "stage": ("value_sha256",),
    "grade": ("code_sha256",),
}


def frames_of(run: RunData) -> dict[str, pd.DataFrame]:
    """Return a run's tables by name; `trial` is joined with verdicts and costs."""
    return {
        "run": frame_of([as_row(run.run)], table_columns("run")),
        "attempt": run.attempts,
        "stage": run.stages,
        "trial": run.trials,
        "grade": run.grades,
        "check": run.checks,
        "cost": run.costs,
    }


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
    """Return each table's Parquet file as it is on disk, by file name."""
    return {
        f"{name}.parquet": (run.folder.tables_path / f"{name}.parquet").read_bytes()
        for name in TABLES
    }


def json_lines(run: RunData) -> Iterator[str]:
    """Yield a run as JSON Lines, complete: `importers.jsonl` makes the same run of it.

    Raises RunFolderCorrupt if an artifact is missing or is not what was kept.

    Yields
    ------
    str
        One record a line, with its `table` and `schema_version`: first what the file is, then
        the suite, the seven tables row by row, the artifacts that they name, and an imported
        run's own file.
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
