"""`liftlab claims` and `lint-report`: what was said of a run, and what its rows carry."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from liftlab.cli.options import json_option, project, taken
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.analysis.claims import Ruling


@click.command("claims")
@click.argument("run", default="latest")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
def claims_command(run: str, file: Path | None, as_json: bool) -> None:
    """Rule each claim of FILE (the project's claims.toml by default) by the rows of RUN.

    A claim that fails is a finding, not an error: the exit code is 0.
    """
    from liftlab import jobs
    from liftlab.analysis.claims import rule_all
    from liftlab.analysis.claims.file import read
    from liftlab.cli.main import say
    from liftlab.summary.claims import CLAIMS_FILE, evidence_of

    here = project()
    claimed = read(file or here.path("reference") / CLAIMS_FILE)
    data = jobs.open_run(taken(run, here), project=here)
    if not claimed.about(data.run.run_id):
        say(f"these claims are about run {claimed.run}; here the rows of {data.run.run_id} rule")
    rulings = rule_all(claimed.claims, evidence_of(data, here))
    if as_json:
        click.echo(json.dumps([ruling.as_json() for ruling in rulings], indent=2, allow_nan=False))
        return
    for ruling in rulings:
        click.echo("\n".join(paragraph(ruling, ruling.claim.id)) + "\n")
    click.echo(counts(rulings))


@click.command("lint-report")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--run", default="latest", help="The run that the report is about.")
@json_option
def lint_report_command(file: Path, run: str, as_json: bool) -> None:
    """Rule the claims found in FILE, a Markdown report, by the rows of a run.

    A claim that fails is a finding, not an error: the exit code is 0.
    """
    from liftlab import jobs, tomlfile
    from liftlab.analysis.claims.text import lint
    from liftlab.errors import FileInvalid
    from liftlab.summary.claims import evidence_of

    source = tomlfile.read_bytes(file, FileInvalid, limit=tomlfile.MAX_BYTES)
    report = tomlfile.decode_text(source, file, FileInvalid)
    here = project()
    checked = lint(report, evidence_of(jobs.open_run(taken(run, here), project=here), here))
    if as_json:
        click.echo(json.dumps([each.as_json() for each in checked], indent=2, allow_nan=False))
        return
    for each in checked:
        for ruling in each.rulings:
            click.echo("\n".join(paragraph(ruling, f"{file}:{each.line}: {each.kind}")) + "\n")
    loose = [each for each in checked if not each.rulings]
    for each in loose:
        click.echo(f"{file}:{each.line}: {each.kind}  “{each.said}”: not tied, {each.note}")
    click.echo(
        f"{len(checked):,} claims, {len(loose):,} not tied; "
        + counts([ruling for each in checked for ruling in each.rulings])
    )


def paragraph(ruling: Ruling, name: str) -> list[str]:
    """Return a ruling as lines: what was said, the ruling, why, and what may be said."""
    by = f" (by {ruling.measure})" if ruling.measure else ""
    caveat = f", {ruling.caveat}" if ruling.caveat else ""
    lines = [f"{name}  “{ruling.claim.statement}”{by}: {ruling.ruling}{caveat}"]
    lines.append(f"     why  {ruling.why}")
    if ruling.n_needed:
        lines.append(f"    need  {ruling.n_needed:,} {ruling.needed} would settle it")
    return [*lines, f"     say  {ruling.may_say}"]


def counts(rulings: Sequence[Ruling]) -> str:
    """Return how many of each ruling there are, the most frequent first."""
    found = Counter(ruling.ruling for ruling in rulings).most_common()
    said = ", ".join(f"{count:,} {ruling}" for ruling, count in found)
    return counted(len(rulings), "ruling") + (f": {said}" if said else "")
