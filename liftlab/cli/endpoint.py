"""`liftlab health` and `serve`: the endpoint itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.options import json_option, named_endpoint, project_of
from liftlab.errors import EndpointUnreachable

if TYPE_CHECKING:
    from liftlab.endpoints.base import Health
    from liftlab.settings import EndpointSettings


@click.command("health")
@named_endpoint
@json_option
def health_command(
    named: str | None,
    model: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Ask every URL of an endpoint how it is; exit 4 if one is not well."""
    from liftlab.runner.endpoint_lifecycle import serving

    here = project_of(named, more)
    with serving(here.settings.chosen_endpoint(model)) as chosen:
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
    from liftlab.serving.local import LocalServer

    LocalServer(slots=slots, port=port).serve_forever(click.echo)


async def _health(endpoint: EndpointSettings) -> list[Health]:
    from liftlab.endpoints.connect import connected

    async with connected(endpoint) as client:
        return await client.health()
