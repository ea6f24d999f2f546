"""`liftlab check`, `baseline`, `compare`, `claims`, `lint-report`: may it ship, may it be said."""

from __future__ import annotations

import json
import os
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

SUMMARY = "GITHUB_STEP_SUMMARY"
_CONTRADICTED, _NOTHING_READ = 3, 7  # exit codes of --gate


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
    from liftlab.reporting.rulings import ruling_lines
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
    click.echo("\n".join(ruling_lines(rulings)))


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
    from liftlab.jobs.keeping import newest_with_answers
    from liftlab.reporting.rulings import lint_lines
    from liftlab.reporting.sarif import sarif
    from liftlab.summary.claims.text.lint import lint

    source = tomlfile.read_bytes(file, FileInvalid, limit=tomlfile.MAX_BYTES)
    report = tomlfile.decode_text(source, file, FileInvalid)
    here = project()
    summary = _summary(run or newest_with_answers(here), here)
    checked = lint(report, summary)
    if as_json or shape == "json":
        click.echo(json.dumps([row.as_json() for row in checked], indent=2, allow_nan=False))
    elif shape == "sarif":
        click.echo(json.dumps(sarif(checked, file, summary.run.run.run_id), indent=2))
    else:
        click.echo("\n".join(lint_lines(checked, file, report, summary)))
    rulings = [row.ruling.ruling for row in checked if row.ruling]
    if not gate:
        return 0
    return _CONTRADICTED if "contradicted" in rulings else 0 if rulings else _NOTHING_READ


def _summary(run: str, here: Project) -> RunSummary:
    from liftlab.jobs.opening import open_answers
    from liftlab.summary import summarize

    return summarize(open_answers(taken(run, here), project=here), here)
