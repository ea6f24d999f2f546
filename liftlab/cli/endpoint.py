"""`liftlab health` and `serve`: the endpoint itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from liftlab.cli.options import endpoint_options, json_option, project
from liftlab.errors import EndpointUnreachable

if TYPE_CHECKING:
    from liftlab.endpoints.base import Health
    from liftlab.settings import EndpointSettings


@click.command("health")
@endpoint_options
@json_option
def health_command(endpoint: str | None, protocol: str | None, as_json: bool) -> None:
    """Ask every URL of an endpoint how it is; exit 4 if one is not well."""
    from liftlab.runner.served import serving

    with serving(_chosen(endpoint, protocol)) as chosen:
        answers = asyncio.run(_health(chosen))
    if as_json:
        click.echo(json.dumps([asdict(answer) for answer in answers], indent=2))
    else:
        for answer in answers:
            facts = ", ".join(filter(None, (answer.model, answer.hardware)))
            click.echo(f"{'ok ' if answer.ok else 'BAD'}  {answer.url}  {answer.status}  {facts}")
    if not all(answer.ok for answer in answers):
        raise EndpointUnreachable("not every URL is well")


@click.command("serve")
@click.option("--slots", type=click.IntRange(1, 64), default=1, help="Requests served at once.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: any free port.")
def serve_command(slots: int, port: int) -> None:
    """Serve the embedded model on loopback, over the lift protocol and OpenAI's, until Ctrl-C."""
    from liftlab.serving.local import serve_forever

    serve_forever(slots=slots, port=port)


def _chosen(endpoint: str | None, protocol: str | None) -> EndpointSettings:
    here = project(run__endpoint=endpoint, run__protocol=protocol).settings
    return here.endpoint(here.run.endpoint, here.run.protocol)


async def _health(endpoint: EndpointSettings) -> list[Health]:
    from liftlab.endpoints.connect import connected

    async with connected(endpoint) as client:
        return await client.health()
