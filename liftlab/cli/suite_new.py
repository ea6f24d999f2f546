"""`liftlab suite new`: a case from a few answers, written, looked over and tried."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import endpoint_options, is_file, overrides_of, project
from liftlab.errors import SuiteInvalid, UsageError

_ENOUGH = 4  # examples that a case should have


@click.command("new")
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
