"""Every trial of a run: what was sent and what came back, in full, and failed answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from liftlab import values
from liftlab.analysis.columns import client_counts, floats, is_retry, is_true, rows
from liftlab.analysis.tokens import StageTokens, stage_tokens
from liftlab.errors import UnknownName, UsageError
from liftlab.store import RunData
from liftlab.store.by_column import TRIAL, among, places
from liftlab.suite import Case, Check
from liftlab.summary.result import Limits, Result

# Columns of attempts that say when tokens came.
_TOKENS = (
    *("case_id", "stage", "phase", "error_class", "sent_s", "first_token_s", "first_reasoning_s"),
    *("last_token_s", "output_tokens", "itl_s"),
)
_SHOWN = (
    *("category", "e2e_s", "client_s", "attempts", "outcome", "failure_class", "checks_passed"),
    "checks_total",
)
MOST = 8  # of each class in turn, so that the rare ones are among them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Trials(Result):
    """How a run went."""

    completed: int  # trials that went through all stages
    # HTTP requests of all phases, those that asked again, and those that failed on the way
    requests: int
    retries: int
    failed: int
    output_tokens: int | None  # of all replies; None where the endpoint does not say
    # when the tokens of streamed replies came, by stage; empty where none were streamed
    tokens: tuple[StageTokens, ...]
    # whether liftlab's own work took a share of any trial that is worth a column
    client_counts: bool


def trials_of(run: RunData) -> Trials:
    """Count what was sent and what came of it."""
    trials = run.counted("trial", "completed")
    tries = run.counted("attempt", "attempt", "retry_reason", "transport_ok")
    failed = tries["transport_ok"].fillna(value=True) == False  # noqa: E712  # elementwise
    tokens = floats(run.columns("attempt", "output_tokens", known="output_tokens"), "output_tokens")
    heads = ("first_token_s", "first_reasoning_s")
    streamed = any(len(run.columns("attempt", name, known=name)) for name in heads)
    return Trials(
        run=run,
        completed=int(rows(trials)[is_true(trials, "completed")].sum()),
        requests=run.size("attempt"),
        retries=int(rows(tries)[is_retry(tries)].sum()),
        failed=int(rows(tries)[failed.to_numpy(bool)].sum()),
        output_tokens=int(tokens.sum()) if len(tokens) else None,
        tokens=tuple(stage_tokens(run.columns("attempt", *_TOKENS))) if streamed else (),
        client_counts=client_counts(run.columns("trial", "e2e_s", "client_s")),
    )


def slowest(run: RunData, most: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the slowest trials of a run, and their steps; all as they are where it has no more."""
    first = None
    if run.size("trial") > most:  # nobody will see the others
        times = run.columns("trial", *TRIAL, "e2e_s")
        first = times.iloc[np.argsort(-floats(times, "e2e_s"), kind="stable")[:most]]
        keys = zip(first["case_id"].astype(str), first["repeat"].astype(int), strict=True)
        run = run.of(keys, "trial", "stage")
    trials = run.columns("trial", *TRIAL, *_SHOWN)
    stages = run.columns("stage", *TRIAL, "stage", "position", "latency_s", "error_class")
    if first is None:
        return trials, stages
    return trials.iloc[places(first, trials)], stages[among(stages, first)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One failed answer; texts are the model's own, None where nothing was kept."""

    case_id: str
    repeat: int
    category: str
    # failure_class, facets: what the grader found, and where
    failure_class: str
    facets: dict[str, Any]
    line: int | None  # the line of the code that it names
    # code, ir: the code as graded, and the IR that it was made from
    code: str | None
    ir: str | None
    checks: pd.DataFrame  # the checks that it missed: `check, expected, actual, error`
    # case and repeat of a right answer: to the same case, else to one of its category
    like: tuple[str, int] | None
    like_code: str | None  # the code of that answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Examples(Result):
    """Failed answers of a run."""

    rows: tuple[Example, ...]  # some of each failure class
    failed: int  # how many there are in all


def examples_of(run: RunData) -> Examples:
    """Choose failed answers, each class in turn, and read what was kept of them."""
    trials = run.columns("trial", *TRIAL, "category", "outcome", "failure_class")
    failed = trials[trials["outcome"] == "fail"]
    order = failed.groupby("failure_class", dropna=False).cumcount().sort_values(kind="stable")
    chosen = failed.loc[order.index[:MOST]].to_dict("records")
    likes = [next(like_of(trials, trial), None) for trial in chosen]
    keys = [(str(trial["case_id"]), int(trial["repeat"])) for trial in chosen]
    some = run.of([*keys, *filter(None, likes)], "stage", "grade", "check")
    rows = map(partial(_example, some), chosen, likes)
    return Examples(run=run, rows=tuple(rows), failed=len(failed))


def code_of(run: RunData, case_id: str, repeat: int) -> str | None:
    """Return the code that a trial ended with, as it was graded; None if it gave none."""
    return _text(run, next(iter(rows_of(run.grades, case_id, repeat)["code_sha256"]), None))


def ir_of(run: RunData, case_id: str, repeat: int) -> str | None:
    """Return the IR that an answer was made from, as JSON where it is; None if none was kept."""
    stages = rows_of(run.stages, case_id, repeat).sort_values("position")
    digests = stages["value_sha256"].iloc[:-1].dropna()  # the last stage's value is the answer
    if len(digests) == 0:
        return None
    text = run.folder.artifacts.get_text(digests.iloc[-1])
    try:
        value = json.loads(text)
        inner = value.get("value", value) if isinstance(value, dict) else value
        return json.dumps(inner, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text  # what a model wrote need not be JSON


def _example(run: RunData, trial: dict[Any, Any], like: tuple[str, int] | None) -> Example:
    case, repeat = str(trial["case_id"]), int(trial["repeat"])
    facets, checks = facets_of(run, case, repeat), rows_of(run.checks, case, repeat)
    line = facets.get("line")
    return Example(
        case_id=case,
        repeat=repeat,
        category="" if pd.isna(trial["category"]) else str(trial["category"]),
        failure_class="" if pd.isna(trial["failure_class"]) else str(trial["failure_class"]),
        facets=facets,
        line=line if type(line) is int else None,
        code=code_of(run, case, repeat),
        ir=ir_of(run, case, repeat),
        checks=checks.loc[~checks["passed"].astype(bool), ["check", "expected", "actual", "error"]],
        like=like,
        like_code=code_of(run, *like) if like else None,
    )


def like_of(trials: pd.DataFrame, trial: Mapping[Any, Any]) -> Iterator[tuple[str, int]]:
    """Yield right answers to the same case, then to others of its category."""
    right = trials[trials["outcome"] == "pass"]
    for column in ("case_id", "category"):
        near = right[right[column] == trial[column]]
        yield from zip(near["case_id"].astype(str), near["repeat"].astype(int), strict=True)


def facets_of(run: RunData, case_id: str, repeat: int) -> dict[str, Any]:
    """Return what the grader found of an answer; empty where it found nothing."""
    kept = rows_of(run.grades, case_id, repeat)["facets"].dropna()
    try:
        facets = json.loads(kept.iloc[0]) if len(kept) else {}
    except ValueError:
        return {}
    return facets if isinstance(facets, dict) else {}


def rows_of(frame: pd.DataFrame, case_id: str, repeat: int) -> pd.DataFrame:
    """Return a table's rows of one trial."""
    return frame[(frame["case_id"] == case_id) & (frame["repeat"] == repeat)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What one attempt sent and got back; a text is None where it was not kept."""

    stage: str
    attempt: int | None
    prompt: str | None
    system: str | None
    schema: Mapping[str, Any] | None
    reply: str | None  # the reply's body as it came


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TrialDetails(Result):
    """Everything that is known of one trial; texts are the model's own."""

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
    limits: Sequence[float] = ()  # seconds end to end that are asked for

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


def trial_of(
    run: RunData, case_id: str, repeat: int = 1, limits: Limits | None = None
) -> TrialDetails:
    """Return one trial of a run.

    Raises UnknownName if the run has no such case; the message gives the nearest. Raises UsageError
    if it was not repeated as often.
    """
    run = run.of([(case_id, repeat)], "attempt", "stage", "grade", "check")
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
        limits=[seconds for _, seconds in limits.of("e2e_median_s")] if limits else (),
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
    if check.stdout is not None:
        return f"input {values.show(check.stdin)}"
    given = [repr(value) for value in check.fresh_args()]
    given += [f"{name}={value!r}" for name, value in check.fresh_kwargs().items()]
    return f"{case.entry_point or case.case_id}({', '.join(given)})"
