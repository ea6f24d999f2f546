"""`liftlab capacity`: right answers a second at several levels of load, and where that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import (
    json_option,
    limit_options,
    overrides_of,
    project,
    selection_options,
    taken,
)
from liftlab.errors import UsageError

if TYPE_CHECKING:
    from liftlab.summary import RunSummary
    from liftlab.summary.capacity import Capacity


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
    suite: str | None,
    pipeline: str | None,
    model: str | None,
    temperature: float | None,
    seed: int | None,
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
    from liftlab.cli.run import finish, worst_case
    from liftlab.jobs import capacity

    here = project(
        run__suite=suite,
        run__pipeline=pipeline,
        run__seed=seed,
        sampling__temperature=temperature,
        **overrides_of(more),
    )
    if resume:
        if slo or levels or visits:
            raise UsageError(
                "--resume goes on as the run began: leave out --slo, --levels, --visits"
            )
        finish(here, capacity.resume_capacity(here, taken(resume, here)), as_json)
        return
    if slo is None:
        raise UsageError("say when an answer is in time: --slo 'e2e_p95_s <= 15'")
    told = {"levels": levels, "visits": visits}
    given: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    request = capacity.plan_capacity(here, slo, model=model, **given)
    bound = worst_case(capacity.at_most(request))
    if dry_run:
        click.echo(bound)
        return
    say(bound)
    finish(here, capacity.run_capacity(request), as_json)


def capacity_json(summary: RunSummary, found: Capacity) -> dict[str, object]:
    """Return a capacity run for scripts."""
    from liftlab.records import as_row

    names = ("value", "low", "high", "n", "reason")

    def told(estimate: Any) -> dict[str, object]:
        return {name: getattr(estimate, name) for name in names}

    return {
        "run": as_row(summary.run.run),
        "slo": {"metric": found.plan.metric, "limit_s": found.plan.limit_s},
        "knee": told(found.knee),
        "goodput_right_per_s": told(found.goodput),
        "best_at_once": found.best and found.best.at_once,
        "levels": [
            {
                "at_once": level.at_once,
                "under_way": level.timed.under_way,
                "visits": level.visits,
                "trials": level.trials,
                "answered": level.answered,
                "right_in_time": level.within,
                "goodput_right_per_s": told(level.goodput),
                "right_per_usd": told(level.per_usd),
                "slo": level.slo.verdict,
                "answers": level.change and level.change.verdict,
                "difference": level.change and told(level.change.difference),
            }
            for level in found.levels
        ],
        "targets": [target.as_json() for target in summary.targets.rows],
    }
