"""`liftlab show`, `trial` and `reproduce`: a run and one trial, readable in the terminal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import json_option, project, taken
from liftlab.errors import VerdictsUnproven
from liftlab.records import STALE
from liftlab.words import counted, one_line, printable

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.store import RunData
    from liftlab.summary import RunSummary
    from liftlab.summary.trials import TrialDetails

_REDIRECT = 300
MOST_LINES, SLOWEST = 10_000, 100  # trials: of a run with more, only the slowest have a line
MOST_LISTED = 200_000  # trials in `--json`
_NOTED = ("case_id", "outcome", "facets")


@click.command("show")
@click.argument("run", default="latest")
@json_option
def show_command(run: str, as_json: bool) -> None:
    """Print RUN (the newest by default; week2_day1 and week1 are the published days)."""
    from liftlab.jobs import opening
    from liftlab.summary import summarize

    here = project()
    summary = summarize(opening.open_run(run, project=here), here)
    print_run(summary, as_json)
    require_proven(summary.run)


def require_proven(run: RunData) -> None:
    """Raise VerdictsUnproven if the run's grader misjudged known answers."""
    from liftlab.summary.provenance import unproven

    if fault := unproven(run):
        raise VerdictsUnproven(f"{run.run.run_id}: {fault}")


def print_run(summary: RunSummary, as_json: bool) -> None:
    """Print a run: what it is, what came out, a line a trial, and what it was to decide."""
    from liftlab.reporting.text import capacity, provenance, sessions
    from liftlab.reporting.text.targets import decided
    from liftlab.summary.provenance import warning_of

    run, known = summary.run, summary.provenance
    if as_json:
        click.echo(json.dumps(summary_json(summary), indent=2, allow_nan=False))
        return
    click.echo(heading(run))
    if summary.sessions is not None or summary.capacity is not None:
        lines = sessions.lines if summary.sessions is not None else capacity.lines
        click.echo("\n".join(map(printable, lines(summary))))
        return
    left_out = f"Requests left out {run.run.left_out}." if run.run.left_out else ""
    fault = click.style(warning_of(run), fg="red") if warning_of(run) else known.trust
    warnings = [click.style(text, fg="yellow") for text in (known.caches, *known.own_work) if text]
    beside = (provenance.segments(known.segments), left_out, fault, *warnings)
    for line in (*sentences(summary), *filter(None, beside)):
        click.echo(f"  {line}")
    if summary.load is not None:  # a line a request would say less
        return
    if run.size("trial"):
        click.echo(f"\n{trial_lines_of(summary)}")
    print_notes(run)
    for text in published_lines(summary):
        click.echo(text)
    if summary.decision is not None:
        click.echo(f"\n{decided(summary.decision)}")


def print_notes(run: RunData) -> None:
    """Print what the verdicts do not say of the answers themselves."""
    from liftlab.reporting.text.reasons import answer_notes, reason_lines

    for line in (*reason_lines(run), *answer_notes(run.counted("grade", *_NOTED))):
        click.echo(printable(line))


def heading(run: RunData) -> str:
    """Return the line that says which run this is."""
    facts = (run.run.run_id, run.run.suite, run.run.pipeline, run.run.endpoint, run.run.model)
    return " · ".join(fact for fact in (*facts, run.run.status) if fact)


def sentences(summary: RunSummary) -> list[str]:
    """Return what every page says of the run, and when the tokens of its replies came."""
    from liftlab.reporting.text import findings, load

    if summary.load is not None:
        return list(findings.sentences(summary))
    tokens = map(load.tokens, summary.trials.tokens)
    return [f"{findings.title(summary)}.", *findings.sentences(summary), *tokens]


def failures(run: RunData) -> str:
    """Name how attempts failed, the most frequent way first."""
    from liftlab.reporting.text import words

    attempts = run.attempts
    failed = attempts[(attempts["phase"] == "measure") & attempts["error_class"].notna()]
    failed = failed[failed["error_class"] != STALE]  # asked again at once: nothing has failed yet
    told = failed["http_status"] >= _REDIRECT  # below it says nothing of why
    status = failed["http_status"].astype("string").where(told)
    ways = failed["error_class"].map(words.request_error)
    ways = ways.str.cat((" (HTTP " + status + ")").fillna(""))
    return ", ".join(f"{count:,} × {way}" for way, count in ways.value_counts().items())


def trial_lines_of(summary: RunSummary) -> str:
    """Return a line a trial; of many, of the slowest."""
    count, lines = summary.run.size("trial"), trial_table(summary).to_string(index=False)
    more = f"\n… the slowest {SLOWEST} of {counted(count, 'trial')}" if count > MOST_LINES else ""
    return f"{lines}{more}"


def trial_table(summary: RunSummary) -> pd.DataFrame:
    """Return one line a trial: stage times, end to end, attempts, verdict and class."""
    from liftlab.reporting.text import words
    from liftlab.reporting.text.reasons import went_wrong
    from liftlab.summary.trials import slowest

    run, keys = summary.run, ["case_id", "repeat"]
    trials, stages = slowest(run, SLOWEST if run.size("trial") > MOST_LINES else MOST_LINES)
    table = trials[keys].copy()
    times = stages.pivot_table(index=keys, columns="stage", values="latency_s", sort=False)
    for stage in stages["stage"].drop_duplicates():
        if stage in times:
            seconds = times[stage].map(_seconds).rename(one_line(words.stage(stage)))
            table = table.merge(seconds.reset_index(), on=keys, how="left")
    merged = table.merge(trials, on=keys)
    table["e2e"] = merged["e2e_s"].map(_seconds)
    if summary.trials.client_counts:
        table["liftlab's own"] = merged["client_s"].map(_seconds)
    table["attempts"] = merged["attempts"].astype("string").fillna("")
    table["outcome"] = merged["outcome"].fillna("ungraded")
    table["what went wrong"] = [one_line(why) for why in went_wrong(trials, stages)]
    checks = merged[["checks_passed", "checks_total"]].astype("string").fillna("")
    table["checks"] = (checks["checks_passed"] + "/" + checks["checks_total"]).str.strip("/")
    table["case_id"] = table["case_id"].map(one_line)
    return table.rename(columns={"case_id": "prompt"})


