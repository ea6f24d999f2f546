"""The request before the first trial of a run, which asks as the trials will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from liftlab.endpoints.base import Reply, Request
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.pipeline.base import Prompt, Stage
from liftlab.runner.attempt import completed, prompt_artifact
from liftlab.runner.context import Context
from liftlab.runner.learning import cheap, learn
from liftlab.runner.plan import attempt_seed
from liftlab.runner.retry import retrying
from liftlab.runner.waking import row_apart

_PROMPT = "Reply with the word ok."


@dataclass(frozen=True, slots=True)
class _Asked:
    """A reply, as `retrying` looks at it."""

    reply: Reply


async def learn_for_run(context: Context, endpoint: OpenAIEndpoint) -> None:
    """Learn how a run's requests have to look; each is an attempt of its own, in phase `probe`."""
    prompt = probe_prompt(context.stages)
    again = retrying(
        context.retry, seed=context.run_seed, sleep=context.sleep, left_s=lambda: float("inf")
    )

    async def ask() -> Reply:
        asked: _Asked = await again(attempt)
        return asked.reply

    async def attempt() -> _Asked:
        row = row_apart(context, "probe")
        seed = attempt_seed(context.run_seed, "", row.seq, "probe", 1)
        request = Request(
            prompt=prompt.text,
            system=prompt.system,
            schema=prompt.schema,
            needs=prompt.needs,
            stop=prompt.stop,
            request_id=row.request_id or "",
            sampling=replace(cheap(context.sampling), seed=seed),
            deadline_s=context.deadline_s,
            stream=context.stream,
        )
        row = replace(row, prompt_sha256=context.ledger.keep(prompt_artifact(prompt)))
        await context.ledger.attempt_sent(row)
        awakening = context.watch.called(context.clock.now_ns())
        reply = await endpoint.probe(request)
        wait = context.watch.ended(awakening, reply)
        context.ledger.attempt_ended(completed(row, reply, wait, context.clock, context.ledger))
        return _Asked(reply)

    await learn(ask, context.endpoint_name)


def probe_prompt(stages: Sequence[Stage]) -> Prompt:
    """Return a short prompt that comes with what the first stage of a run comes with.

    A stage with a schema goes before others. One that needs the values of stages before it
    cannot be asked for alone.
    """
    prompts = []
    for stage in stages:
        try:
            prompts.append(stage.prompt(_PROMPT, {}))
        except Exception:  # noqa: S112  # foreign code, without the values that it waits for
            continue
    first = next((p for p in prompts if p.schema is not None), prompts[0] if prompts else None)
    return Prompt(text=_PROMPT) if first is None else replace(first, text=_PROMPT)
