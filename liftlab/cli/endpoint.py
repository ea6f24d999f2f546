"""`liftlab health`, `wake`, `serve` and `simulate`: endpoints, real and simulated."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import json_option, named_endpoint, project_of
from liftlab.errors import EndpointUnreachable

if TYPE_CHECKING:
    from liftlab.endpoints.base import WarmUp
    from liftlab.runner.warmup import WarmUpResult
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
    from liftlab.runner.endpoint_lifecycle import ask_health, serving

    here = project_of(named, more)
    with serving(here.settings.chosen_endpoint(model)) as chosen:
        answers = ask_health(chosen)
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


@click.command("wake")
@named_endpoint
@click.option("--until-warm", is_flag=True, help="Ask until the model is loaded, or time is up.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="When to give up, in seconds; default: the endpoint's warm_s, or 600.",
)
@json_option
def wake_command(
    named: str | None,
    model: str | None,
    until_warm: bool,
    timeout_s: float | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Warm an endpoint up, and print how long its cold start took; exit 4 if it is not warm."""
    from liftlab.jobs import running
    from liftlab.runner.endpoint_lifecycle import serving

    here = project_of(named, more)
    chosen = here.settings.chosen_endpoint(model)
    within_s = timeout_s or chosen.warm_s
    with serving(chosen) as served:
        woken = asyncio.run(_wake(served, within_s, until_warm))
    if as_json:
        click.echo(json.dumps(asdict(woken) | {"cold_s": woken.cold_s}, indent=2))
    else:
        click.echo(_words(woken))
        if woken.cold_s:
            click.echo(running.cold_plan(here, chosen.name, woken.cold_s))
    if not woken.ok:
        raise EndpointUnreachable(_how_to_go_on(woken, chosen, within_s, until_warm))


async def _wake(endpoint: EndpointSettings, within_s: float, until_warm: bool) -> WarmUpResult:
    from liftlab.endpoints.connect import connected
    from liftlab.runner.cold_start import LEAST_COLD_S
    from liftlab.runner.warmup import told_meanwhile, wake

    mark = secrets.token_hex(4)
    count = 0
    began_s = time.perf_counter()

    async with connected(endpoint) as client:

        async def ask(deadline_s: float) -> WarmUp:
            nonlocal count
            count += 1
            async with told_meanwhile(
                lambda: say(f"{time.perf_counter() - began_s:6.1f} s  no answer yet, waiting")
            ):
                return await client.warm(f"wake-{mark}-{count}", deadline_s)

        return await wake(
            client,
            ask,
            within_s=within_s,
            now_s=time.perf_counter,
            sleep=asyncio.sleep,
            until_warm=until_warm,
            tell=_tell,
            least_s=LEAST_COLD_S / endpoint.time_scale,
        )


def _tell(call: WarmUp, seconds: float) -> None:
    more = ", asking again" if call.starting else ""
    say(f"{seconds:6.1f} s  {call.status}{more}")


def _words(woken: WarmUpResult) -> str:
    from liftlab.reporting.text.slow import tenths

    if not woken.ok:
        return f"not warm after {tenths(woken.seconds)}: {woken.status}"
    if woken.calls == 0:
        return "this endpoint has no warm-up URL: nothing to wake"
    times = "one call" if woken.calls == 1 else f"{woken.calls} calls"
    said = f"warm after {tenths(woken.seconds)} and {times}"
    if woken.again_s is None:
        return f"{said}; a further call failed, so what a warm one takes is not known"
    said += f"; a further call took {tenths(woken.again_s)}"
    if not woken.cold_s:
        return f"{said}: it was awake already"
    most = "at most " if woken.calls > 1 else ""
    return f"{said}: the cold start took {most}{tenths(woken.cold_s)}, measured once"


def _how_to_go_on(
    woken: WarmUpResult, endpoint: EndpointSettings, within_s: float, until_warm: bool
) -> str:
    if not woken.starting:
        return f"{woken.url}: {woken.status}"
    if until_warm:
        return f"{woken.url} was not warm within {within_s:g} s: give it longer with --timeout"
    command = f"liftlab wake --endpoint {endpoint.name} --until-warm"
    return f"{woken.url} is starting: wait for it with {command}"


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
