"""`liftlab report`, `status` and `readme-update`: what goes out about a run."""

from __future__ import annotations

import sys
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import (
    A_PATH,
    endpoint_option,
    overrides_of,
    project,
    protocol_option,
    suite_option,
    taken,
)
from liftlab.cli.show import require_proven
from liftlab.words import counted, one_line, printable

if TYPE_CHECKING:
    from liftlab.store import RunData


@click.command("report")
@click.argument("run", required=False)
@endpoint_option
@protocol_option
@suite_option("The suite to run")
@click.option("--pipeline", metavar="NAME", help="The pipeline to run it through.")
@click.option("--repeats", type=click.IntRange(1), help="How often each case is run.")
@click.option("--no-code", is_flag=True, help="Leave the code out, for readers outside the team.")
def report_command(run: str | None, no_code: bool, **more: Any) -> None:
    """Run the suite and write the HTML report; with RUN, write the report of that run.

    Exit code 4 where no request was answered.
    """
    from liftlab.reporting.report import write_report

    here = project(**overrides_of(more))
    folder = write_report(here, taken(run, here) if run else None, say, with_code=not no_code)
    click.echo(folder / "index.html")


# Spelt out, so that `--help` loads no analysis; a test compares them with the messages there are.
AUDIENCES = ("leadership", "technical", "users", "daily")
LEAST_PROMPTS = 5  # the fewest that stand in a README


@click.command("status")
@click.argument("run", default="latest")
@click.option(
    "--for",
    "audience",
    type=click.Choice(AUDIENCES),
    help="Whom it is for: one message alone, or the day's summary to be finished by hand.",
)
@click.option(
    "--eml",
    "mail",
    metavar="OUT.eml",
    type=A_PATH,
    help="Write a draft mail instead, with figures and the status page attached.",
)
@click.option(
    "--to",
    multiple=True,
    metavar="ADDRESS",
    callback=lambda context, option, given: tuple(map(_address, given)),
    help="To whom the mail goes; repeatable.",
)
def status_command(
    run: str, audience: str | None, mail: Path | None, to: tuple[Address, ...]
) -> None:
    """Print RUN's messages for a status update: all as Markdown, one as plain text.

    Without --for: a message for each audience, and the numbers.
    """
    from liftlab.jobs import opening
    from liftlab.reporting import markdown
    from liftlab.reporting.text import messages
    from liftlab.store.files import write_atomic
    from liftlab.summary import summarize

    if to and mail is None:
        raise click.UsageError("--to needs --eml OUT.eml: liftlab sends no mail itself.")
    here = project()
    data = opening.open_run(taken(run, here), project=here)
    summary = summarize(data, here)
    if mail is not None:
        from liftlab.reporting.mail import draft
        from liftlab.reporting.report import status_page

        content = draft(summary, audience, to, status_page(here, data))
        write_atomic(mail, content, advice="Give --eml another place")
        click.echo(mail)
        require_proven(data)
        return
    if audience is None:
        text = markdown.status(summary)
    elif audience == "daily":
        text = markdown.daily(summary)
    else:
        text = markdown.message(summary, audience)
    if sys.stdout.isatty():
        text = printable(text if audience in messages.AUDIENCES else markdown.unescaped(text))
    click.echo(text.rstrip("\n"))
    require_proven(data)


def _address(text: str) -> Address:
    try:
        return Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        said = f"{one_line(text)!r} is no mail address of plain letters, such as name@example.org."
        raise click.BadParameter(said) from None


@click.command("readme-update")
@click.argument("run", default="latest")
@click.option(
    "--file",
    "path",
    type=A_PATH,
    help="The file to write into; the project's README.md by default.",
)
@click.option("--anyway", is_flag=True, help="Accept a run that is incomplete, or has few prompts.")
def readme_update_command(run: str, path: Path | None, anyway: bool) -> None:
    """Write RUN's numbers into a README, between its two markers; nothing else changes.

    The markers stand on lines of their own: <!-- liftlab:performance --> and
    <!-- /liftlab:performance -->. An incomplete run, or one of under five prompts, is refused.
    """
    from liftlab.jobs.opening import open_answers
    from liftlab.reporting.markdown import update_readme
    from liftlab.summary import summarize

    here = project()
    file = path or here.root / "README.md"
    data = open_answers(run, project=here)
    require_proven(data)
    if not anyway:
        require_worth(data)
    changed = update_readme(file, summarize(data, here))
    say(f"{file}: {'now holds' if changed else 'already held'} run {data.run.run_id}")


def require_worth(run: RunData) -> None:
    """Raise InputInvalid if a run is too little to stand in a README."""
    from liftlab.errors import InputInvalid

    name, prompts = run.run.run_id, run.trials["case_id"].nunique()
    why = ""
    if run.run.status != "complete":
        why = f"is {run.run.status}: finish it with `liftlab run --resume {name}`"
    elif prompts < LEAST_PROMPTS:
        why = f"has {counted(prompts, 'prompt')}, under {LEAST_PROMPTS}"
    if why:
        raise InputInvalid(f"{name} {why}; or write it with --anyway")
