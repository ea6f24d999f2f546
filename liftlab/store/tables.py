"""A run's tables as Parquet: derived from the journal, made again when they are stale."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import InputInvalid, RunFolderCorrupt, SchemaTooNew
from liftlab.records import SCHEMA_VERSION, TABLES, Run, as_row
from liftlab.store import by_column, lock, schema
from liftlab.store.files import write_atomic, writing
from liftlab.store.folder import MERGED, RunFolder, table_file
from liftlab.store.frames import (
    STATE,
    arrow_schema,
    empty,
    frame_of,
    from_arrow,
    journal_state,
    table_columns,
    typed,
    with_later_columns,
)

if TYPE_CHECKING:
    import pandas as pd

_METADATA = b"liftlab"
_AT_ONCE = 200_000  # rows: the tables of a larger run are read when they are asked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RunData:
    """A run with its tables as DataFrames; `trials` is joined with grades and costs.

    Tables of a large run are read when they are first asked for. All times are at real length:
    `sped_up` says how many times faster a simulator ran than what it stands for, and is 1 for every
    other endpoint. `until`: the target and zone that the run was made to decide, or None.
    `merged`: what it was merged from; empty for every other run.
    """

    run: Run
    attempts: pd.DataFrame
    stages: pd.DataFrame
    trials: pd.DataFrame
    grades: pd.DataFrame
    checks: pd.DataFrame
    costs: pd.DataFrame
    folder: RunFolder
    sped_up: float = 1.0
    until: Mapping[str, float] | None = None
    merged: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"RunData({self.run.run_id!r}, {self.size('trial')} trials, {self.run.status})"

    def __getattr__(self, name: str) -> pd.DataFrame:
        """Read a table of a large run, which `read_tables` leaves out, when it is asked for."""
        table = name.removesuffix("s")
        if table not in TABLES or name == table:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        frame = self._rescaled(read_table(self.folder, table))
        object.__setattr__(self, name, frame)
        return frame

    def columns(self, table: str, *names: str, known: str | None = None) -> pd.DataFrame:
        """Return columns of a table; of a large run they are read alone, and not kept.

        Text is then categories. `known`: only rows in which this one of them is not null.
        """
        frame = self._held(table)
        if frame is None:
            kinds = {name: table_columns(table)[name] for name in names}
            with _readable(table_path(self.folder, table)) as path:
                return self._rescaled(by_column.read_columns(path, kinds, known))
        held = frame[[name for name in names if name in frame.columns]]
        return held if known is None else held[held[known].notna()]

    def counted(self, table: str, *names: str) -> pd.DataFrame:
        """Return which rows columns of a table hold, in order; `rows` says how many are alike."""
        kinds, frame = {name: table_columns(table)[name] for name in names}, self._held(table)
        if frame is not None:
            return by_column.count_frame(frame, kinds)
        with _readable(table_path(self.folder, table)) as path:
            return by_column.count_file(path, kinds)

    def of(self, trials: Iterable[tuple[str, int]], *tables: str) -> RunData:
        """Return the run with only the rows near some trials in some tables."""
        other = object.__new__(RunData)
        self.put_into(other)
        keys = [*trials]
        for table in tables:
            frame = self._held(table)
            if frame is None:
                with _readable(table_path(self.folder, table)) as path:
                    read = by_column.read_trials(path, table_columns(table), keys)
                rows = self._rescaled(read)
            else:
                rows = by_column.near(frame, keys)
            object.__setattr__(other, f"{table}s", rows)
        return other

    def _rescaled(self, frame: pd.DataFrame) -> pd.DataFrame:
        return rescale(frame, self.sped_up, self.run.started_at)

    def size(self, table: str) -> int:
        """Return how many rows a table has."""
        frame = self._held(table)
        return rows_of(self.folder, table) if frame is None else len(frame)

    def _held(self, table: str) -> pd.DataFrame | None:
        """Return a table that is in memory; None where it has not been read."""
        try:
            frame: pd.DataFrame = object.__getattribute__(self, f"{table}s")
        except AttributeError:
            return None
        return frame

    def put_into(self, other: RunData) -> None:
        """Set what is known of this run, and no table that was not asked for, on another object."""
        for name in RunData.__dataclass_fields__:
            with suppress(AttributeError):
                object.__setattr__(other, name, object.__getattribute__(self, name))


def write_tables(
    folder: RunFolder, frames: Mapping[str, pd.DataFrame], *, judged_by: str = ""
) -> None:
    """Write a run's tables; each file is replaced whole, and a table that is left out is empty.

    `frames`: those of `read_journal`, with `trial` joined by `join_trials`, and the judged ones.
    `judged_by`: what the verdicts and costs rest on, such as the grader's version and the prices;
    `tables_current` compares it. Raises ValueError if a table or its columns are not those of
    `records`.
    """
    if unknown := set(frames) - set(TABLES):
        raise ValueError(f"no such tables: {sorted(unknown)}")
    state = frames["run"].attrs.get(STATE) if "run" in frames else None
    metadata = {"schema_version": SCHEMA_VERSION, "state": state, "judged_by": judged_by}
    files = {table: parquet_of(table, frames.get(table), metadata) for table in TABLES}
    with writing(folder.tables_path):
        folder.tables_path.mkdir(exist_ok=True)
    for table, content in files.items():
        write_atomic(table_path(folder, table), content, durable=False)  # can be made again


def tables_current(folder: RunFolder, *, judged_by: str = "") -> bool:
    """Tell whether all tables are there, readable and made from the journal as it is now."""
    wanted = {"state": _state(folder), "judged_by": judged_by}
    try:
        return all(wanted.items() <= _metadata(table_path(folder, t)).items() for t in TABLES)
    except RunFolderCorrupt:
        return False


def tables_match(folder: RunFolder, noted: Mapping[str, Any]) -> bool:
    """Tell whether tables with these notes were made from the journal as it is now."""
    return bool(noted.get("state") == _state(folder))


def judged_by(folder: RunFolder) -> str:
    """Return what the verdicts and costs of a run's tables rest on, as `write_tables` was told."""
    return str(_metadata(table_path(folder, "run")).get("judged_by") or "")


