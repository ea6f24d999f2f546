"""`liftlab trial`: one trial of a run in full."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.options import json_option, project, taken
from liftlab.words import one_line, printable

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.summary.trial import TrialDetails

_MOST = 8_000  # characters of one text; --json has all of it


@click.command("trial")
@click.argument("run")
@click.argument("case")
@click.argument("repeat", type=click.IntRange(1), default=1)
@json_option
def trial_command(run: str, case: str, repeat: int, as_json: bool) -> None:
    """Print one trial of RUN: prompt, replies, code with the line that failed, checks, times."""
    from liftlab import jobs
    from liftlab.summary.trial import trial_of

    here = project()
    trial = trial_of(jobs.open_run(taken(run, here), project=here), case, repeat)
    click.echo(_json(trial) if as_json else "\n".join(trial_lines(trial)))


def trial_lines(trial: TrialDetails) -> Iterator[str]:
    """Yield a trial as lines for a terminal, which obeys nothing of what a model wrote."""
    from liftlab.reporting.text import trial as text
    from liftlab.reporting.text import words

    yield f"{trial.run.run.run_id} · {one_line(text.title(trial))}"
    for sentence in (text.times(trial), text.checks(trial), text.raised(trial)):
        if sentence:
            yield f"  {one_line(sentence)}"
    if trial.prompt:
        yield from _block("Prompt", trial.prompt)
    for part in trial.exchanges:
        if part.reply is not None:
            attempt = f", attempt {part.attempt}" if part.attempt is not None else ""
            yield from _block(f"Reply of {one_line(words.stage(part.stage))}{attempt}", part.reply)
    if trial.code:
        yield "\nCode"
        for number, line in enumerate(printable(trial.code[:_MOST].rstrip()).split("\n"), 1):
            yield f"{'>' if number == trial.line else ' '} {number:>3}  {line}".rstrip()
    else:
        yield "\nIt gave no code."
    if len(trial.checks):
        yield "\nChecks"
        yield from map(_check, trial.checks.to_dict("records"))
    if len(trial.attempts):
        yield f"\n{attempt_table(trial.attempts)}"


def attempt_table(attempts: pd.DataFrame) -> str:
    """Return attempts as a table, their times in seconds; columns without a value are left out."""
    import pandas as pd

    from liftlab.reporting.text import slow_words, words

    sent = attempts[attempts["phase"] == "measure"]
    columns = {
        "stage": sent["stage"].map(words.stage),
        "attempt": sent["attempt"],
        "seconds": (sent["last_byte_s"] - sent["sent_s"]).round(3),
        "tokens": sent["output_tokens"],
        "ended by": sent["finish_reason"],
        "error": sent["error_class"].map(words.request_error, na_action="ignore"),
        "asked again after": sent["retry_reason"].map(slow_words.after, na_action="ignore"),
    }
    table = pd.DataFrame(columns).dropna(axis="columns", how="all")
    shown = table.astype("string").fillna("").to_string(index=False)
    return printable(str(shown))


def _block(name: str, text: str) -> Iterator[str]:
    cut = f"\n… {len(text) - _MOST:,} more characters: --json has them" if len(text) > _MOST else ""
    yield f"\n{name}"
    yield from (f"  {line}".rstrip() for line in f"{printable(text[:_MOST])}{cut}".split("\n"))


def _check(check: Mapping[Hashable, Any]) -> str:
    if check["passed"]:
        return f"  pass  {one_line(str(check['call']))}"
    error, actual = check["error"], check["actual"]
    came = f"error {error}" if isinstance(error, str) and error else f"got {actual}"
    said = f"{check['call']}: expected {check['expected']}, {came}"
    return f"  FAIL  {one_line(said)}"


def _json(trial: TrialDetails) -> str:
    def rows(frame: pd.DataFrame) -> object:
        return json.loads(frame.to_json(orient="records", double_precision=6))

    told = {
        "run_id": trial.run.run.run_id,
        "case_id": trial.case_id,
        "repeat": trial.repeat,
        "outcome": trial.trial["outcome"],
        "failure_class": trial.trial["failure_class"],
        "e2e_s": trial.trial["e2e_s"],
        "prompt": trial.prompt,
        "exchanges": [dataclasses.asdict(part) for part in trial.exchanges],
        "ir": trial.ir,
        "code": trial.code,
        "line": trial.line,
        "facets": trial.facets,
        "checks": rows(trial.checks),
        "stages": rows(trial.stages),
        "attempts": rows(trial.attempts),
    }
    known = {
        name: None if isinstance(value, float) and value != value else value  # noqa: PLR0124  # NaN
        for name, value in told.items()
    }
    return json.dumps(known, indent=2)
