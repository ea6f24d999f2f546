"""`liftlab export`: a run for other tools."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from liftlab.cli.main import say
from liftlab.cli.options import project, taken


@click.command("export")
@click.argument("run", default="latest")
@click.option(
    "--format",
    "form",
    type=click.Choice(["week2", "csv", "parquet", "jsonl"]),
    required=True,
    help="week2: the first benchmark's format; csv, parquet: a file per table; jsonl: everything.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file, a folder for csv and parquet, or - for standard output (week2, jsonl).",
)
@click.option("--force", is_flag=True, help="Replace existing files.")
def export_command(run: str, form: str, out: Path, force: bool) -> None:
    """Write RUN (the newest by default) for other tools.

    week2 leaves out much of a run: standard error lists what, as does `lossy` in the file. An
    imported run is written as the file that it came from.
    """
    from liftlab import jobs
    from liftlab.jobs import exporting

    here = project()
    data = jobs.open_run(taken(run, here), project=here)
    if str(out) == "-":
        sys.stdout.write(exporting.as_text(data, form))  # type: ignore[arg-type]  # a Choice
    else:
        written = exporting.write_export(data, form, out, force=force)  # type: ignore[arg-type]
        click.echo("\n".join(str(path) for path in written))
    if form == "week2":
        for text in exporting.left_out(data):
            say(f"left out: {text}")
