"""`liftlab quick`: one case, once, with everything that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.options import overrides_of, project, selection_options
from liftlab.cli.run import require_answers
from liftlab.cli.show import print_notes
from liftlab.words import printable

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

    here = project(
        run__suite=suite,
        run__pipeline=pipeline,
        run__repeats=1,
        run__concurrency=1,
        run__seed=seed,
        sampling__temperature=temperature,
        **overrides_of(more),
    )
    request = jobs.plan_run(here, cases=[case or jobs.first_case(here)], model=model)
    run = jobs.run_suite(request)
    print_trial(run)
    require_answers(run)


def print_trial(run: RunData) -> None:
    """Print the one trial of a run."""
    from liftlab.summary.examples import code_of

    trial = run.trials.iloc[0]
    click.echo(f"{trial['case_id']}  ({run.run.run_id})\n")
    shown = run.attempts[run.attempts["phase"] == "measure"].copy()
    shown["seconds"] = (shown["last_byte_s"] - shown["sent_s"]).round(3)
    columns = ["stage", "attempt", "seconds", "output_tokens", "finish_reason", "valid"]
    shown["why asked"] = shown["retry_reason"].fillna("")
    shown["error"] = shown["error_class"].fillna("")
    click.echo(shown[[*columns, "error", "why asked"]].to_string(index=False, na_rep=""))
    code = code_of(run, trial["case_id"], int(trial["repeat"]))
    if code is not None:
        click.echo(f"\n{printable(code)}")
    click.echo()
    for _, check in run.checks.iterrows():
        told = "" if check["passed"] else f": {check['error'] or 'got ' + str(check['actual'])}"
        click.echo(f"  {'pass' if check['passed'] else 'FAIL'}  {check['check']}{printable(told)}")
    outcome, failure = trial["outcome"], trial["failure_class"]
    seconds = "no time" if trial["e2e_s"] != trial["e2e_s"] else f"{trial['e2e_s']:.2f} s"
    click.echo(f"\n{outcome}{f' ({failure})' if isinstance(failure, str) else ''}, {seconds}")
    print_notes(run)