def read_tables(folder: RunFolder) -> RunData:
    """Return a run from its tables, the times of a sped-up simulator at real length.

    Raises RunFolderCorrupt if a table is missing or damaged, SchemaTooNew if it is newer than this.
    """
    row = read_table(folder, "run")
    if len(row) != 1:
        raise RunFolderCorrupt(table_path(folder, "run"), "it must have one row")
    run = _run(row)
    data, manifest = object.__new__(RunData), folder.manifest()
    known = {
        "run": rescale_run(run),
        "folder": folder,
        "sped_up": run.time_scale or 1.0,
        "until": (manifest.get("request") or {}).get("until"),
        "merged": manifest.get(MERGED, {}),
    }
    for name, value in known.items():
        object.__setattr__(data, name, value)
    if sum(rows_of(folder, table) for table in TABLES) <= _AT_ONCE:  # damage is told at once
        for name in ("attempts", "stages", "trials", "grades", "checks", "costs"):
            getattr(data, name)
    return data


def rows_of(folder: RunFolder, table: str) -> int:
    """Return how many rows a table's file says that it has."""
    import pyarrow.parquet as pq

    with _readable(table_path(folder, table)) as path:
        return int(pq.read_metadata(path).num_rows)


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """Yield a table's file once its version is one we read; say it where it is damaged."""
    import pyarrow as pa

    _metadata(path)
    try:
        yield path
    except (OSError, pa.ArrowException, ValueError, TypeError) as error:
        raise RunFolderCorrupt(
            path, f"cannot be read: {error}. Delete it: it is made again"
        ) from error


def table_path(folder: RunFolder, table: str) -> Path:
    """Return where a table's file is."""
    return Path(table_file(folder.path, table))


def _state(folder: RunFolder) -> str:
    with schema.opened(folder.journal_path) as connection:
        return journal_state(connection, lock.is_held(folder.path))


