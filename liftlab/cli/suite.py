"""`liftlab suite`: which suites there are, and what a suite's prompts leave open."""

from __future__ import annotations

import dataclasses
import json

import click

from liftlab.cli.options import is_file, json_option, project
from liftlab.cli.suite_new import new_command
from liftlab.words import one_line


@click.group("suite")
def suite_command() -> None:
    """List suites, add a case to one, or look for unclear prompts."""


suite_command.add_command(new_command)


@suite_command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the project's suites: name, number of cases, what is wrong with one that is broken."""
    from liftlab.errors import SuiteInvalid
    from liftlab.suite import load
    from liftlab.suite.file import SUFFIXES

    folder = project().path("suites")
    rows: list[dict[str, object]] = []
    for path in sorted(folder.glob("*")):
        if path.suffix not in SUFFIXES:
            continue
        try:
            rows.append({"suite": path.stem, "cases": len(load(str(path), []).cases)})
        except SuiteInvalid as error:
            rows.append({"suite": path.stem, "cases": None, "problem": str(error)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        told = row.get("problem") or f"{row['cases']} cases"
        click.echo(f"{one_line(str(row['suite'])):<20}  {one_line(str(told))}")
    if not rows:
        click.echo(f"no suites in {folder}")


@suite_command.command("lint")
@click.argument("suite", metavar="NAME|FILE")
@json_option
def lint_command(suite: str, as_json: bool) -> int:
    """Look for prompts that leave open what is checked: hints, for a person to judge.

    Exit code 0 without hints, 6 with some.
    """
    from liftlab.errors import InputInvalid
    from liftlab.suite import load
    from liftlab.suite.lint import lint

    whole = load(suite, [project(needed=not is_file(suite)).path("suites")])
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
