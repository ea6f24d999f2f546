"""`liftlab run`: run a suite, resume one, or say what it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from liftlab.cli.main import say
from liftlab.cli.options import json_option, project, selection_options
from liftlab.errors import EndpointUnreachable

if TYPE_CHECKING:
    from liftlab.runner.control import RunRequest
    from liftlab.store import RunData


@click.command("run")
@selection_options
@click.option("--repeats", type=click.IntRange(1), help="How often each case is run.")
@click.option("--concurrency", type=click.IntRange(1), help="How many trials run at once.")
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case; repeatable.")
@click.option("--category", "categories", multiple=True, help="Only this category; repeatable.")
@click.option("--resume", metavar="RUN", help="Finish a run that was broken off.")
@click.option("--memory", is_flag=True, help="First measure client memory, in a pass of its own.")
@click.option("--dry-run", is_flag=True, help="Say what the run would take, and stop.")
@json_option
def run_command(
    suite: str | None,
    endpoint: str | None,
    protocol: str | None,
    pipeline: str | None,
    model: str | None,
    temperature: float | None,
    seed: int | None,
    repeats: int | None,
    concurrency: int | None,
    cases: tuple[str, ...],
    categories: tuple[str, ...],
    resume: str | None,
    memory: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run a suite against an endpoint, grade the answers, and print what came out."""
    from liftlab import jobs

    here = project(
        run__suite=suite,
        run__endpoint=endpoint,
        run__protocol=protocol,
        run__pipeline=pipeline,
        run__repeats=repeats,
        run__concurrency=concurrency,
        run__seed=seed,
        sampling__temperature=temperature,
    )
    if resume:
        finish(jobs.resume_run(here, resume), as_json)
        return
    request = jobs.plan_run(here, cases=cases, categories=categories, model=model, memory=memory)
    if request.sampling.temperature == 0:
        say("temperature 0: retries and repeats will be copies of the first answer")
    if dry_run:
        _print_bounds(request)
        return
    finish(jobs.run_suite(request), as_json)


def finish(run: RunData, as_json: bool) -> None:
    """Print a run that has just ended; exit 4 if the endpoint failed every trial."""
    from liftlab.cli.show import print_run

    print_run(run, as_json)
    if len(run.trials) and (run.trials["outcome"] == "error").all():
        raise EndpointUnreachable(f"{run.run.run_id}: every trial is an endpoint error")


def _print_bounds(request: RunRequest) -> None:
    from liftlab import jobs

    limits = jobs.bounds_of(request)
    cost = "unknown price" if limits.usd_max is None else f"at most {limits.usd_max:.2f} USD"
    click.echo(
        f"{limits.trials} trials of {request.suite.name} through {request.pipeline.name} "
        f"on {request.endpoint.name}, {request.concurrency} at once\n"
        f"calls           {limits.calls_min} to {limits.calls_max}\n"
        f"output tokens   at most {limits.output_tokens_max}\n"
        f"time            at most {limits.seconds_max / 60:.0f} min, "
        f"every call at its deadline; {jobs.likely_duration(request)}\n"
        f"cost            {cost}"
    )
