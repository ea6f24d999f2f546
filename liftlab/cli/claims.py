"""`liftlab claims` and `lint-report`: what was said of a run, and what its summary carries."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from liftlab.cli.options import A_PATH, json_option, project, taken
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.summary import RunSummary
    from liftlab.summary.claims import Claim, Ruling
    from liftlab.summary.claims.text.lint import Checked

_CONTRADICTED, _NOTHING_READ = 3, 7  # exit codes of --gate
_BESIDE = 60  # letters on either side of a figure that is quoted
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_SCALES = (1.0, 100.0, 1000.0, 1 / 60)  # as it is, in percent, in ms, in minutes


@click.command("claims")
@click.argument("run", default="latest")
@click.argument("file", required=False, type=A_PATH)
@json_option
def claims_command(run: str, file: Path | None, as_json: bool) -> None:
    """Check each claim of FILE (the project's claims.toml by default) against RUN.

    A claim that fails is a finding, not an error: the exit code is 0.
    """
    from liftlab.cli.main import say
    from liftlab.summary.claims import CLAIMS_FILE, rule
    from liftlab.summary.claims.file import read

    here = project()
    summary = _summary(run, here)
    claimed = read(file or here.path("reference") / CLAIMS_FILE)
    run_id = summary.run.run.run_id
    if not claimed.about(run_id):
        say(f"these claims are about run {claimed.run}; they are ruled by run {run_id}")
    rulings = [rule(claim, summary) for claim in claimed.claims]
    if as_json:
        click.echo(json.dumps([ruling.as_json() for ruling in rulings], indent=2, allow_nan=False))
        return
    for ruling in rulings:
        click.echo("\n".join(paragraph(ruling, ruling.claim.id)) + "\n")
    click.echo(counts(rulings))


@click.command("lint-report")
@click.argument("file", type=A_PATH)
@click.option("--run", help="The run that the report is about (the newest with trials).")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    help="How to print: text (the default), JSON, or SARIF 2.1.0 for code scanning.",
)
@click.option("--gate", is_flag=True, help="Exit 3 if a claim is contradicted, 7 if none is read.")
@json_option
def lint_report_command(file: Path, run: str | None, shape: str, gate: bool, as_json: bool) -> int:
    """Check the claims found in FILE, a Markdown report, against the numbers of a run.

    A claim that fails is a finding: the exit code is 0 without --gate.
    """
    from liftlab import tomlfile
    from liftlab.errors import FileInvalid
    from liftlab.reporting.sarif import sarif
    from liftlab.summary.claims.text.lint import lint

    source = tomlfile.read_bytes(file, FileInvalid, limit=tomlfile.MAX_BYTES)
    report = tomlfile.decode_text(source, file, FileInvalid)
    here = project()
    summary = _summary(run or _newest_with_trials(here), here)
    checked = lint(report, summary)
    if as_json or shape == "json":
        click.echo(json.dumps([row.as_json() for row in checked], indent=2, allow_nan=False))
    elif shape == "sarif":
        click.echo(json.dumps(sarif(checked, file, summary.run.run.run_id), indent=2))
    else:
        click.echo("\n".join(_lines(checked, file, report, summary)))
    rulings = [row.ruling.ruling for row in checked if row.ruling]
    if not gate:
        return 0
    return _CONTRADICTED if "contradicted" in rulings else 0 if rulings else _NOTHING_READ


def _summary(run: str, here: Project) -> RunSummary:
    from liftlab.jobs.opening import open_answers
    from liftlab.summary import summarize

    return summarize(open_answers(taken(run, here), project=here), here)


def _newest_with_trials(here: Project) -> str:
    """Return the newest measured run that has trials, or what says that there is none."""
    from liftlab.records import SESSIONS
    from liftlab.store.folder import LATEST
    from liftlab.store.listing import list_runs

    runs = [run for run in list_runs(here.path("runs")) if run.suite != SESSIONS]
    return next((r.run_id for r in runs if r.provenance == "measured" and r.trials), LATEST)


def _lines(checked: Sequence[Checked], file: Path, report: str, summary: RunSummary) -> list[str]:
    run, written = summary.run.run, report.split("\n")
    lines = [
        f"{file}, ruled by run {run.run_id} ({counted(summary.answers.trials, 'request')})",
        "",
    ]
    for row in checked:
        if row.ruling:
            said = _quoted(row.ruling.claim, written[row.line - 1])
            lines += [*paragraph(row.ruling, f"{file}:{row.line}:", said), ""]
    unread = [row for row in checked if not row.ruling]
    lines += [f"{file}:{row.line}: not read ({row.why_not}): “{row.said}”" for row in unread]
    rulings = [row.ruling for row in checked if row.ruling]
    return [*lines, f"{counts(rulings)}; {counted(len(unread), 'figure')} not read"]


def _quoted(claim: Claim, line: str) -> str:
    """Return the figure that is ruled, and its line cut around it; the line where it has none."""
    from liftlab.summary.claims.text.markdown import shown

    whole = shown(line, len(line) + 1)
    at = next((n for n in _NUMBER.finditer(whole) if _is_of(claim, n, whole)), None)
    if at is None:
        return f"“{claim.statement}”"
    end = re.compile(r"(?:\s*(?:%|[^\W\d]+\b))?").match(whole, at.end())
    assert end is not None
    figure = whole[at.start() : end.end()]
    if claim.count is not None:
        figure = f"{claim.count:,} of {claim.total or 0:,}"
    before, after = whole[: at.start()], whole[at.start() :]
    if len(before) > _BESIDE:
        before = f"…{before[-_BESIDE:].partition(' ')[2]}"
    if len(after) > 2 * _BESIDE:
        after = f"{after[: 2 * _BESIDE].rpartition(' ')[0]}…"
    return f"{figure} in “{before}{after}”"


def _is_of(claim: Claim, number: re.Match[str], line: str) -> bool:
    """Whether a number of a line is the claim's figure."""
    written = float(number[0].replace(",", ""))
    if claim.count is not None:
        following = _NUMBER.search(line, number.end())
        total = following and following[0].replace(",", "")
        return written == claim.count and total == str(claim.total)
    value = claim.value
    return value is not None and any(math.isclose(written, value * by) for by in _SCALES)


def paragraph(ruling: Ruling, name: str, said: str = "") -> list[str]:
    """Return a ruling as lines: what was said, the ruling, why, and what may be said."""
    caveat = f", {ruling.caveat}" if ruling.caveat else ""
    lines = [f"{name}  {said or f'“{ruling.claim.statement}”'}: {ruling.ruling}{caveat}"]
    lines.append(f"     why  {ruling.why}")
    return lines if ruling.may_say == ruling.why else [*lines, f"     say  {ruling.may_say}"]


def counts(rulings: Sequence[Ruling]) -> str:
    """Return how many of each ruling there are, the most frequent first."""
    found = Counter(ruling.ruling for ruling in rulings).most_common()
    said = ", ".join(f"{count:,} {ruling}" for ruling, count in found)
    return counted(len(rulings), "claim") + (f": {said}" if said else "")
