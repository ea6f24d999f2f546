"""The tables as DataFrames: one dtype a scalar type, decided here and nowhere else.

Text is pandas' `str`, integers are `Int64`, truth values `boolean`, and floats plain
`float64` where NaN means that the source could not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from liftlab.records import columns, nullable
from liftlab.store import lock, schema
from liftlab.store.folder import RunFolder
from liftlab.store.listing import status_now

if TYPE_CHECKING:
    import sqlite3

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

DTYPES: Mapping[type, str] = {str: "str", int: "Int64", float: "float64", bool: "boolean"}

# What the view that people use adds to a trial's own columns.
_JUDGED: Mapping[str, type] = {
    "outcome": str,
    "failure_class": str,
    "parsed": bool,
    "checks_passed": int,
    "checks_total": int,
    "cost_usd": float,
    "isolation": str,
}
_TRIAL_KEY = ["run_id", "case_id", "repeat"]
# Travels with the `run` frame to where the tables are written: the journal may go on meanwhile.
STATE = "journal_state"
_CHUNK = 20_000
_OPEN = "SELECT seq FROM attempt WHERE ended = 0"


def table_columns(table: str) -> dict[str, type]:
    """Return the columns of a table as it is written to Parquet; `trial` is the joined view."""
    return columns(table) | (dict(_JUDGED) if table == "trial" else {})


def typed(frame: pd.DataFrame, kinds: Mapping[str, type]) -> pd.DataFrame:
    """Return the frame with its columns in order and in the dtypes of this module.

    Raises ValueError if a column is missing or unknown.
    """
    if set(frame.columns) != set(kinds):
        missing, unknown = set(kinds) - set(frame.columns), set(frame.columns) - set(kinds)
        raise ValueError(f"columns missing: {sorted(missing)}, unknown: {sorted(unknown)}")
    return frame[list(kinds)].astype({name: DTYPES[kind] for name, kind in kinds.items()})


def with_later_columns(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return a table that may have been written before some nullable columns were, with them."""
    late = {name: None for name in table_columns(table) if name in nullable(table)}
    return frame.assign(**{name: none for name, none in late.items() if name not in frame.columns})


def frame_of(rows: Sequence[Any], kinds: Mapping[str, type]) -> pd.DataFrame:
    """Return rows, as tuples or dictionaries, as a frame in the dtypes of this module."""
    import pandas as pd

    return typed(pd.DataFrame(rows, columns=list(kinds), dtype=object), kinds)


def arrow_schema(kinds: Mapping[str, type]) -> pa.Schema:
    """Return the columns of a table as Arrow has them."""
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return pa.schema([(name, types[kind]) for name, kind in kinds.items()])


def from_arrow(content: pa.Table, kinds: Mapping[str, type]) -> pd.DataFrame:
    """Return an Arrow table as a frame in the dtypes of this module.

    Columns without any value take no room: half of those of a long run are empty.
    """
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    rows = content.num_rows
    one, yes = np.broadcast_to(np.int64(1), rows), np.broadcast_to(np.True_, rows)
    known = [name for name in content.column_names if content[name].null_count < rows]
    # Text of more than 2 GiB has no room in the `string` of Arrow.
    mapped = {pa.int64(): "Int64", pa.bool_(): "boolean", pa.string(): "str"}
    types = {arrow: pd.api.types.pandas_dtype(name) for arrow, name in mapped.items()}
    frame = content.select(known).to_pandas(types_mapper=types.get, split_blocks=True)
    nothing: dict[type, Any] = {
        float: np.broadcast_to(np.float64("nan"), rows),
        int: pd.arrays.IntegerArray(one, yes),
        bool: pd.arrays.BooleanArray(yes, yes),
        str: pd.array(pa.nulls(rows, pa.large_string()), dtype="str"),
    }
    missing = {n: nothing[kind] for n, kind in kinds.items() if n in content.column_names}
    columns = missing | {name: frame[name] for name in known}
    index = pd.RangeIndex(rows)
    return pd.DataFrame(columns, index=index, columns=content.column_names, copy=False)


def empty(table: str) -> pd.DataFrame:
    """Return a table without rows."""
    return frame_of([], table_columns(table))


def journal_state(connection: sqlite3.Connection, live: bool) -> str:
    """Return what tables depend on: how far the journal is, and whether it goes on."""
    return f"{schema.revision(connection)} {'live' if live else 'at rest'}"


