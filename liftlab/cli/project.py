"""`liftlab init`, `config` and `suite`: a project, its settings and its suites."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from liftlab.cli.options import is_file, json_option, project
from liftlab.cli.suite_new import new_command
from liftlab.errors import UnknownName
from liftlab.words import one_line


@click.command("init")
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path))
def init_command(folder: Path) -> None:
    """Set up a project in DIR (here by default), which must be empty or new."""
    from liftlab.jobs.layout import PARTS, lay_down

    made = lay_down(folder)
    there = "" if made == Path() else f"cd {made}; "
    click.echo(f"{made.absolute()}: {', '.join(PARTS)}")
    click.echo(
        f"Next: {there}liftlab report week2_day1 (the published day), or "
        f"{there}liftlab run --endpoint simulator"
    )


@click.command("config")
@click.argument("key", required=False)
@json_option
def config_command(key: str | None, as_json: bool) -> None:
    """Print every setting, or those at or under KEY, and where each came from.

    That is a file, a variable, or a default. KEY is one like `run.suite` or `endpoints.modal`.
    """
    here = project()
    known = dict(_leaves(here.resolved()))
    wanted = [name for name in known if not key or f"{name}.".startswith(f"{key}.")]
    if not wanted:
        raise UnknownName("setting", key or "", known)
    rows = [(name, known[name], here.origins.get(name, "default")) for name in wanted]
    if as_json:
        click.echo(json.dumps({name: {"value": v, "from": o} for name, v, o in rows}, indent=2))
        return
    width = max(len(name) for name, _, _ in rows)
    if not key:
        click.echo(f"project {here.root}\n")
    for name, value, origin in rows:
        click.echo(f"{name:<{width}}  {json.dumps(value)}  ({origin})")


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


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
