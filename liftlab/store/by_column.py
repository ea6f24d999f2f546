"""A few columns of a table of any length: read alone, or counted by what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.store.frames import arrow_schema, from_arrow, typed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

TRIAL = ("case_id", "repeat")  # what a trial is known by in its run
_DENSE = 8  # a list of all trials that there may be, where it is at most so many times as long
ROWS = "rows"  # the column that says how many rows of a table are alike
_AT_ONCE = 500_000  # rows
# Text that few rows have in common stays text: a list of all would be as long as the column.
_DIFFERS = ("_at", "_sha256", "request_id", "response_id", "facets", "expected", "actual", "error")

Kinds = Mapping[str, type]


def read_columns(path: Path, kinds: Kinds, known: str | None = None) -> pd.DataFrame:
    """Return columns of a file; text that many rows have in common as categories.

    `known`: only rows in which this one of them is not null.
    """
    import pandas as pd
    import pyarrow as pa

    words = [name for name, kind in kinds.items() if kind is str and not name.endswith(_DIFFERS)]
    if known is not None:
        parts = pa.concat_tables(_parts(path, kinds, words, known))
        return from_arrow(parts.unify_dictionaries(), kinds)
    columns = {}
    for name, kind in kinds.items():  # of all at once there would be two copies
        parts = pa.concat_tables(_parts(path, {name: kind}, words))
        columns[name] = _narrow(from_arrow(parts.unify_dictionaries(), {name: kind})[name])
        del parts
        pa.default_memory_pool().release_unused()  # else it keeps as much again as is read
    return pd.DataFrame(columns, copy=False)


def _narrow(column: pd.Series) -> pd.Series:
    """Return whole numbers in half as many bytes, where all of them have room there."""
    import numpy as np
    import pandas as pd

    if column.dtype != pd.Int64Dtype() or column.isna().all():
        return column
    ends, room = (column.min(), column.max()), np.iinfo(np.int32)
    if room.min <= ends[0] and ends[1] <= room.max:
        return column.astype("Int32")
    return column


def read_trials(path: Path, kinds: Kinds, trials: Sequence[tuple[str, int]]) -> pd.DataFrame:
    """Return the rows of a file whose case and repeat are among those of some trials."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cases, repeats = (sorted({trial[place] for trial in trials}) for place in (0, 1))
    wanted = pa.array(cases, pa.string()), pa.array(repeats, pa.int64())
    found = [
        part.filter(pc.and_(*map(pc.is_in, part.select([*TRIAL]).columns, wanted)))
        for part in _parts(path, kinds)
    ]
    return typed(from_arrow(pa.concat_tables(found), kinds), kinds)


def near(frame: pd.DataFrame, trials: Sequence[tuple[str, int]]) -> pd.DataFrame:
    """Return the same of a frame."""
    cases, repeats = ({trial[place] for trial in trials} for place in (0, 1))
    return frame[frame["case_id"].isin(cases) & frame["repeat"].isin(repeats)]


def count_file(path: Path, kinds: Kinds) -> pd.DataFrame:
    """Return which rows some columns of a file hold, in order, and how many there are of each."""
    return _counted(_parts(path, kinds), kinds)


def count_frame(frame: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """Return the same of a frame."""
    import pyarrow as pa

    rows = pa.Table.from_pandas(frame[list(kinds)], arrow_schema(kinds), preserve_index=False)
    return _counted([rows], kinds)


def _parts(
    path: Path, kinds: Kinds, words: Sequence[str] = (), known: str | None = None
) -> Iterator[pa.Table]:
    """Yield columns of a file part by part, some as dictionaries; there is one part at least."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, read_dictionary=[*words], page_checksum_verification=True)
    there = [name for name in kinds if name in file.schema_arrow.names]
    rows = file.metadata.num_rows
    if not there or not rows:  # a column may be younger than the file
        yield _nothing(kinds, 0 if known else rows)
        return
    for batch in file.iter_batches(_AT_ONCE, columns=there, use_threads=False):
        part = pa.Table.from_batches([batch])
        if known is not None:
            part = part.filter(part[known].is_valid()) if known in there else part.slice(0, 0)
        late = _nothing({name: kinds[name] for name in kinds if name not in there}, len(part))
        for name in late.column_names:
            part = part.append_column(name, late[name])
        yield part.select(list(kinds))


def _nothing(kinds: Kinds, rows: int) -> pa.Table:
    import pyarrow as pa

    schema = arrow_schema(kinds)
    return pa.table([pa.nulls(rows, field.type) for field in schema], schema=schema)


def _counted(parts: Iterable[pa.Table], kinds: Kinds) -> pd.DataFrame:
    import pyarrow as pa

    names = list(kinds)
    # Without threads groups stay in the order in which they come.
    found = [
        part.group_by(names, use_threads=False).aggregate([([], "count_all")]) for part in parts
    ]
    whole = pa.concat_tables(found).group_by(names, use_threads=False)
    counts = whole.aggregate([("count_all", "sum")]).select([*names, "count_all_sum"])
    return from_arrow(counts.rename_columns([*names, ROWS]), {**kinds, ROWS: int})


def among(frame: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are of a trial that is among others; (n,)."""
    found: NDArray[np.bool_] = places(frame, others) >= 0
    return found


def places(frame: pd.DataFrame, trials: pd.DataFrame) -> NDArray[np.intp]:
    """Return the place of each row's trial among trials, the last one's; -1 where it has none."""
    import numpy as np

    if not len(frame) or not len(trials):
        return np.full(len(frame), -1, dtype=np.intp)
    cases, count = _numbered(trials["case_id"], frame["case_id"])
    again, most = _numbered(trials["repeat"], frame["repeat"])
    # Of very many trials each of these takes as much as a column of their table does.
    kind = np.min_scalar_type(-count * most)
    own, wanted = (
        each.astype(kind) * kind.type(count) + case for case, each in zip(cases, again, strict=True)
    )
    del cases, again
    most = int(max(own.max(), wanted.max())) + 1
    if most <= _DENSE * len(own):
        listed = np.full(most, -1, dtype=np.min_scalar_type(-len(own)))
        listed[own] = np.arange(len(own), dtype=listed.dtype)
        found: NDArray[np.intp] = listed[wanted].astype(np.intp)
        return found
    order = np.argsort(own, kind="stable")
    at = np.searchsorted(own[order], wanted, side="right") - 1
    return np.where(own[order[at]] == wanted, order[at], -1)


def _numbered(*columns: pd.Series) -> tuple[list[NDArray[np.signedinteger[Any]]], int]:
    """Return a number for each value, the same in all columns, and how many there are."""
    import numpy as np
    import pandas as pd

    known: dict[object, int] = {}
    found = []
    for column in columns:
        codes, names = pd.factorize(column)
        numbers = [known.setdefault(name, len(known) + 1) for name in names]
        kind = np.min_scalar_type(-len(known) - 1)
        found.append(np.array([*numbers, 0], dtype=kind)[codes])  # 0: null
        del codes
    return found, len(known) + 1
