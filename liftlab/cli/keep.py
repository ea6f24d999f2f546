"""`liftlab runs`, `label` and `delete`: the runs that people keep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from liftlab.cli.options import json_option, project
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.jobs.keeping import Doomed


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

    here = project()
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
