"""`liftlab doctor`: is a run's folder sound, and what to do where it is not."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from liftlab.cli.options import json_option, project
from liftlab.errors import RunFolderCorrupt
from liftlab.words import printable

if TYPE_CHECKING:
    from liftlab.jobs.doctoring import Diagnosis

_COLOURS = {"sound": "green", "note": None, "mended": "yellow", "damaged": "red"}


@click.command("doctor")
@click.argument("run", default="latest")
@click.option("--dry-run", is_flag=True, help="Only check: write nothing.")
@click.option(
    "--clean", is_flag=True, help="Remove unfinished files, and artifacts that no row names."
)
@json_option
def doctor_command(run: str, dry_run: bool, clean: bool, as_json: bool) -> None:
    """Check RUN's folder: journal, rows, artifacts, lock, leftovers, tables.

    Missing, stale or damaged tables are rebuilt from the journal, as by every verb that opens the
    run. Measurements are never changed, and nothing is removed without --clean. Exit 0 if the run
    is sound or was repaired, 6 if something cannot be repaired.
    """
    from liftlab import jobs

    if dry_run and clean:
        raise click.UsageError("--dry-run writes nothing: leave out --clean")
    found = jobs.examine(project(), run, mend=not dry_run, clean=clean)
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2))
    else:
        _print(found)
    if found.damaged:
        damaged = ", ".join(finding.check for finding in found.damaged)
        raise RunFolderCorrupt(found.path, f"damaged: {damaged}")


def _print(found: Diagnosis) -> None:
    click.echo(f"{found.run_id} · {found.path}")
    line = partial(printable, kept="")  # names come from a folder of anybody's
    for finding in found.findings:
        state = click.style(f"{finding.state:<8}", fg=_COLOURS[finding.state])
        click.echo(f"  {state} {finding.check:<10} {line(finding.text)}")
        if finding.advice is not None:
            click.echo(f"{'':<22}→ {line(finding.advice)}")


def _as_json(found: Diagnosis) -> dict[str, object]:
    return {
        "run_id": found.run_id,
        "path": str(found.path),
        "sound": not found.damaged,
        "findings": [asdict(finding) for finding in found.findings],
    }
