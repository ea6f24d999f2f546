"""`liftlab status` and `readme-update`: what goes out about a run, as Markdown."""

from __future__ import annotations

from pathlib import Path

import click

from liftlab.cli.options import project

# Spelt out, so that `--help` loads no analysis; a test compares them with the messages there are.
AUDIENCES = ("leadership", "technical", "users", "daily")


@click.command("status")
@click.argument("run", default="latest")
@click.option(
    "--for",
    "audience",
    type=click.Choice(AUDIENCES),
    help="Whom it is for: one message alone, or the day's summary to be finished by hand.",
)
def status_command(run: str, audience: str | None) -> None:
    """Print RUN's messages for a status update, as Markdown.

    Without --for: a message for each audience, and the numbers.
    """
    from liftlab import jobs
    from liftlab.reporting import markdown
    from liftlab.summary import summarize

    here = project()
    summary = summarize(jobs.open_run(run, project=here), here)
    if audience is None:
        text = markdown.status(summary)
    elif audience == "daily":
        text = markdown.daily(summary)
    else:
        text = markdown.message(summary, audience)
    click.echo(text.rstrip("\n"))


@click.command("readme-update")
@click.argument("run", default="latest")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="The file to write into; the project's README.md by default.",
)
def readme_update_command(run: str, path: Path | None) -> None:
    """Write RUN's numbers into a README, between its two markers; nothing else changes.

    The markers stand on lines of their own: <!-- liftlab:performance --> and
    <!-- /liftlab:performance -->.
    """
    from liftlab import jobs
    from liftlab.cli.main import say
    from liftlab.reporting.readme import update
    from liftlab.summary import summarize

    here = project()
    file = path or here.root / "README.md"
    data = jobs.open_run(run, project=here)
    changed = update(file, summarize(data, here))
    say(f"{file}: {'now holds' if changed else 'already held'} run {data.run.run_id}")
