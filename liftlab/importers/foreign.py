"""Results that others measured as run folders: those of other tools have a row a request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import liftlab
from liftlab.endpoints.paths import at
from liftlab.endpoints.replies import clean, count_or_none, number_or_none
from liftlab.importers.week2.causes import error_class
from liftlab.records import LOAD, Attempt, Run, Stage, Trial
from liftlab.store import RunFolder, create
from liftlab.store.exchange import ORIGINAL
from liftlab.store.files import write_atomic
from liftlab.store.folder import Measured
from liftlab.suite import Case, Suite

REQUEST = "request"  # the stage of a load's requests
_EARLIEST_S, _LATEST_S = 1e9, 4e9  # of a time that counts from 1970
# By field of a `ForeignRow`: where its number is, and how many seconds its unit has.
Columns = Mapping[str, tuple[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRow:
    """One request; without a `case_id` it is one of a load. Times are in seconds.

    `started_s` counts from anywhere, as long as it is the same for all of a file.
    """

    case_id: str | None = None
    repeat: int | None = None
    prompt: str | None = None
    category: str | None = None
    text: str | None = None
    function: str | None = None
    started_s: float | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    itl_s: float | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    stages: Mapping[str, tuple[float | None, int | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """A file of another tool, whose name is `family`."""

    family: str
    rows: Sequence[ForeignRow]
    model: str | None = None
    concurrency: int | None = None
    began: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def began_at(self) -> str | None:
        """When it began, as the file says or by its first request, in ISO 8601."""
        zero_s = _zero_s(self.rows)
        if self.began is None and zero_s is not None and _EARLIEST_S < zero_s < _LATEST_S:
            return datetime.fromtimestamp(zero_s, tz=UTC).isoformat()
        return stamp(self.began)

    @property
    def is_load(self) -> bool:
        """Whether its requests belong to no case."""
        return all(row.case_id is None for row in self.rows)


def numbers(data: Any, columns: Columns) -> dict[str, Any]:
    """Return the fields of a `ForeignRow` that a row of a file has; what cannot be is unknown.

    >>> columns = {"latency_s": ("ms", 1e-3), "output_tokens": ("n.out", 1)}
    >>> numbers({"ms": 500.0, "n": {"out": 20}}, columns)
    {'latency_s': 0.5, 'output_tokens': 20}
    """
    told: dict[str, Any] = {}
    for name, (path, unit_s) in columns.items():
        value, is_count = _at(data, path), name.endswith("tokens")
        known = count_or_none(value) if is_count else number_or_none(value)
        if known is not None and known >= 0:
            told[name] = known if is_count else known * unit_s
    return told


def text_at(data: Any, *paths: str) -> str | None:
    """Return the first text that is not empty at any of some paths."""
    values = (_at(data, path) for path in paths)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)


def run_id(source: bytes, began_at: str | None) -> str:
    """Return the name of a file's run: when it began, and letters of its content's digest."""
    digest, moment = sha256(source).hexdigest(), _moment(began_at)
    if moment is None:
        return f"imported_{digest[:12]}"
    number = int(digest, 16)
    letters = "".join(ascii_lowercase[number // 26**place % 26] for place in range(4))
    return f"{moment:%Y%m%d_%H%M%S}_{letters}"


def stamp(text: str | None) -> str | None:
    """Return a foreign moment in UTC; None where it is not one."""
    moment = _moment(text)
    return moment.isoformat() if moment else None


def write_imported(
    runs_dir: Path,
    run: Run,
    suite: Suite | None,
    name: str,
    source: bytes,
    rows: Callable[[RunFolder], Iterator[Measured]],
    **told: Any,
) -> RunFolder:
    """Write a run that came as the file `name`, which is kept; `told` goes into its manifest.

    Raises StorageFailed if it cannot be written, or there is a run of that name; nothing is left
    behind.
    """
    manifest = {
        "suite": run.suite,
        "suite_sha256": run.suite_sha256,
        "pipeline_sha256": None,
        "imported": {"file": name, "sha256": sha256(source).hexdigest(), **told},
    }

    def fill(folder: RunFolder) -> Iterator[Measured]:
        write_atomic(folder.path / ORIGINAL, source, durable=False)
        return rows(folder)

    return create(runs_dir, run, manifest, suite.source if suite else b"", ".jsonl", fill)


def write_foreign(
    runs_dir: Path, name: str, source: bytes, file: ForeignFile, suite: Suite | None
) -> RunFolder:
    """Write a file's rows as a run; as `write_imported`."""
    load, zero_s = file.is_load, _zero_s(file.rows)
    rows = _numbered(file.rows)
    cases = {case.case_id: case for case in suite.cases} if suite else {}
    run = Run(
        run_id=run_id(source, file.began_at),
        suite=suite.name if suite else LOAD if load else file.family,
        suite_sha256=suite.sha256 if suite else None,
        pipeline=LOAD if load else None,
        model=file.model,
        concurrency=file.concurrency,
        load="closed" if file.concurrency else None,
        started_at=file.began_at,
        status="complete",
        repeats=max(repeat for _, repeat in rows),
        liftlab_version=liftlab.__version__,
        provenance="imported",
    )

    def records(folder: RunFolder) -> Iterator[Measured]:
        seqs = count(1)
        for row, repeat in rows:
            keys = {"run_id": run.run_id, "case_id": row.case_id or LOAD, "repeat": repeat}
            yield from _records(folder, keys, row, seqs, zero_s or 0.0)
            yield _trial(keys, row, cases.get(row.case_id or ""))

    told = {"family": file.family, "published": {}, "notes": list(file.notes)}
    return write_imported(runs_dir, run, suite, name, source, records, **told)


