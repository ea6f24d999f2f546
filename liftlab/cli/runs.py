"""`liftlab runs`, `label`, `delete`, `history` and `doctor`: the runs that people keep."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import json_option, project
from liftlab.errors import RunFolderCorrupt
from liftlab.words import counted, printable

if TYPE_CHECKING:
    from liftlab.jobs.keeping import Diagnosis, Doomed, RunHistory


@click.command("runs")
@json_option
def runs_command(as_json: bool) -> None:
    """List the runs on disk, newest first: success rate, median, label."""
    from liftlab.jobs.keeping import list_runs
    from liftlab.reporting.text.history import run_list
    from liftlab.summary.result import Limits

    here = project()
    rows = list_runs(here)
    if as_json:
        click.echo(json.dumps(json.loads(rows.to_json(orient="records")), indent=2))
    elif len(rows):
        click.echo(run_list(rows, Limits(here.settings.targets)))
    else:
        click.echo(f"no runs in {here.path('runs')} yet: make one with `liftlab run`")


@click.command("label")
@click.argument("run")
@click.argument("text")
def label_command(run: str, text: str) -> None:
    """Give RUN the label TEXT, one line that `runs` shows; "" removes it."""
    from liftlab.jobs.keeping import label_run

    folder = label_run(project(), run, text)
    label = folder.label()
    click.echo(f"{folder.run_id}: {label}" if label else f"{folder.run_id}: no label")


@click.command("delete")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
@click.option("--yes", is_flag=True, help="Do not ask; the baseline may be among them.")
def delete_command(runs: tuple[str, ...], yes: bool) -> None:
    """Remove runs, each with its journal, artifacts, tables and pages, for good."""
    from liftlab.errors import UsageError
    from liftlab.jobs.keeping import delete_run, doomed
    from liftlab.store.folder import LATEST

    here = project()
    if yes and LATEST in runs:
        raise UsageError(
            f"{LATEST} is another run tomorrow: name the run by its id, or leave out --yes"
        )
    named = [doomed(here, run) for run in runs]
    found = list({each.folder.run_id: each for each in named}.values())
    for each in found:
        if each.is_baseline and not yes:
            raise UsageError(
                f"{each.folder.run_id} is the baseline: pin another one first "
                "(liftlab baseline set RUN), or remove it with --yes"
            )
    if not yes:
        for each in found:
            click.echo(_words(each), err=True)
        try:
            sure = click.confirm(f"Remove {counted(len(found), 'run')} for good?", err=True)
        except click.Abort:  # nobody there to answer
            raise UsageError("nothing was removed: answer y, or give --yes") from None
        if not sure:
            click.echo("nothing was removed")
            return
    for each in found:
        delete_run(each)
        click.echo(f"removed {_words(each)}")


def _words(found: Doomed) -> str:
    pages = f" and its pages {found.pages}" if found.pages else ""
    return f"{found.folder.path} ({found.size_bytes / 2**20:.1f} MiB){pages}"


_SKIPPED = 20  # runs named one by one


@click.command("history")
@click.option("--suite", metavar="NAME", help="Only runs of this suite.")
@click.option("--endpoint", metavar="NAME", help="Only runs on this endpoint.")
@click.option("--last", type=click.IntRange(0), default=20, help="How many runs to list (20).")
@json_option
def history_command(suite: str | None, endpoint: str | None, last: int, as_json: bool) -> None:
    """Print the history of all runs: medians, success, cost; trends, shifts, what changed."""
    from liftlab.jobs.keeping import read_runs

    here = project()
    found = read_runs(here, suite, endpoint, say)
    runs, skipped = found.runs, found.skipped
    if as_json:
        click.echo(json.dumps(_history_json(found), indent=2, allow_nan=False))
        return
    from liftlab.reporting.text.history import paragraph, run_table
    from liftlab.summary.result import Limits

    if len(runs) == 0:
        click.echo(f"no runs in {here.path('runs')} yet: make one with `liftlab run`")
    elif last:
        click.echo(run_table(runs.tail(last), Limits(here.settings.targets)))
        if len(runs) > last:
            click.echo(f"… and {len(runs) - last:,} older (--last {len(runs)})")
    for series in found.series:
        click.echo("\n" + "\n".join(paragraph(series)))
    for run_id, reason in list(skipped.items())[:_SKIPPED]:
        say(f"skipped {run_id}: {reason}")
    if len(skipped) > _SKIPPED:
        say(f"… and {len(skipped) - _SKIPPED:,} more: `liftlab history --json` names all")


def _history_json(found: RunHistory) -> dict[str, Any]:
    rows = json.loads(found.runs.to_json(orient="records", double_precision=15))
    told = [
        {
            "title": each.title,
            "runs": list(each.runs),
            "metrics": [
                {name: getattr(metric, name) for name in ("metric", "n", "latest", "sd")}
                | {
                    "per_week": metric.per_week.value,
                    "per_week_low": metric.per_week.low,
                    "per_week_high": metric.per_week.high,
                }
                for metric in each.metrics
            ],
            "changes": [change.as_json() for change in each.changes],
        }
        for each in found.series
    ]
    return {"runs": rows, "series": told, "skipped": dict(found.skipped)}


_COLOURS = {"sound": "green", "note": None, "mended": "yellow", "damaged": "red"}


@click.command("doctor")
@click.argument("run", default="latest")
@click.option("--dry-run", is_flag=True, help="Only check: write nothing.")
@click.option(
    "--clean", is_flag=True, help="Remove unfinished files, and artifacts that no row names."
)
@json_option
def doctor_command(run: str, dry_run: bool, clean: bool, as_json: bool) -> None:
    """Check RUN's folder: journal, rows, artifacts, lock, leftovers, tables.

    Missing, stale or damaged tables are rebuilt from the journal, as by every verb that opens the
    run. Measurements are never changed, and nothing is removed without --clean. Exit 0 if the run
    is sound or was repaired, 6 if something cannot be repaired.
    """
    from liftlab.jobs import keeping

    if dry_run and clean:
        raise click.UsageError("--dry-run writes nothing: leave out --clean")
    found = keeping.examine(project(), run, mend=not dry_run, clean=clean)
    if as_json:
        told = {
            "run_id": found.run_id,
            "path": str(found.path),
            "sound": not found.damaged,
            "findings": [asdict(finding) for finding in found.findings],
        }
        click.echo(json.dumps(told, indent=2))
    else:
        _print(found)
    if found.damaged:
        damaged = ", ".join(finding.check for finding in found.damaged)
        raise RunFolderCorrupt(found.path, f"damaged: {damaged}")


def _print(found: Diagnosis) -> None:
    click.echo(f"{found.run_id} · {found.path}")
    line = partial(printable, kept="")  # names come from a folder of anybody's
    for finding in found.findings:
        state = click.style(f"{finding.state:<8}", fg=_COLOURS[finding.state])
        click.echo(f"  {state} {finding.check:<10} {line(finding.text)}")
        if finding.advice is not None:
            click.echo(f"{'':<22}→ {line(finding.advice)}")
