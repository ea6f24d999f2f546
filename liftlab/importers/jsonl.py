"""liftlab's own JSON Lines, as `store.exchange` writes them, back into a run folder."""

from __future__ import annotations

import base64
import binascii
import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from liftlab import tomlfile
from liftlab.endpoints.replies import dict_of
from liftlab.errors import FileInvalid, SchemaTooNew
from liftlab.importers.reading import parse
from liftlab.records import KEYS, SCHEMA_VERSION, TABLES, Run, as_row, columns
from liftlab.store import RunFolder, create, read_journal
from liftlab.store.exchange import ARTIFACT, FILE, ORIGINAL, SUITE
from liftlab.store.files import write_atomic
from liftlab.store.folder import Measured, is_run_id
from liftlab.store.frames import frame_of
from liftlab.store.tables import at_real_length
from liftlab.suite.file import SUFFIXES

if TYPE_CHECKING:
    import pandas as pd

_MARK = b'{"table": "liftlab"'
_MEASURED = ("attempt", "stage", "trial")
_JUDGED = ("grade", "check", "cost")


@dataclass(slots=True)
class Exported:
    """A run as a file tells it; `records` holds the rows of each table."""

    path: Path
    header: dict[str, Any]
    suite: bytes = b""
    suffix: str = ".toml"
    records: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in TABLES})
    artifacts: list[bytes] = field(default_factory=list)
    original: bytes | None = None

    @property
    def run(self) -> Run:
        """The run's row."""
        row: Run = self.records["run"][0]
        return row


def is_ours(source: bytes) -> bool:
    """Say whether a file is liftlab's own JSON Lines."""
    return source.removeprefix(BOM_UTF8).lstrip().startswith(_MARK)


def read_lines(source: bytes, path: Path) -> Exported:
    """Read an export.

    Raises FileInvalid if it was cut short, or a record is not what its table holds; with the line.
    Raises SchemaTooNew if a newer liftlab wrote it.
    """
    lines = _lines(source, path)
    _, header = next(lines)
    told = Exported(path, header)
    number, read = 1, 0
    for number, record in lines:
        try:
            _take(told, record.pop("table"), record)
        except ValueError as error:
            raise FileInvalid(path, str(error), number) from None
        read += 1
    if read != header.get("records"):
        raise FileInvalid(path, "records are missing: it was cut short; export it again", number)
    _check_whole(told)
    return told


def write_exported(runs_dir: Path, told: Exported) -> RunFolder:
    """Write what was measured as a run folder; tables are the caller's to write.

    Raises StorageFailed if it cannot be written, or there is a run of that name.
    """
    manifest = {k: v for k, v in told.header["manifest"].items() if k != "suite_suffix"}

    def fill(folder: RunFolder) -> Iterator[Measured]:
        for content in told.artifacts:
            folder.artifacts.put(content)
        if told.original is not None:
            write_atomic(folder.path / ORIGINAL, told.original, durable=False)
        return chain.from_iterable(told.records[table] for table in _MEASURED)

    return create(runs_dir, told.run, manifest, told.suite, told.suffix, fill)


def is_in(folder: RunFolder, told: Exported) -> bool:
    """Say whether a run holds what the file says was measured."""
    frames = at_real_length(read_journal(folder))
    return all(frames[table].equals(_frame(told, table)) for table in frames)


def judged(told: Exported) -> dict[str, pd.DataFrame]:
    """Return the tables `grade`, `check` and `cost` as the file has them."""
    return {table: _frame(told, table) for table in _JUDGED}


def _frame(told: Exported, table: str) -> pd.DataFrame:
    return frame_of([as_row(record) for record in told.records[table]], columns(table))


def _lines(source: bytes, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(source.removeprefix(BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = parse(line, path).data
        except FileInvalid as error:
            reason = str(error).removeprefix(f"{path}:1: ").removeprefix(f"{path}: ")
            raise FileInvalid(path, reason, number) from None
        fields = dict_of(record)
        version, table = fields.pop("schema_version", None), fields.get("table")
        if not isinstance(table, str) or type(version) is not int:
            raise FileInvalid(path, "no record: it has no table or no schema_version", number)
        if version > SCHEMA_VERSION:
            raise SchemaTooNew(path, version, SCHEMA_VERSION)
        yield number, fields


@cache
def _reader(table: str) -> TypeAdapter[Any]:
    return TypeAdapter(TABLES[table])


def _take(told: Exported, table: Any, record: dict[str, Any]) -> None:
    """Put one record where it belongs; raise ValueError if it is not what its table holds."""
    if table in TABLES:
        told.records[table].append(_record(table, record))
    elif table == SUITE:
        told.suite, told.suffix = _content(record), str(record.get("suffix"))
        if told.suffix not in SUFFIXES:  # it becomes part of a file's name
            raise ValueError(f"suffix: must be {' or '.join(SUFFIXES)}")
    elif table == ARTIFACT:
        told.artifacts.append(_content(record))
        if sha256(told.artifacts[-1]).hexdigest() != record.get("sha256"):
            raise ValueError("the artifact is not what was kept: its digest differs")
    elif table == FILE and record.get("name") == ORIGINAL:
        told.original = _content(record)
    else:
        raise ValueError(f"no table {str(table)[:60]!r}")


def _record(table: str, record: dict[str, Any]) -> Any:
    known = columns(table)
    if table != "trial" and (unknown := set(record) - set(known)):  # a trial's has its verdict, too
        raise ValueError(f"{table} has no column {min(unknown)[:60]!r}")
    told = {name: value for name, value in record.items() if name in known and value is not None}
    try:
        # In Python data, strict would ask for the dataclass itself.
        return _reader(table).validate_json(json.dumps(told), strict=True)
    except ValidationError as error:
        keys, message = tomlfile.first_fault(error)
        raise ValueError(f"{table}.{tomlfile.field_name(keys)}: {message}") from None


def _content(record: dict[str, Any]) -> bytes:
    text, encoded = record.get("text"), record.get("base64")
    try:
        if isinstance(text, str):
            return text.encode()
        return base64.b64decode(str(encoded), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("neither text nor base64") from None


def _check_whole(told: Exported) -> None:
    path, manifest = told.path, told.header.get("manifest")
    if len(told.records["run"]) != 1 or not isinstance(manifest, dict):
        raise FileInvalid(path, "must hold one run and its manifest")
    if not is_run_id(told.run.run_id):
        raise FileInvalid(path, f"{told.run.run_id[:60]!r} cannot be a run's name")
    request = manifest.get("request")
    endpoint = request.get("endpoint") if isinstance(request, dict) else None
    priced = isinstance(endpoint, dict) and {"price", "cost_model"} <= endpoint.keys()
    if not priced and not {"reference", "imported"} & manifest.keys():
        raise FileInvalid(path, "the manifest does not say by which price the run is counted", 1)
    for table, records in told.records.items():
        keys = {tuple(getattr(record, name) for name in KEYS[table]) for record in records}
        if len(keys) < len(records):
            raise FileInvalid(path, f"{table}: two rows with the same key")
        if {key[0] for key in keys} - {told.run.run_id}:
            raise FileInvalid(path, f"{table}: a row of another run")
