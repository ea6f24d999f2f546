"""`liftlab compare`: two runs over what they share."""

from __future__ import annotations

import json

import click

from liftlab.cli.options import json_option, project
from liftlab.errors import VerdictsUnproven


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
    from liftlab import jobs
    from liftlab.reporting.gate import pair_lines, ranking_lines

    if more:
        ranked = jobs.rank_runs(project(), [first, second, *more])
        lines = ranking_lines(ranked)
        click.echo(json.dumps(ranked.as_json(), indent=2) if as_json else "\n".join(lines))
        return
    pair = jobs.compare_runs(project(), first, second)
    if as_json:
        click.echo(json.dumps(pair.as_json(), indent=2, allow_nan=False))
    else:
        click.echo("\n".join(pair_lines(pair)))
    if pair.unproven:
        raise VerdictsUnproven(" ".join(pair.unproven))
