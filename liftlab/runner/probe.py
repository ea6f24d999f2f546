"""One cheap request before the first trial: whether it is there, and what it takes.

It asks as the run will ask. A server that refuses a parameter by its name is asked again
without it, before anything is measured; from then on requests keep that form.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from liftlab.endpoints.base import Endpoint, Reply, Sampling
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.errors import EndpointUnreachable, InputInvalid
from liftlab.pipeline.base import Prompt, Stage
from liftlab.runner.attempt import Context, completed, prompt_artifact, row_apart
from liftlab.runner.plan import attempt_seed
from liftlab.runner.retry import retrying
from liftlab.runner.worker import emit
from liftlab.store.journal import Journal

PROBE_TOKENS = 64  # what it may answer at most; reasoning models refuse to answer in very few
_MOST_FORMS = 10  # a server that refuses more parameters than there are is not believed
_NOT_THERE = frozenset({"dns", "connect", "tls", "http_4xx"})
_HINTS = {
    401: "is the key right? token_env (--token-env) names the variable that holds it",
    403: "is the key right? token_env (--token-env) names the variable that holds it",
    404: "are the address and the model right?",
}


async def learn(ask: Callable[[], Awaitable[Reply]], name: str) -> Reply:
    """Ask until a request is not refused for a parameter, and return the last reply.

    Raises EndpointUnreachable if nobody is there, or every further request would be refused.
    """
    for _ in range(_MOST_FORMS):
        reply = await ask()
        if not reply.ask_otherwise:
            break
    if reply.final or reply.error_class in _NOT_THERE:
        hint = (
            "the account's quota is used up" if reply.final else _HINTS.get(reply.http_status or 0)
        )
        told = f"endpoint {name!r} answers no request: {reply.message}"
        raise EndpointUnreachable(f"{told} ({hint})" if hint else told)
    return reply


async def learn_and_record(
    learning: Awaitable[object] | None, endpoint: Endpoint, journal: Journal, sampling: Sampling
) -> None:
    """Learn, and write what requests leave out into the run's row, once; say it if anything is.

    `learning` learns when it is awaited; None where nothing may be sent before the first trial.
    Raises EndpointUnreachable as `learn`; the run is then `failed`. Raises InputInvalid if a run
    that goes on would have to leave out more than it did before.
    """
    recorded = journal.left_out()
    try:
        if learning is not None:
            await learning
        form = endpoint.form
        if recorded is None:
            no_seed = {"sampling_seed": None} if "seed" in form.left_out else {}
            left_out = ", ".join(sorted(form.left_out))
            journal.update_run(**form.sent(sampling), **no_seed, left_out=left_out)
        elif form.left_out != recorded:
            more = ", ".join(sorted(form.left_out - recorded))
            raise InputInvalid(
                f"the endpoint now refuses {more}, which this run's requests had: start a new run"
            )
    except EndpointUnreachable:
        journal.update_run(status="failed", finished_at=datetime.now(UTC).isoformat())
        raise
    if words := form.words():
        emit({"event": "learned", "words": words})


def cheap(sampling: Sampling) -> Sampling:
    """Return a run's sampling with a short answer."""
    return replace(sampling, max_tokens=min(sampling.max_tokens, PROBE_TOKENS))


_PROMPT = "Reply with the word ok."


@dataclass(frozen=True, slots=True)
class _Asked:
    """A reply, as `retrying` looks at it."""

    reply: Reply


async def learn_for_run(context: Context, endpoint: OpenAIEndpoint) -> None:
    """Learn how a run's requests have to look; each is an attempt of its own, in phase `probe`."""
    prompt = probe_prompt(context.stages)
    again = retrying(
        context.settings.retry,
        seed=context.run_seed,
        sleep=context.sleep,
        left_s=lambda: math.inf,
    )

    async def ask() -> Reply:
        asked: _Asked = await again(attempt)
        return asked.reply

    async def attempt() -> _Asked:
        row = row_apart(context, "probe")
        seed = attempt_seed(context.run_seed, "", row.seq, "probe", 1)
        request = replace(prompt, max_tokens=PROBE_TOKENS).as_request(
            row.request_id or "",
            context.sampling,
            seed,
            deadline_s=context.settings.deadline_s,
            stream=context.settings.stream,
        )
        row = replace(row, prompt_sha256=context.ledger.keep(prompt_artifact(prompt)))
        await context.ledger.attempt_sent(row)
        awakening = context.watch.called(context.clock.now_ns())
        reply = await endpoint.probe(request)
        context.ledger.attempt_ended(completed(context, row, awakening, reply))
        return _Asked(reply)

    await learn(ask, context.settings.name)


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
