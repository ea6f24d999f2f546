"""`liftlab show`: what is on disk, readable in the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from liftlab.cli.options import json_option, project
from liftlab.cli.published import published_lines
from liftlab.records import STALE
from liftlab.words import printable

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.store import RunData
    from liftlab.summary import RunSummary

_REDIRECT = 300


@click.command("show")
@click.argument("run", default="latest")
@json_option
def show_command(run: str, as_json: bool) -> None:
    """Print RUN (the newest by default; week2_day1 and week1 are the published days)."""
    from liftlab import jobs
    from liftlab.summary import summarize

    here = project()
    print_run(summarize(jobs.open_run(run, project=here), here), as_json)


def print_run(summary: RunSummary, as_json: bool) -> None:
    """Print a run: what it is, what came out, a line a trial, and what it was to decide."""
    from liftlab.reporting.text.decision import sentence
    from liftlab.summary.provenance import warning_of

    run = summary.run
    if summary.sessions is not None:
        from liftlab.cli.sessions import print_sessions

        print_sessions(summary, as_json)
        return
    if as_json:
        click.echo(json.dumps(summary_json(summary), indent=2, allow_nan=False))
        return
    click.echo(heading(run))
    for line in sentences(summary):
        click.echo(f"  {line}")
    if run.run.left_out:
        click.echo(f"  Requests left out {run.run.left_out}.")
    if warning := warning_of(run):
        click.echo(click.style(f"  {warning}", fg="red"))
    elif told := summary.provenance.trust:
        click.echo(f"  {told}")
    if warning := summary.provenance.caches:
        click.echo(click.style(f"  {warning}", fg="yellow"))
    for warning in summary.provenance.own_work:
        click.echo(click.style(f"  {warning}", fg="yellow"))
    if summary.load is not None:  # a line a request would say less
        return
    if len(run.trials):
        click.echo()
        click.echo(trial_table(summary).to_string(index=False))
    print_notes(run)
    for text in published_lines(summary):
        click.echo(text)
    if summary.decision is not None:
        click.echo(f"\n{sentence(summary.decision)}")


def print_notes(run: RunData) -> None:
    """Print what the verdicts do not say of the answers themselves."""
    from liftlab.reporting.answer_notes import answer_notes
    from liftlab.reporting.text.reasons import reason_lines

    for line in (*reason_lines(run), *answer_notes(run.grades)):
        click.echo(printable(line))


def heading(run: RunData) -> str:
    """Return the line that says which run this is."""
    facts = (run.run.run_id, run.run.suite, run.run.pipeline, run.run.endpoint, run.run.model)
    return " · ".join(fact for fact in (*facts, run.run.status) if fact)


def sentences(summary: RunSummary) -> list[str]:
    """Return what every page says of the run, and when the tokens of its replies came."""
    from liftlab.reporting.text import findings, load

    title = [] if summary.load is not None else [f"{findings.title(summary)}."]
    tokens = [] if summary.load is not None else summary.trials.tokens
    return [*title, *findings.sentences(summary), *(load.tokens(stage) for stage in tokens)]


def failures(run: RunData) -> str:
    """Name how attempts failed, the most frequent way first."""
    attempts = run.attempts
    failed = attempts[(attempts["phase"] == "measure") & attempts["error_class"].notna()]
    failed = failed[failed["error_class"] != STALE]  # asked again at once: nothing has failed yet
    told = failed["http_status"] >= _REDIRECT  # below it says nothing of why
    status = failed["http_status"].astype("string").where(told)
    ways = failed["error_class"].str.cat((" (HTTP " + status + ")").fillna(""))
    return ", ".join(f"{count:,} × {way}" for way, count in ways.value_counts().items())


def trial_table(summary: RunSummary) -> pd.DataFrame:
    """Return one line a trial: stage times, end to end, attempts, verdict and class."""
    from liftlab.reporting.text import words

    run, trials = summary.run, summary.run.trials
    table = trials[["case_id", "repeat"]].copy()
    keys = ["case_id", "repeat"]
    times = run.stages.pivot_table(index=keys, columns="stage", values="latency_s", sort=False)
    for stage in run.stages["stage"].drop_duplicates():
        if stage in times:
            seconds = times[stage].map(_seconds).rename(words.stage(stage))
            table = table.merge(seconds.reset_index(), on=keys, how="left")
    merged = table.merge(trials, on=keys)
    table["e2e"] = merged["e2e_s"].map(_seconds)
    if summary.trials.client_counts:
        table["liftlab's own"] = merged["client_s"].map(_seconds)
    table["attempts"] = merged["attempts"].astype("string").fillna("")
    table["outcome"] = merged["outcome"].fillna("ungraded")
    table["what went wrong"] = [words.cause(name) for name in merged["failure_class"].fillna("")]
    checks = merged[["checks_passed", "checks_total"]].astype("string").fillna("")
    table["checks"] = (checks["checks_passed"] + "/" + checks["checks_total"]).str.strip("/")
    return table.rename(columns={"case_id": "prompt"})


def summary_json(summary: RunSummary) -> dict[str, object]:
    """Return a run for scripts: its row, its trials, and what it was to decide."""
    from liftlab.records import as_row
    from liftlab.reporting.answer_notes import answer_notes
    from liftlab.reporting.text.decision import sentence
    from liftlab.reporting.text.reasons import reason_lines

    run = summary.run
    if summary.load is not None:
        return {"run": as_row(run.run), "load": summary.load.as_json()}
    decision = summary.decision
    trials = json.loads(run.trials.to_json(orient="records", double_precision=6))
    return {
        "run": as_row(run.run),
        "summary": sentences(summary),
        "notes": answer_notes(run.grades),
        "reasons": reason_lines(run),
        "tokens": {stage.stage: stage.as_json() for stage in summary.trials.tokens},
        "decision": decision and {"verdict": decision.verdict, "sentence": sentence(decision)},
        "trials": trials,
    }


def _seconds(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.2f}"  # noqa: PLR0124