def summary_json(summary: RunSummary) -> dict[str, object]:
    """Return a run for scripts: its row, its trials, and what it was to decide."""
    from liftlab.records import as_row
    from liftlab.reporting.text.reasons import answer_notes, reason_lines
    from liftlab.reporting.text.targets import decided

    run = summary.run
    if (own := summary.sessions or summary.capacity) is not None:
        targets = [target.as_json() for target in summary.targets.rows]
        return {"run": as_row(run.run), **own.as_json(targets)}
    if summary.load is not None:
        return {"run": as_row(run.run), "load": summary.load.as_json()}
    decision = summary.decision
    trials = None  # of more, nobody reads a document in one piece
    if run.size("trial") <= MOST_LISTED:
        trials = json.loads(run.trials.to_json(orient="records", double_precision=6))
    return {
        "run": as_row(run.run),
        "summary": sentences(summary),
        "notes": answer_notes(run.counted("grade", *_NOTED)),
        "reasons": reason_lines(run),
        "tokens": {stage.stage: stage.as_json() for stage in summary.trials.tokens},
        "decision": decision and {"verdict": decision.verdict, "sentence": decided(decision)},
        "trials": trials,
    }


def _seconds(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.2f}"  # noqa: PLR0124


_MOST = 8_000  # characters of one text; --json has all of it


@click.command("trial")
@click.argument("run")
@click.argument("case")
@click.argument("repeat", type=click.IntRange(1), default=1)
@json_option
def trial_command(run: str, case: str, repeat: int, as_json: bool) -> None:
    """Print one trial of RUN: prompt, replies, code with the line that failed, checks, times."""
    from liftlab.jobs import opening
    from liftlab.summary.result import Limits
    from liftlab.summary.trials import trial_of

    here = project()
    opened = opening.open_run(taken(run, here), project=here)
    trial = trial_of(opened, case, repeat, Limits(here.settings.targets))
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

    from liftlab.reporting.text import slow, words

    sent = attempts[attempts["phase"] == "measure"]
    columns = {
        "stage": sent["stage"].map(words.stage),
        "attempt": sent["attempt"],
        "seconds": (sent["last_byte_s"] - sent["sent_s"]).round(3),
        "tokens": sent["output_tokens"],
        "ended by": sent["finish_reason"],
        "error": sent["error_class"].map(words.request_error, na_action="ignore"),
        "asked again after": sent["retry_reason"].map(slow.after, na_action="ignore"),
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
        **{name: trial.trial[name] for name in ("outcome", "failure_class", "e2e_s")},
        "prompt": trial.prompt,
        "exchanges": [dataclasses.asdict(part) for part in trial.exchanges],
        **{name: getattr(trial, name) for name in ("ir", "code", "line", "facets")},
        **{name: rows(getattr(trial, name)) for name in ("checks", "stages", "attempts")},
    }
    known = {
        name: None if isinstance(value, float) and value != value else value  # noqa: PLR0124  # NaN
        for name, value in told.items()
    }
    return json.dumps(known, indent=2)


@click.command("reproduce")
@click.argument("run")
@click.argument("case")
@click.argument("repeat", type=click.IntRange(1), required=False)
@click.option("--again", type=click.IntRange(1, 1000), metavar="N", help="Send it N times again.")
@click.option("--minimize", is_flag=True, help="Find the smallest input that fails alike.")
@click.option(
    "--max-requests",
    type=click.IntRange(2, 10_000),
    default=60,
    show_default=True,
    help="How many requests --minimize may send.",
)
def reproduce_command(
    run: str, case: str, repeat: int | None, again: int | None, minimize: bool, max_requests: int
) -> None:
    """Print the last request of a failed trial of RUN, as Markdown for a bug report.

    It gives the request for curl and for Python, with the names of secrets in place of their
    values. Without REPEAT, the first failed one. What --again and --minimize may cost comes first.
    """
    from liftlab.jobs.opening import open_answers
    from liftlab.jobs.reproducing import Asking, failure_of
    from liftlab.reporting.text.reproduction import markdown
    from liftlab.words import counted

    here = project()
    failure = failure_of(here, open_answers(taken(run, here), project=here), case, repeat)
    share = minimal = None
    most = (again or 0) + (max_requests if minimize else 0)
    if most:
        usd = "cost unknown" if failure.usd is None else f"about {failure.usd * most:.4f} USD"
        say(f"at most {counted(most, 'request')} to {failure.endpoint.name}, {usd}")
        with Asking(failure) as asking:
            share = asking.again(again) if again else None
            minimal = asking.minimize(max_requests) if minimize else None
    click.echo(markdown(failure, share, minimal), nl=False)


def published_lines(summary: RunSummary) -> list[str]:
    """Return the notes of an imported file and a table of published figures; none without any."""
    from liftlab.reporting.sections import status

    notes = [f"note: {note}" for note in summary.provenance.source.get("notes", [])]
    if not summary.published.rows:
        return notes
    rows = status.published_rows(summary.published)
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    title = status.published_title(summary.published)
    return [*notes, "", f"{title}:", *(f"  {line}" for line in lines)]
