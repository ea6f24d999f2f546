"""`liftlab show` and `runs`: what is on disk, readable in the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from liftlab.cli.options import json_option, project
from liftlab.cli.published import published_lines
from liftlab.records import LOAD, STALE
from liftlab.words import printable

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.store import RunData

_REDIRECT = 300


@click.command("show")
@click.argument("run", default="latest")
@json_option
def show_command(run: str, as_json: bool) -> None:
    """Print RUN (the newest by default; week2_day1 and week1 are the published days)."""
    from liftlab import jobs

    print_run(jobs.open_run(run, project=project()), as_json)


@click.command("runs")
@json_option
def runs_command(as_json: bool) -> None:
    """List the runs on disk, newest first."""
    from liftlab import store

    here = project()
    rows = store.list_runs(here.path("runs"))
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
        return
    if not rows:
        click.echo(f"no runs in {here.path('runs')} yet: make one with `liftlab run`")
    for row in rows:
        click.echo(
            f"{row.run_id:<22} {row.status or 'unreadable':<12} {row.suite or '':<14} "
            f"{row.endpoint or '':<14} {row.trials if row.trials is not None else '?':>5} trials"
        )


def print_run(run: RunData, as_json: bool) -> None:
    """Print a run: what it is, what came out, a line a trial, and what it was to decide."""
    from liftlab import jobs
    from liftlab.analysis.caching import cache_warning
    from liftlab.analysis.trust import client_warning, trust_sentence, work_warnings

    if as_json:
        click.echo(json.dumps(summary_json(run), indent=2, allow_nan=False))
        return
    click.echo(heading(run))
    for sentence in sentences(run):
        click.echo(f"  {sentence}")
    if run.run.left_out:
        click.echo(f"  Requests left out {run.run.left_out}.")
    if warning := client_warning(run.run, run.trials):
        click.echo(click.style(f"  {warning}", fg="red"))
    elif told := trust_sentence(run.run):
        click.echo(f"  {told}")
    if warning := cache_warning(run.attempts):
        click.echo(click.style(f"  {warning}", fg="yellow"))
    for warning in work_warnings(run.stages):
        click.echo(click.style(f"  {warning}", fg="yellow"))
    if run.run.pipeline == LOAD:  # a line a request would say less
        return
    click.echo()
    click.echo(trial_table(run).to_string(index=False))
    print_notes(run)
    for text in published_lines(run):
        click.echo(text)
    decision = jobs.decision_of(run)
    if decision is not None:
        click.echo(f"\n{decision}")


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


def sentences(run: RunData) -> list[str]:
    """Return what the run says of success and time, each with what carries it."""
    if run.run.pipeline == LOAD:
        from liftlab.analysis.load import summarise_load

        return list(summarise_load(run.run, run.attempts).lines())
    from liftlab.analysis.tokens import stage_tokens
    from liftlab.reporting.text import findings
    from liftlab.summary import summarize

    tokens = [stage.sentence() for stage in stage_tokens(run.attempts)]
    return [*findings.sentences(summarize(run, project())), *tokens]


def failures(run: RunData) -> str:
    """Name how attempts failed, the most frequent way first."""
    attempts = run.attempts
    failed = attempts[(attempts["phase"] == "measure") & attempts["error_class"].notna()]
    failed = failed[failed["error_class"] != STALE]  # asked again at once: nothing has failed yet
    told = failed["http_status"] >= _REDIRECT  # below it says nothing of why
    status = failed["http_status"].astype("string").where(told)
    ways = failed["error_class"].str.cat((" (HTTP " + status + ")").fillna(""))
    return ", ".join(f"{count:,} × {way}" for way, count in ways.value_counts().items())


def trial_table(run: RunData) -> pd.DataFrame:
    """Return one line a trial: stage times, end to end, attempts, verdict and class."""
    from liftlab.analysis.columns import client_counts

    trials = run.trials
    table = trials[["case_id", "repeat"]].copy()
    keys = ["case_id", "repeat"]
    times = run.stages.pivot_table(index=keys, columns="stage", values="latency_s", sort=False)
    for stage in run.stages["stage"].drop_duplicates():
        if stage in times:
            table = table.merge(times[stage].rename(stage).reset_index(), on=keys, how="left")
            table[stage] = table[stage].map(_seconds)
    merged = table.merge(trials, on=keys)
    table["e2e"] = merged["e2e_s"].map(_seconds)
    if client_counts(merged):
        table["of it liftlab"] = merged["client_s"].map(_seconds)
    table["attempts"] = merged["attempts"].astype("string").fillna("")
    table["outcome"] = merged["outcome"].fillna("ungraded")
    table["class"] = merged["failure_class"].fillna("")
    checks = merged[["checks_passed", "checks_total"]].astype("string").fillna("")
    table["checks"] = (checks["checks_passed"] + "/" + checks["checks_total"]).str.strip("/")
    return table


def summary_json(run: RunData) -> dict[str, object]:
    """Return a run for scripts: its row, its trials, and what it was to decide."""
    from liftlab import jobs
    from liftlab.records import as_row
    from liftlab.reporting.answer_notes import answer_notes
    from liftlab.reporting.text.reasons import reason_lines

    if run.run.pipeline == LOAD:
        from liftlab.analysis.load import summarise_load

        return {"run": as_row(run.run), "load": summarise_load(run.run, run.attempts).as_json()}
    from liftlab.analysis.tokens import stage_tokens

    decision = jobs.decision_of(run)
    trials = json.loads(run.trials.to_json(orient="records", double_precision=6))
    return {
        "run": as_row(run.run),
        "summary": sentences(run),
        "notes": answer_notes(run.grades),
        "reasons": reason_lines(run),
        "tokens": {stage.stage: stage.as_json() for stage in stage_tokens(run.attempts)},
        "decision": decision and {"verdict": decision.verdict, "sentence": str(decision)},
        "trials": trials,
    }


def _seconds(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.2f}"  # noqa: PLR0124
