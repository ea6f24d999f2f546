"""`liftlab run`, `quick`, `capacity` and `sessions`: ask a suite, or check a session API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.load import send_segment
from liftlab.cli.main import say
from liftlab.cli.options import (
    A_PATH,
    header_options,
    json_option,
    limit_options,
    overrides_of,
    project,
    project_of,
    segment_options,
    selection_options,
    taken,
)
from liftlab.cli.show import print_notes, print_run, trial_lines
from liftlab.errors import EndpointUnreachable, RunIncomplete, UsageError
from liftlab.records import CAPACITY

if TYPE_CHECKING:
    from liftlab.runner.plan import StopRule
    from liftlab.runner.request import RunRequest
    from liftlab.settings import Project
    from liftlab.store import RunData
    from liftlab.summary import RunSummary

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_PLANNED = ("cases", "categories", "model", "memory", "warm_up", "stream")


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
    resume: str | None,
    until_decided: bool,
    target: float | None,
    zone: float | None,
    segment: tuple[int, int] | None,
    start_at: float | None,
    dry_run: bool,
    as_json: bool,
    **more: Any,
) -> None:
    """Run a suite against an endpoint, grade the answers, and print the results."""
    from liftlab.jobs import running

    until = _until(until_decided, target, zone, more["repeats"])
    asked = {name: more.pop(name) for name in _PLANNED}
    here = project(**overrides_of(more))
    if resume:
        finish(here, running.resume_run(here, taken(resume, here)), as_json)
        return
    request = running.plan_run(here, until=until, **asked)
    if dry_run:
        for note in request.notes:
            say(note)
        click.echo(worst_case(request))
    elif segment or start_at is not None:
        finish(here, send_segment(request, segment, start_at), as_json)
    else:
        finish(here, running.run_suite(request), as_json)


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


def finish(here: Project, run: RunData, as_json: bool) -> None:
    """Print a run that has just ended, and raise what `require_whole` finds."""
    from liftlab.summary import summarize

    summary = summarize(run, here)
    print_run(summary, as_json)
    require_whole(summary)


def require_whole(summary: RunSummary) -> None:
    """Raise what a run that has just ended exits with.

    5 if a limit ended it early, 4 if the endpoint failed every trial or all ended alike before
    grading, 7 if it was to decide and could not.
    """
    from liftlab.cli.show import failures, require_proven
    from liftlab.jobs.deciding import check_decided
    from liftlab.reporting.text.reasons import set_up_fault

    run, run_id = summary.run, summary.run.run.run_id
    require_proven(run)
    if run.run.status == "partial":
        verb = CAPACITY if summary.capacity is not None else "run"
        raise RunIncomplete(
            f"{run_id}: a limit ended it after {len(run.trials)} trials; they are kept. "
            f"Go on with: liftlab {verb} --resume {run_id}"
        )
    fault = set_up_fault(run)
    failed = len(run.trials) > 0 and bool((run.trials["outcome"] == "error").all())
    if failed or fault:
        ended = "no request was answered" if failed else "no trial got as far as grading"
        why = fault or failures(run)
        raise EndpointUnreachable(": ".join(filter(None, [run_id, ended, why])))
    check_decided(summary.decision)


@click.command("quick")
@click.argument("case", required=False)
@selection_options
def quick_command(case: str | None, model: str | None, **more: Any) -> None:
    """Run one CASE (the suite's first by default) and print its attempts, code and checks."""
    from liftlab.jobs.running import first_case

    here = project(run__repeats=1, run__concurrency=1, **overrides_of(more))
    run_quick(here, case or first_case(here), model)


def run_quick(here: Project, case: str, model: str | None = None) -> None:
    """Run one case of the project's suite once, and print what happened."""
    from liftlab.jobs import running
    from liftlab.summary import summarize
    from liftlab.summary.result import Limits
    from liftlab.summary.trials import trial_of

    request = running.plan_run(here, cases=[case], model=model, quick=True)
    run = running.run_suite(request)
    trial = run.trials.iloc[0]
    limits, key = Limits(here.settings.targets), (str(trial["case_id"]), int(trial["repeat"]))
    for line in trial_lines(trial_of(run, *key, limits)):
        click.echo(line)
    click.echo()
    print_notes(run)
    require_whole(summarize(run, here))


def _as_levels(
    context: click.Context, option: click.Parameter, told: str | None
) -> tuple[int, ...] | None:
    try:
        return None if told is None else tuple(int(part) for part in told.split(","))
    except ValueError:
        raise click.BadParameter("give whole numbers, as in 1,2,4,8", context, option) from None


@click.command("capacity")
@selection_options
@click.option(
    "--slo", metavar="'e2e_p95_s <= S'", help="A right answer counts if it came within S."
)
@click.option(
    "--levels",
    callback=_as_levels,
    metavar="C,C,…",
    help="Requests at once (1,2,4,8,16); up to four more levels are added around the knee.",
)
@click.option(
    "--visits",
    type=click.IntRange(1, 100),
    help="Visits to a level at most (3); fewer once it is decided whether it meets the SLO.",
)
@click.option("--resume", metavar="RUN", help="Finish a run that was interrupted.")
@limit_options
@click.option("--dry-run", is_flag=True, help="Print what the run would take, and stop.")
@json_option
def capacity_command(
    model: str | None,
    slo: str | None,
    levels: tuple[int, ...] | None,
    visits: int | None,
    resume: str | None,
    dry_run: bool,
    as_json: bool,
    **more: Any,
) -> None:
    """Find how many right answers a second an endpoint gives, and whether load makes them worse.

    Asks a suite at several levels of load, so many requests at once, in random order. First
    prints what the run takes at most. --slo is a quantile of end to end, median, p90, p95 or p99,
    with its limit in seconds: each level is visited until it is decided whether it meets that.
    """
    from liftlab.jobs import capacity

    here = project(**overrides_of(more))
    if resume:
        if slo or levels or visits:
            raise UsageError(
                "--resume goes on as the run began: leave out --slo, --levels, --visits"
            )
        finish(here, capacity.resume_capacity(here, taken(resume, here)), as_json)
        return
    if slo is None:
        raise UsageError("say when an answer is in time: --slo 'e2e_p95_s <= 15'")
    request = capacity.plan_capacity(
        here,
        slo,
        levels=capacity.LEVELS if levels is None else levels,
        visits=visits or capacity.VISITS,
        model=model,
    )
    bound = worst_case(capacity.at_most(request))
    if dry_run:
        click.echo(bound)
        return
    say(bound)
    finish(here, capacity.run_capacity(request), as_json)


@click.command("sessions")
@click.argument("named", required=False, metavar="[URL|NAME]")
@header_options
@click.option("--user-header", metavar="NAME", help="The header that says who calls.")
@click.option("--checks", type=A_PATH, metavar="FILE", help="Your own checks.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="How many checks run at once (8).")
@click.option(
    "--restart-hook",
    metavar="CMD",
    help="Command that restarts the server, to check what survives it.",
)
@click.option("--only", multiple=True, metavar="ID", help="Only this check; repeatable.")
@click.option("--resume", metavar="RUN", help="Finish a run that was interrupted.")
@json_option
def sessions_command(
    named: str | None,
    checks: Path | None,
    only: tuple[str, ...],
    resume: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Check the session API at URL: whose work is lost, leaks, or ends in an error.

    Prints each failure with its request and reply, and the command that shows it again. What the
    checks make on the server is deleted. Exit code 4 where the server answered no check, or does
    not offer these sessions.
    """
    from liftlab.jobs import running
    from liftlab.summary import summarize

    asked = {name: more.pop(name) for name in ("user_header", "concurrency", "restart_hook")}
    if resume:
        if named or only or checks:
            raise UsageError("--resume goes on as the run began: leave out URL, --only, --checks")
        here = project()
        run = running.resume_sessions(here, taken(resume, here), asked["restart_hook"])
    else:
        if not named:
            raise UsageError("name the server: liftlab sessions URL")
        here = project_of(named, {"protocol": "lift" if "://" in named else None, **more})
        run = running.run_suite(running.plan_sessions(here, path=checks, only=only, **asked))
    summary = summarize(run, here)
    print_run(summary, as_json)
    run_id, found = run.run.run_id, summary.sessions
    if found is not None and not found.judged:
        why = found.refused or "the server answered no check"
        raise EndpointUnreachable(f"{run_id}: {why}, so nothing is judged")
    if run.run.status == "partial":
        how = f"Go on with: liftlab sessions --resume {run_id}"
        raise RunIncomplete(f"{run_id}: ended early, what is done is kept. {how}")