def read_journal(folder: RunFolder) -> dict[str, pd.DataFrame]:
    """Return what a run measured: its tables `run`, `attempt`, `stage` and `trial`.

    A run that says `running` but has no writer was broken off: its status is `interrupted`, and its
    attempts without an end are `abandoned`. Raises as `schema.connect`.
    """
    live = lock.is_held(folder.path)
    with schema.opened(folder.journal_path) as connection:
        connection.execute("BEGIN")  # one moment for all tables
        frames = {table: _read(connection, table) for table in schema.TABLES}
        state = journal_state(connection, live)
        open_ones = {seq for (seq,) in connection.execute(_OPEN)}
    frames["run"]["status"] = [status_now(folder, str(s)) for s in frames["run"]["status"]]
    frames["run"].attrs[STATE] = state
    if open_ones and not live:
        attempts = frames["attempt"]
        attempts.loc[attempts["seq"].isin(open_ones), "abandoned"] = True
    return frames


def join_trials(
    trials: pd.DataFrame, grades: pd.DataFrame, costs: pd.DataFrame, attempts: pd.DataFrame
) -> pd.DataFrame:
    """Return trials with their current grade and cost: the view that analysis uses.

    A trial without a grade is `ungraded`; of several grades the last row counts.
    """
    judged = [name for name in _JUDGED if name != "cost_usd"]
    current = grades.drop_duplicates(_TRIAL_KEY, keep="last")[[*_TRIAL_KEY, *judged]]
    view = trials[list(columns("trial"))].merge(
        current, on=_TRIAL_KEY, how="left", validate="one_to_one"
    )
    view["cost_usd"] = trial_costs(trials, attempts, costs)
    view["outcome"] = view["outcome"].fillna("ungraded")
    return typed(view, table_columns("trial"))


def trial_costs(
    trials: pd.DataFrame, attempts: pd.DataFrame, costs: pd.DataFrame
) -> NDArray[np.float64]:
    """Return what each trial costs in USD: all that the run paid for is shared among trials; (n,).

    A trial costs what all its attempts cost, those that failed or were abandoned included, and NaN
    if one of them is not known. Warm-up, probes and attempts of trials that never ended belong to
    all trials alike: each bears an equal part, so that the mean is all attempts over trials. Of
    several prices or cost models the first in `costs` counts.
    """
    import numpy as np

    first = costs
    for name in ("price_id", "cost_model") if len(costs) else ():
        first = first[first[name] == costs[name].iloc[0]]
    first = first[["seq", "usd"]].drop_duplicates("seq")
    paid = first["usd"].to_numpy(np.float64, na_value=np.nan)
    if not np.array_equal(first["seq"].to_numpy(), attempts["seq"].to_numpy()):
        paid = first.set_index("seq")["usd"].reindex(attempts["seq"]).to_numpy(np.float64)
    return shared_among(trials, attempts, paid)


def shared_among(
    trials: pd.DataFrame, attempts: pd.DataFrame, paid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the same of what was paid for each attempt, NaN where that is not known; (n,)."""
    import numpy as np

    from liftlab.store.by_column import places

    place, count = places(attempts, trials), len(trials)
    own = place >= 0
    usd: NDArray[np.float64] = np.bincount(place[own], paid[own], count).astype(np.float64)
    usd[np.bincount(place[own], minlength=count) == 0] = np.nan  # nothing was sent for it
    return usd + float(np.nansum(paid[~own])) / max(count, 1)


def _read(connection: sqlite3.Connection, table: str) -> pd.DataFrame:
    """Read a table in chunks: rows as Python objects take ten times a frame's memory."""
    import pyarrow as pa

    kinds = columns(table)
    asked = arrow_schema(kinds)
    order = "seq" if table == "attempt" else "rowid"
    cursor = schema.select(connection, table, order)
    chunks: list[pa.RecordBatch] = []
    while rows := cursor.fetchmany(_CHUNK):
        # SQLite has no truth values.
        values = [
            pa.array(column, pa.int64()).cast(kind)
            if pa.types.is_boolean(kind)
            else pa.array(column, kind)
            for column, kind in zip(zip(*rows, strict=True), asked.types, strict=True)
        ]
        chunks.append(pa.record_batch(values, schema=asked))
    return from_arrow(pa.Table.from_batches(chunks, schema=asked), kinds)
