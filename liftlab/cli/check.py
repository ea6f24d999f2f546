"""`liftlab check`, `baseline`, `compare`, `claims`, `lint-report`: may it ship, may it be said."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from liftlab.cli.main import say
from liftlab.cli.options import A_PATH, json_option, project, taken
from liftlab.errors import VerdictsUnproven
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.jobs.checking import CheckResult
    from liftlab.settings import Project
    from liftlab.summary import RunSummary
    from liftlab.summary.claims import Claim, Ruling
    from liftlab.summary.claims.text.lint import Checked

SUMMARY = "GITHUB_STEP_SUMMARY"
_CONTRADICTED, _NOTHING_READ = 3, 7  # exit codes of --gate
_BESIDE = 60  # letters on either side of a figure that is quoted
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_UNIT = re.compile(r"\s*[-‑]?([%¢$]|[^\W\d]+\b)")
_SCALES = (1.0, 100.0, 1000.0, 10_000.0, 1 / 60)  # in percent, in ms, of 1,000 requests, in minutes


@click.command("check")
@click.argument("run", default="latest")
@click.option(
    "--baseline",
    metavar="FILE",
    type=A_PATH,
    help="The baseline; baseline.json of the project by default, if it is there.",
)
@click.option(
    "--undecided",
    type=click.Choice(["fail", "pass"]),
    default="fail",
    help="Whether an undecided target fails the check (exit 7, the default) or passes.",
)
@click.option("--junit", metavar="FILE", type=A_PATH, help="Also write JUnit XML to FILE.")
@click.option(
    "--comment",
    metavar="FILE.md",
    type=A_PATH,
    help="Also write a short comment for a pull request to FILE.md.",
)
@click.option("--aa", is_flag=True, help="A/A test: the false-alarm rate between equal runs.")
@json_option
def check_command(
    run: str,
    baseline: Path | None,
    undecided: str,
    junit: Path | None,
    comment: Path | None,
    aa: bool,
    as_json: bool,
) -> int:
    """Judge RUN (the newest by default) by the project's targets and its baseline.

    Exit codes: 0 all met; 1 the verdicts are unproven; 3 a target is not met, or a number is worse
    than the baseline; 4 no request was answered; 7 undecided.
    """
    from liftlab.jobs.checking import check_run
    from liftlab.reporting.gate import check_lines

    here = project()
    if aa:
        _print_false_alarms(here, run, as_json)
        return 0
    result = check_run(here, run, baseline=baseline, undecided_passes=undecided == "pass")
    _write(result, junit, comment)
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2, allow_nan=False))
    else:
        click.echo("\n".join(check_lines(result)))
    return result.exit_code


@click.group("baseline")
def baseline_command() -> None:
    """Pin the run that later runs are compared with, in a small file to commit."""


@baseline_command.command("set")
@click.argument("run", default="latest")
@click.option("--file", metavar="FILE", type=A_PATH, help="To write (baseline.json).")
def baseline_set_command(run: str, file: Path | None) -> None:
    """Pin RUN (the newest by default)."""
    from liftlab.jobs.baselines import pin_baseline

    here = project()
    path = file or here.path("baseline")
    baseline = pin_baseline(here, run, path)
    spread = max((entry.runs for entry in baseline.spread.values()), default=0)
    click.echo(f"{path}: {baseline.run_id}, with the spread of {counted(spread, 'comparable run')}")


@baseline_command.command("show")
@click.option("--file", metavar="FILE", type=A_PATH, help="To read (baseline.json).")
@json_option
def baseline_show_command(file: Path | None, as_json: bool) -> None:
    """Print what is pinned."""
    from liftlab.jobs.baselines import read_baseline
    from liftlab.reporting.gate import baseline_lines

    baseline = read_baseline(file or project().path("baseline"))
    if as_json:
        click.echo(json.dumps(baseline.model_dump(), indent=2, allow_nan=False))
    else:
        click.echo("\n".join(baseline_lines(baseline)))


def _print_false_alarms(here: Project, run: str, as_json: bool) -> None:
    from liftlab.jobs.checking import false_alarms_of
    from liftlab.reporting.gate import false_alarms_line
    from liftlab.summary.claims.model import metric_words

    found = false_alarms_of(here, run)
    if as_json:
        told = {name: getattr(found, name) for name in ("runs", "pairs", "alarms")} | {
            "rate": found.rate.value,
            "low": found.rate.low,
            "high": found.rate.high,
            "by_metric": dict(found.by_metric),
        }
        click.echo(json.dumps(told, indent=2, allow_nan=False))
        return
    click.echo(false_alarms_line(found))
    for metric, count in found.by_metric.items():
        click.echo(f"  {metric_words(metric)}: {count:,} of {found.pairs:,}")


def _write(result: CheckResult, junit: Path | None, comment: Path | None) -> None:
    from liftlab.reporting.gate import check_comment, check_junit, check_markdown
    from liftlab.store.files import write_atomic, writing

    if junit is not None:
        write_atomic(junit, check_junit(result), advice="Give --junit another place")
    if comment is not None:
        text = check_comment(result).encode()
        write_atomic(comment, text, advice="Give --comment another place")
    if summary := os.environ.get(SUMMARY):
        advice = f"Let {SUMMARY} name another place"
        with writing(Path(summary), advice), Path(summary).open("a", encoding="utf-8") as file:
            file.write(check_markdown(result))


@click.command("compare")
@click.argument("first", default="", metavar="[FIRST]")
@click.argument("second", default="", metavar="[SECOND]")
@click.argument("more", nargs=-1, metavar="[MORE]…")
@json_option
def compare_command(first: str, second: str, more: tuple[str, ...], as_json: bool) -> None:
    """Compare run SECOND with run FIRST, prompt by prompt and stage by stage; rank more than two.

    Without SECOND, the newest run; without FIRST, the baseline, else the newest earlier run under
    the same conditions.
    """
    from liftlab.jobs import comparing
    from liftlab.reporting.gate import pair_lines, ranking_lines

    if more:
        ranked = comparing.rank_runs(project(), [first, second, *more])
        lines = ranking_lines(ranked)
        click.echo(json.dumps(ranked.as_json(), indent=2) if as_json else "\n".join(lines))
        return
    pair = comparing.compare_runs(project(), first, second)
    if as_json:
        click.echo(json.dumps(pair.as_json(), indent=2, allow_nan=False))
    else:
        click.echo("\n".join(pair_lines(pair)))
    if pair.unproven:
        raise VerdictsUnproven(" ".join(pair.unproven))


@click.command("claims")
@click.argument("run", default="latest")
@click.argument("file", required=False, type=A_PATH)
@json_option
def claims_command(run: str, file: Path | None, as_json: bool) -> None:
    """Check each claim of FILE (the project's claims.toml by default) against RUN.

    A claim that fails is a finding, not an error: the exit code is 0.
    """
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
@click.option("--run", help="The run that the report is about (the newest of a suite).")
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
    summary = _summary(run or _newest(here), here)
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


def _newest(here: Project) -> str:
    """Return the newest run of a suite, else the newest measured run that has trials."""
    from liftlab.records import SESSIONS
    from liftlab.store.folder import LATEST
    from liftlab.store.listing import latest, list_runs

    folder = here.path("runs")
    if latest(folder) is not None:
        return LATEST
    runs = [run for run in list_runs(folder) if run.suite != SESSIONS]
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
    found = sorted(_NUMBER.finditer(whole), key=lambda number: _unit(number, whole) is None)
    at = next((number for number in found if _is_of(claim, number, whole)), None)
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
    """Whether a number of a line is the claim's figure, by its unit where it has one."""
    written = float(number[0].replace(",", ""))
    if claim.count is not None:
        following = _NUMBER.search(line, number.end())
        total = following and following[0].replace(",", "")
        return written == claim.count and total == str(claim.total)
    if claim.value is None:
        return False
    unit = _unit(number, line)
    if unit is None:
        return any(math.isclose(written, claim.value * by) for by in _SCALES)
    kind, one = unit
    many = (1.0, 1e3, 1e4) if kind == "usd" else (1.0,)  # a price is told of 1,000 requests, too
    return kind == _kind(claim) and any(
        math.isclose(written * one, claim.value * by) for by in many
    )


def _unit(number: re.Match[str], line: str) -> tuple[str, float] | None:
    """Return what a number counts in and what one of it is; None where no unit stands by it."""
    from liftlab.summary.claims.text.figures import unit_of

    if re.search(r"(?:\$|\bUSD) ?$", line[: number.start()], re.IGNORECASE):
        return unit_of("$")
    beside = _UNIT.match(line, number.end())
    return unit_of(beside[1].lower()) if beside else None


def _kind(claim: Claim) -> str:
    from liftlab.summary.claims import Quantity
    from liftlab.summary.claims.model import NUMBERS

    if not isinstance(claim.what, Quantity) or claim.what.metric in NUMBERS:
        return "whole"
    return "share" if claim.what.is_share else "usd" if "_usd" in claim.what.metric else "seconds"


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
