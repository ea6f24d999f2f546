"""`liftlab quick`: one case, once, with everything that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.options import overrides_of, project, selection_options
from liftlab.cli.run import require_whole
from liftlab.cli.show import print_notes
from liftlab.cli.trial import trial_lines

if TYPE_CHECKING:
    from liftlab.store import RunData


@click.command("quick")
@click.argument("case", required=False)
@selection_options
def quick_command(
    case: str | None,
    suite: str | None,
    pipeline: str | None,
    model: str | None,
    temperature: float | None,
    seed: int | None,
    **more: Any,
) -> None:
    """Run one CASE (the suite's first by default) and print its attempts, code and checks."""
    from liftlab import jobs
    from liftlab.summary import summarize

    here = project(
        run__suite=suite,
        run__pipeline=pipeline,
        run__repeats=1,
        run__concurrency=1,
        run__seed=seed,
        sampling__temperature=temperature,
        **overrides_of(more),
    )
    request = jobs.plan_run(here, cases=[case or jobs.first_case(here)], model=model, quick=True)
    run = jobs.run_suite(request)
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