def parquet_of(table: str, frame: pd.DataFrame | None, metadata: Mapping[str, Any]) -> bytes:
    """Return a table, empty where it is None, as a Parquet file with notes of liftlab's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = table_columns(table)
    try:
        rows = empty(table) if frame is None else typed(frame, kinds)
    except ValueError as error:
        raise ValueError(f"table {table!r}: {error}") from error
    own = {_METADATA: json.dumps({**metadata, "table": table}).encode()}
    none = pa.Table.from_pandas(rows.head(0), arrow_schema(kinds), preserve_index=False)
    wanted, file = none.schema.with_metadata({**none.schema.metadata, **own}), io.BytesIO()
    with pq.ParquetWriter(file, wanted, write_page_checksum=True) as writer:
        for first in range(0, len(rows), _AT_ONCE):  # a second copy of a part, not of the whole
            part = rows.iloc[first : first + _AT_ONCE]
            writer.write_table(pa.Table.from_pandas(part, wanted, preserve_index=False))
    return file.getvalue()


def _metadata(path: Path) -> dict[str, Any]:
    """Return what liftlab noted in a Parquet file, once its schema version is one we read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        noted = (pq.read_schema(path).metadata or {}).get(_METADATA, b"{}")
        data = json.loads(noted)
        version = int(data["schema_version"])
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise RunFolderCorrupt(path, f"not a table of a run: {error}") from error
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(path, version, SCHEMA_VERSION)
    return dict(data)


def read_table(folder: RunFolder, table: str) -> pd.DataFrame:
    """Return one table, every page compared with its checksum; raises as `read_tables`."""
    import pyarrow.parquet as pq

    with _readable(table_path(folder, table)) as path:
        content = pq.ParquetFile(path, page_checksum_verification=True).read()
        kinds = table_columns(table)
        return typed(with_later_columns(from_arrow(content, kinds), table), kinds)


def _run(frame: pd.DataFrame) -> Run:
    import pandas as pd

    row = frame.astype(object).iloc[0]
    known: dict[str, Any] = {str(name): value for name, value in row.items() if pd.notna(value)}
    return Run(**known)


_SECONDS = "_s"  # how the name of every column of seconds ends
_MOMENT = "started_at"  # of a trial


def rescale(frame: pd.DataFrame, scale: float | None, zero: str | None = None) -> pd.DataFrame:
    """Return a table with its columns of seconds multiplied; no scale, or NaN, counts as 1.

    Trials then start as much later after `zero`, the moment when the run started. When the run
    itself started and finished stays what a calendar said.
    """
    if scale is None or math.isnan(scale) or scale == 1:
        return frame
    columns = {name: frame[name] * scale for name in frame.columns if name.endswith(_SECONDS)}
    if zero is not None and _MOMENT in frame.columns and frame[_MOMENT].notna().any():
        columns[_MOMENT] = frame[_MOMENT].map(partial(_later, zero, scale), na_action="ignore")
    return frame.assign(**columns)


def _later(zero: str, scale: float, moment: str) -> str:
    try:
        begun, now = datetime.fromisoformat(zero), datetime.fromisoformat(moment)
        return (begun + (now - begun) * scale).isoformat(timespec="microseconds")
    except (TypeError, ValueError, OverflowError):
        fault = f"a trial of a run of {zero!r:.60} cannot have started at {moment!r:.60}"
        raise InputInvalid(fault) from None


def at_real_length(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables of `read_journal` with their times at real length."""
    run = _run(frames["run"])
    measured = {name: frame for name, frame in frames.items() if name != "run"}
    real = {n: rescale(frame, run.time_scale, run.started_at) for n, frame in measured.items()}
    return real | {"run": frame_of([as_row(rescale_run(run))], table_columns("run"))}


def rescale_run(run: Run) -> Run:
    """Return a run's row with a time scale of 1: its client's errors weigh as its times do.

    The rate that was planned is then the one that its times stand for.
    """
    scale = run.time_scale
    if scale is None or scale == 1:
        return run
    known: dict[str, Any] = {
        field.name: value * scale
        for field in fields(run)
        if field.name.endswith(_SECONDS) and (value := getattr(run, field.name)) is not None
    }
    if run.rate_rps is not None:
        known["rate_rps"] = run.rate_rps / scale
    return replace(run, time_scale=1.0, **known)
