"""`liftlab simulate`: an endpoint with known times, for trying things out."""

from __future__ import annotations

import click


@click.command("simulate")
@click.option("--profile", default="fast", show_default=True, metavar="NAME|FILE.toml")
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Divide every time by this.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: any free port.")
@click.option(
    "--log",
    type=click.Path(dir_okay=False),
    help="Append the true times and answers, one JSON line per request.",
)
def simulate_command(profile: str, time_scale: float, port: int, log: str | None) -> None:
    """Simulate an endpoint on loopback, over the lift protocol and OpenAI's, until Ctrl-C."""
    from liftlab.serving.simulator import SimulatorServer

    SimulatorServer(profile, time_scale=time_scale, port=port, log=log).serve_forever(click.echo)