def _at(data: Any, path: str) -> Any:
    try:
        return at(data, path)
    except KeyError:
        return None


def _moment(text: str | None) -> datetime | None:
    """Return a time as the tables have it: in UTC where its zone is told, else as it stands."""
    try:
        moment = datetime.fromisoformat(text.strip()) if text else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def _zero_s(rows: Sequence[ForeignRow]) -> float | None:
    return min((row.started_s for row in rows if row.started_s is not None), default=None)


def _numbered(rows: Sequence[ForeignRow]) -> list[tuple[ForeignRow, int]]:
    """Return each row with its repeat: the file's own, unless that is missing or taken."""
    taken: set[tuple[str | None, int]] = set()
    numbered = []
    for row in rows:
        free = (number for number in count(1) if (row.case_id, number) not in taken)
        own = row.repeat if row.repeat and (row.case_id, row.repeat) not in taken else None
        repeat = own or next(free)
        taken.add((row.case_id, repeat))
        numbered.append((row, repeat))
    return numbered


def _records(
    folder: RunFolder, keys: dict[str, Any], row: ForeignRow, seqs: Iterator[int], zero_s: float
) -> Iterator[Measured]:
    failed = row.error is not None
    reason = (error_class(row.error) or "reported_error") if failed else None
    stages = _stages(row)
    last = list(stages)[-1]
    for position, (stage, (latency_s, drawn)) in enumerate(stages.items()):
        ends = stage == last
        told: dict[str, Any] = {"transport_ok": not failed, "valid": not failed}
        told |= _times(row, latency_s, zero_s) if len(stages) == 1 else {}
        tokens = row.output_tokens if ends and drawn is None else drawn
        if ends:
            told |= {"prompt_tokens": row.prompt_tokens, "error_class": reason}
        number = next(seqs)
        yield Attempt(**keys, seq=number, stage=stage, attempt=1, output_tokens=tokens, **told)
        kept = _kept(row) if ends else None
        yield Stage(
            **keys,
            stage=stage,
            position=position,
            ok=not (failed and ends),
            latency_s=latency_s,
            attempts=1,
            output_tokens=tokens,
            error_class=reason if ends else None,
            value_sha256=None if kept is None else folder.artifacts.put(json.dumps(kept).encode()),
        )


def _stages(row: ForeignRow) -> Mapping[str, tuple[float | None, int | None]]:
    only = REQUEST if row.case_id is None else "code"
    return row.stages or {only: (row.latency_s, row.output_tokens)}


def _trial(keys: dict[str, Any], row: ForeignRow, case: Case | None) -> Trial:
    """Return a row's trial; what the file does not say of its case, the suite does."""
    times = [latency_s for latency_s, _ in _stages(row).values()]
    known = [seconds for seconds in times if seconds is not None]
    summed_s = sum(known) if len(known) == len(times) else None
    return Trial(
        **keys,
        category=row.category or (case.category if case else None),
        difficulty=case.difficulty if case else None,
        e2e_s=summed_s if row.latency_s is None else row.latency_s,
        attempts=len(times),
        completed=row.error is None,
    )


def _times(row: ForeignRow, latency_s: float | None, zero_s: float) -> dict[str, float | None]:
    if latency_s is None:
        return {}
    sent_s = 0.0 if row.started_s is None else row.started_s - zero_s
    ended_s = sent_s + latency_s
    times: dict[str, float | None] = {"sent_s": sent_s, "called_s": sent_s, "ended_s": ended_s}
    if row.error is None:
        times |= {"last_byte_s": ended_s, "itl_s": row.itl_s}
        if row.ttft_s is not None:
            times |= {"first_token_s": sent_s + row.ttft_s, "last_token_s": ended_s}
    return times


def _kept(row: ForeignRow) -> dict[str, Any] | None:
    if row.error is not None:
        return {"message": clean(row.error)}
    if row.text is None:
        return None
    if row.case_id is None:
        return {"value": row.text}
    return {"code": row.text, "function": row.function}
