"""`liftlab report`: run the suite and write its pages, or write the pages of a run."""

from __future__ import annotations

import click

from liftlab.cli.main import say
from liftlab.cli.options import endpoint_option, project, protocol_option, taken


@click.command("report")
@click.argument("run", required=False)
@endpoint_option
@protocol_option
@click.option("--suite", metavar="NAME|FILE", help="The suite to run.")
@click.option("--pipeline", metavar="NAME", help="The pipeline to run it through.")
@click.option("--repeats", type=click.IntRange(1), help="How often each case is run.")
@click.option("--no-code", is_flag=True, help="Leave the code out, for readers outside the team.")
def report_command(
    run: str | None,
    endpoint: str | None,
    protocol: str | None,
    suite: str | None,
    pipeline: str | None,
    repeats: int | None,
    no_code: bool,
) -> None:
    """Run the suite and write the HTML report; with RUN, write the report of that run.

    Exit code 4 where no request was answered.
    """
    from liftlab.reporting.report import write_report

    here = project(
        run__endpoint=endpoint,
        run__protocol=protocol,
        run__suite=suite,
        run__pipeline=pipeline,
        run__repeats=repeats,
    )
    folder = write_report(here, taken(run, here) if run else None, say, with_code=not no_code)
    click.echo(folder / "index.html")
