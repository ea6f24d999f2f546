"""`liftlab suite lint`: what a suite's prompts leave open."""

from __future__ import annotations

import dataclasses
import json

import click

from liftlab.cli.options import json_option, project


@click.group("suite")
def suite_command() -> None:
    """Look after suites."""


@suite_command.command("lint")
@click.argument("suite", metavar="NAME|FILE")
@json_option
def lint_command(suite: str, as_json: bool) -> int:
    """Look for prompts that leave open what is checked: hints, for a person to judge.

    Exit code 0 if there is no hint, 6 if there are some.
    """
    from liftlab.errors import InputInvalid
    from liftlab.suite import load
    from liftlab.suite.lint import lint

    whole = load(suite, [project().path("suites")])
    hints = lint(whole)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(hint) for hint in hints]))
    for hint in () if as_json else hints:
        place = f"{whole.path}:{hint.line}" if hint.line else str(whole.path)
        click.echo(f"{place}: {hint}")
    if not as_json:
        graded = sum(case.program is None for case in whole.cases)
        click.echo(f"{whole.name}: {len(hints)} hints in {graded} of {len(whole.cases)} cases read")
    return InputInvalid.exit_code if hints else 0
