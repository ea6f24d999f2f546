"""`liftlab reproduce`: a failed trial as a request that others can send."""

from __future__ import annotations

import click

from liftlab.cli.main import say
from liftlab.cli.options import project, taken


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
