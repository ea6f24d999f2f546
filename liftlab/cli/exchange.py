"""`liftlab import` and `export`: runs from and for other tools."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from liftlab.cli.main import say
from liftlab.cli.options import json_option, project, taken
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.jobs.exchanging import Imported
    from liftlab.settings import Project

_FAMILIES = {
    "benchmark": "benchmark results",
    "parallel": "parallel benchmark results",
    "execution_validation": "execution validation",
    "nontrivial": "nontrivial suite",
    "liftlab": "a run of liftlab",
    "vllm": "vllm bench serve",
    "guidellm": "guidellm",
    "aiperf": "aiperf",
    "inspect": "inspect",
    "promptfoo": "promptfoo",
    "samples": "answers",
}


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--regrade/--no-regrade",
    default=True,
    help="Grade the code again where a suite has a case of that name and prompt.",
)
@json_option
def import_command(files: Sequence[str], regrade: bool, as_json: bool) -> int:
    """Import FILE…: result files, or what `export --format jsonl` wrote.

    It reads files of the first benchmark, vllm bench serve (--save-detailed), guidellm, aiperf,
    inspect, promptfoo, and answers as JSON Lines with their times.

    FILE may be a folder or a pattern. Each file becomes a run; its format is recognised, and
    importing it again changes nothing. A bad file is named and skipped: the exit code is then 6.
    """
    from liftlab.errors import InputInvalid
    from liftlab.jobs.exchanging import import_files
    from liftlab.jobs.opening import open_run

    here = project()
    done: list[Imported] = []
    for each in import_files(here, files, regrade=regrade):
        done.append(each)
        if each.reason:
            say(f"liftlab: {each.reason}")
        elif not as_json:
            click.echo(line(each))
    if regrade:
        for each in done:
            if each.status == "imported" and each.run_id:
                open_run(each.run_id, project=here)
    counts: Counter[str] = Counter(each.status for each in done)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in done], indent=2))
    else:
        _close(here, done, counts, regrade)
    return InputInvalid.exit_code if counts["bad"] else 0


def line(each: Imported) -> str:
    """Say what became of a file."""
    count = counted(each.trials, "result")
    said = f"{each.file}: {_FAMILIES[each.family or 'benchmark']}, {count}"
    if each.status == "unchanged":
        return f"{said}: unchanged, it is in {each.run_id} already"
    said += f" → {each.run_id}"
    if each.to_grade:
        said += f", {each.to_grade:,} to grade"
    return "; ".join([said, *each.notes])


def _close(here: Project, done: Sequence[Imported], counts: Counter[str], regrade: bool) -> None:
    """Say how many there were; beside what a single file published, what its rows give."""
    from liftlab.cli.show import published_lines
    from liftlab.jobs import opening
    from liftlab.summary import summarize

    fresh = [each for each in done if each.status == "imported"]
    if regrade and len(done) == 1 and fresh and fresh[0].run_id:
        run = opening.open_run(fresh[0].run_id, project=here)
        for text in published_lines(summarize(run, here)):
            click.echo(text)
        return
    told = ", ".join(f"{counts[s]:,} {s}" for s in ("imported", "unchanged", "bad") if counts[s])
    click.echo(f"{counted(len(done), 'file')}: {told}")


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
    from liftlab.jobs import exchanging, opening

    here = project()
    opened = opening.open_answers if form == "week2" else opening.open_run
    data = opened(taken(run, here), project=here)
    if str(out) == "-":
        sys.stdout.write(exchanging.as_text(data, form))  # type: ignore[arg-type]  # a Choice
    else:
        written = exchanging.write_export(data, form, out, force=force)  # type: ignore[arg-type]
        click.echo("\n".join(str(path) for path in written))
    if form == "week2":
        for text in exchanging.left_out(data):
            say(f"left out: {text}")
