"""`liftlab init`: a project that works, in an empty folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path))
def init_command(folder: Path) -> None:
    """Set up a project in DIR (here by default), which must be empty or new."""
    from liftlab.jobs.layout import PARTS, lay_down

    made = lay_down(folder)
    there = "" if made == Path() else f"cd {made}; "
    click.echo(f"{made.absolute()}: {', '.join(PARTS)}")
    click.echo(
        f"Next: {there}liftlab report week2_day1 (the published day), or "
        f"{there}liftlab run --endpoint simulator"
    )
