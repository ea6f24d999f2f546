"""`liftlab init`, `config` and `suite`: a project, its settings and its suites."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import endpoint_options, is_file, json_option, overrides_of, project
from liftlab.errors import SuiteInvalid, UnknownName, UsageError
from liftlab.words import one_line

_ENOUGH = 4  # examples that a case should have


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


@suite_command.command("new")
@click.argument("suite", metavar="[NAME|FILE]", default="mine")
@click.option("--prompt", help="What is asked of the model, in its words.")
@click.option("--name", help="The function's name, which is the case's, too.")
@click.option("--arguments", help='The parameters in order, such as "a, b"; empty for none.')
@click.option(
    "--example", "examples", multiple=True, help='A call and its result: "2, 3 -> 5"; repeat it.'
)
@click.option("--category", help="Your own word; rates are shown for each.")
@click.option("--difficulty", type=click.Choice(["easy", "medium", "hard"]))
@click.option("--no-try", is_flag=True, help="Do not run it once on the endpoint.")
@endpoint_options
def new_command(
    suite: str,
    prompt: str | None,
    name: str | None,
    arguments: str | None,
    examples: tuple[str, ...],
    no_try: bool,
    model: str | None,
    **more: Any,
) -> None:
    """Add a case to a suite, a new one if there is none of that name, and run it once.

    What no option says is asked for. The suite is data/suites/mine.toml by default.
    """
    from liftlab import suite as suites
    from liftlab import tomlfile
    from liftlab.cli.run import run_quick
    from liftlab.store.files import write_atomic
    from liftlab.suite.drafting import add_case
    from liftlab.suite.lint import lint

    labels = {key: more.pop(key) for key in ("category", "difficulty")}
    here = project(needed=not is_file(suite) or not no_try, **overrides_of(more))
    path = _file(suite, here.path("suites"))
    prompt = prompt or _ask("Prompt, as the model gets it")
    name = name or _ask("Name of the function")
    if arguments is None:
        arguments = _ask("Its parameters, such as a, b", default="")
    case = {
        "case_id": name,
        "prompt": prompt,
        **{key: value for key, value in labels.items() if value},
        "signature": f"{name}({arguments})",
        "checks": _checks(examples, name),
    }
    limit = tomlfile.MAX_BYTES
    known = tomlfile.read_bytes(path, SuiteInvalid, limit=limit) if path.exists() else b""
    before = tomlfile.decode_text(known, path, SuiteInvalid)
    source = add_case(before, case, path.suffix.lower()).encode()
    whole = suites.parse(source, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, source)
    say(f"{path}: {name} is case {len(whole)}")
    for hint in lint(whole):
        if hint.case_id == name:
            say(f"look at {hint}")
    if not no_try:
        run_quick(project(run__suite=str(path), **overrides_of(more)), name, model)


def _file(suite: str, folder: Path) -> Path:
    """Return the suite's file, which need not be there."""
    from liftlab.suite.file import SUFFIXES

    if is_file(suite):
        return Path(suite)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", suite):
        raise UsageError(f"a suite's name has letters, digits, - and _: not {suite[:60]!r}")
    known = [folder / f"{suite}{suffix}" for suffix in SUFFIXES]
    return next((path for path in known if path.exists()), known[0])


def _ask(question: str, default: str | None = None) -> str:
    try:
        return str(click.prompt(question, default=default, show_default=False))
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError(
            "nobody is there to ask: give --prompt, --name, --arguments and --example"
        ) from None


def _checks(examples: tuple[str, ...], name: str) -> list[dict[str, Any]]:
    """Return the checks of examples that are given, or else asked for, one a line."""
    from liftlab.suite.drafting import read_example

    if examples:
        return [read_example(text, name) for text in examples]
    checks: list[dict[str, Any]] = []
    say('Examples, one a line: "2, 3 -> 5"; an empty line ends them')
    while True:
        few = f" ({_ENOUGH} or more find most faults)" if len(checks) < _ENOUGH else ""
        text = _ask(f"Example {len(checks) + 1}{few}", default="")
        if not text.strip() and checks:
            return checks
        try:
            checks.append(read_example(text, name))
        except UsageError as fault:
            say(str(fault))


@suite_command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the project's suites: name, number of cases, what is wrong with one that is broken."""
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
