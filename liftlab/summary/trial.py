"""One trial in full: what was sent, what came back, the code, its checks, and its times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from liftlab.errors import UnknownName, UsageError
from liftlab.store import RunData
from liftlab.suite import Case, Check
from liftlab.summary.examples import code_of, facets_of, ir_of, rows_of
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What one attempt sent and got back; a text is None where it was not kept."""

    # stage, attempt: which attempt of which stage
    stage: str
    attempt: int | None
    # prompt, system, schema: what was asked
    prompt: str | None
    system: str | None
    schema: Mapping[str, Any] | None
    reply: str | None  # the reply's body as it came


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TrialDetails(Result):
    """Everything that is known of one trial; texts are the model's own."""

    # case_id, repeat: which trial it is
    case_id: str
    repeat: int
    trial: Mapping[str, Any]  # its row of the trial table
    # stages, attempts, checks: its rows of those tables, in the order in which they happened;
    # checks have a column `call`, where the suite says what was called
    stages: pd.DataFrame
    attempts: pd.DataFrame
    checks: pd.DataFrame
    exchanges: tuple[Exchange, ...]  # what each attempt sent and got back
    # ir, code: the last value before the code, and the code as it was graded
    ir: str | None
    code: str | None
    # what the grader found of a wrong answer: `exception`, `message`, `line`, …
    facets: Mapping[str, Any]
    case: Case | None  # the case as it was when the run was made; None where the run keeps no suite

    @property
    def prompt(self) -> str | None:
        """What a person asked for."""
        return self.case.prompt if self.case else None

    @property
    def reply(self) -> str | None:
        """The body of the last reply."""
        kept = [exchange.reply for exchange in self.exchanges if exchange.reply is not None]
        return kept[-1] if kept else None

    @property
    def line(self) -> int | None:
        """The line of the code that the grader names."""
        line = self.facets.get("line")
        return line if type(line) is int else None


def trial_of(run: RunData, case_id: str, repeat: int = 1) -> TrialDetails:
    """Return one trial of a run.

    Raises UnknownName if the run has no such case; the message gives the nearest. Raises UsageError
    if it was not repeated as often.
    """
    mine = run.trials[run.trials["case_id"] == case_id]
    if not len(mine):
        raise UnknownName("case", case_id, run.trials["case_id"].drop_duplicates())
    row = mine[mine["repeat"] == repeat]
    if not len(row):
        known = ", ".join(f"{n}" for n in sorted(mine["repeat"]))
        raise UsageError(f"{case_id} has no repeat {repeat} in {run.run.run_id}, but {known}")
    kept = run.folder.suite()
    case = next((case for case in kept.cases if case.case_id == case_id), None) if kept else None
    attempts = rows_of(run.attempts, case_id, repeat).sort_values("seq")
    return TrialDetails(
        run=run,
        case_id=case_id,
        repeat=repeat,
        trial={str(name): value for name, value in row.iloc[0].items()},
        stages=rows_of(run.stages, case_id, repeat).sort_values("position"),
        attempts=attempts,
        checks=_with_calls(rows_of(run.checks, case_id, repeat), case),
        exchanges=tuple(_exchanges(run, attempts)),
        ir=ir_of(run, case_id, repeat),
        code=code_of(run, case_id, repeat),
        facets=facets_of(run, case_id, repeat),
        case=case,
    )


def _exchanges(run: RunData, attempts: pd.DataFrame) -> Iterator[Exchange]:
    for row in attempts.to_dict("records"):
        asked = _object(_text(run, row["prompt_sha256"]))
        attempt = row["attempt"]
        yield Exchange(
            stage=str(row["stage"]),
            attempt=None if pd.isna(attempt) else int(attempt),
            prompt=asked.get("prompt"),
            system=asked.get("system"),
            schema=asked.get("schema"),
            reply=_text(run, row["reply_sha256"]),
        )


def _text(run: RunData, digest: object) -> str | None:
    if not isinstance(digest, str):
        return None
    return run.folder.artifacts.get(digest).decode("utf-8", "replace")


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {"prompt": text}
    return value if isinstance(value, dict) else {"prompt": text}


def _with_calls(checks: pd.DataFrame, case: Case | None) -> pd.DataFrame:
    """Return checks with what each called, such as `is_even(4)`, where the suite says it."""
    calls = {check.name: _call(case, check) for check in case.checks} if case else {}
    names = checks["check"].map(calls.get)
    return checks.assign(call=names.where(names.notna(), checks["check"]))


def _call(case: Case, check: Check) -> str:
    given = [repr(value) for value in check.fresh_args()]
    given += [f"{name}={value!r}" for name, value in check.fresh_kwargs().items()]
    return f"{case.entry_point or case.case_id}({', '.join(given)})"
