"""`liftlab run` and `quick`: run a suite or one case, resume a run, or say what it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.load import send_segment
from liftlab.cli.main import say
from liftlab.cli.options import (
    json_option,
    limit_options,
    overrides_of,
    project,
    segment_options,
    selection_options,
    taken,
)
from liftlab.cli.show import print_notes, trial_lines
from liftlab.errors import EndpointUnreachable, RunIncomplete, UsageError
from liftlab.records import CAPACITY

if TYPE_CHECKING:
    from liftlab.runner.plan import StopRule
    from liftlab.runner.request import RunRequest
    from liftlab.settings import Project
    from liftlab.store import RunData
    from liftlab.summary import RunSummary

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command("run")
@selection_options
@click.option("--repeats", type=click.IntRange(1), help="How often each case is run.")
@click.option("--concurrency", type=click.IntRange(1), help="How many trials run at once.")
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case; repeatable.")
@click.option("--category", "categories", multiple=True, help="Only this category; repeatable.")
@click.option("--resume", metavar="RUN", help="Finish a run that was interrupted.")
@click.option("--memory", is_flag=True, help="First measure client memory, in a separate pass.")
@click.option(
    "--until-decided",
    is_flag=True,
    help="Stop once it is decided whether the success rate reaches the target.",
)
@click.option("--target", type=_SHARE, help="The success rate to reach (0.7).")
@click.option(
    "--zone",
    type=_SHARE,
    help="Indifference zone: half-width around the target (0.1, or half of what is left).",
)
@click.option(
    "--warm-up/--no-warm-up",
    default=True,
    help="Wake the endpoint first (the default), or start at once.",
)
@click.option("--stream", is_flag=True, help="Stream replies (openai), and time their tokens.")
@segment_options
@limit_options
@click.option("--dry-run", is_flag=True, help="Print what the run would take, and stop.")
@json_option
def run_command(
    model: str | None,
    repeats: int | None,
    cases: tuple[str, ...],
    categories: tuple[str, ...],
    resume: str | None,
    memory: bool,
    until_decided: bool,
    target: float | None,
    zone: float | None,
    warm_up: bool,
    stream: bool,
    segment: tuple[int, int] | None,
    start_at: float | None,
    dry_run: bool,
    as_json: bool,
    **more: Any,
) -> None:
    """Run a suite against an endpoint, grade the answers, and print the results."""
    from liftlab.jobs import running

    until = _until(until_decided, target, zone, repeats)
    here = project(run__repeats=repeats, **overrides_of(more))
    if resume:
        finish(here, running.resume_run(here, taken(resume, here)), as_json)
        return
    request = running.plan_run(
        here,
        cases=cases,
        categories=categories,
        model=model,
        memory=memory,
        warm_up=warm_up,
        stream=stream,
        until=until,
    )
    if dry_run:
        for note in request.notes:
            say(note)
        click.echo(worst_case(request))
        return
    if segment or start_at is not None:
        finish(here, send_segment(request, segment, start_at), as_json)
        return
    finish(here, running.run_suite(request), as_json)


def finish(here: Project, run: RunData, as_json: bool) -> None:
    """Print a run that has just ended.

    Exit 5 if a limit ended it early, 4 if the endpoint failed every trial or all ended alike
    before grading, 7 if it was to decide and could not.
    """
    from liftlab.cli.show import print_run
    from liftlab.summary import summarize

    summary = summarize(run, here)
    print_run(summary, as_json)
    require_whole(summary)


def require_whole(summary: RunSummary) -> None:
    """Raise what a run that has just ended exits with; as `finish` says."""
    from liftlab.cli.show import require_proven
    from liftlab.jobs import deciding

    run = summary.run
    require_proven(run)
    if run.run.status == "partial":
        verb = CAPACITY if summary.capacity is not None else "run"
        raise RunIncomplete(
            f"{run.run.run_id}: a limit ended it after {len(run.trials)} trials; they are kept. "
            f"Go on with: liftlab {verb} --resume {run.run.run_id}"
        )
    require_answers(run)
    deciding.check_decided(summary.decision)


def require_answers(run: RunData) -> None:
    """Raise if the endpoint failed every trial, or all ended alike before grading."""
    from liftlab.cli.show import failures
    from liftlab.reporting.text.reasons import set_up_fault

    fault = set_up_fault(run)
    failed = len(run.trials) > 0 and bool((run.trials["outcome"] == "error").all())
    if failed or fault:
        ended = "no request was answered" if failed else "no trial got as far as grading"
        why = fault or failures(run)
        raise EndpointUnreachable(": ".join(filter(None, [run.run.run_id, ended, why])))


def _until(
    asked: bool, target: float | None, zone: float | None, repeats: int | None
) -> StopRule | None:
    """Return what the run is to decide, or None; refuse options that contradict it."""
    from liftlab.analysis.decide import narrowed
    from liftlab.runner.plan import StopRule

    if not asked:
        if target is not None or zone is not None:
            raise UsageError("--target and --zone say what --until-decided decides: add it")
        return None
    if repeats is not None and repeats > 1:
        raise UsageError("--until-decided counts one trial a case: leave out --repeats")
    target = StopRule().target if target is None else target
    until = StopRule(target=target, zone=narrowed(target) if zone is None else zone)
    if not 0 < until.target - until.zone < until.target + until.zone < 1:
        raise UsageError(f"{until.target:g} ± {until.zone:g} leaves 0 to 1: give a smaller --zone")
    return until


def worst_case(request: RunRequest) -> str:
    """Return what a run takes at most, in lines."""
    from liftlab.jobs import running
    from liftlab.runner.probe import PROBE_TOKENS

    levels = f"{request.capacity.levels[0]} to " if request.capacity else ""
    many = f"{levels}{request.concurrency}"
    if not request.built.stages:
        own = request.built.imports[0].target
        return (
            f"{len(request.trials())} trials of {request.suite_name} through {own} "
            f"on {request.endpoint.name}, {many} at once\n"
            f"calls, tokens and cost are its own; {running.likely_duration(request)}"
        )
    limits = running.worst_case_of(request)
    cost = "unknown price" if limits.usd_max is None else f"at most {limits.usd_max:,.2f} USD"
    tokens = limits.output_tokens_max
    first = (
        f"before them     a request of at most {PROBE_TOKENS} tokens is sent, to learn which "
        "parameters are taken\n"
    )
    return (
        f"{limits.trials:,} trials of {request.suite_name} through {request.pipeline} "
        f"on {request.endpoint.name}, {many} at once\n"
        f"calls           {limits.calls_min:,} to {limits.calls_max:,}, each sent again up to "
        f"{request.endpoint.retry.retries} times if the transport fails\n"
        f"{first if request.probes else ''}"
        f"output tokens   {'no limit is sent' if tokens is None else f'at most {tokens:,}'}\n"
        f"time            at most {limits.seconds_max / 60:,.0f} min, "
        f"every call at its deadline; {running.likely_duration(request)}\n"
        f"cost            {cost}"
    )


@click.command("quick")
@click.argument("case", required=False)
@selection_options
def quick_command(case: str | None, model: str | None, **more: Any) -> None:
    """Run one CASE (the suite's first by default) and print its attempts, code and checks."""
    from liftlab.jobs import running

    here = project(run__repeats=1, run__concurrency=1, **overrides_of(more))
    run_quick(here, case or running.first_case(here), model)


def run_quick(here: Project, case: str, model: str | None = None) -> None:
    """Run one case of the project's suite once, and print what happened."""
    from liftlab.jobs import running
    from liftlab.summary import summarize

    request = running.plan_run(here, cases=[case], model=model, quick=True)
    run = running.run_suite(request)
    print_trial(run)
    require_whole(summarize(run, here))


def print_trial(run: RunData) -> None:
    """Print the one trial of a run."""
    from liftlab.summary.trials import trial_of

    trial = run.trials.iloc[0]
    for line in trial_lines(trial_of(run, str(trial["case_id"]), int(trial["repeat"]))):
        click.echo(line)
    click.echo()
    print_notes(run)
