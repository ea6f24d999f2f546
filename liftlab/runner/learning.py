"""One cheap request before the first trial: whether it is there, and what it takes.

It asks as the run will ask. A server that refuses a parameter by its name is asked again
without it, before anything is measured; from then on requests keep that form.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from liftlab.endpoints.base import Endpoint, Reply, Sampling
from liftlab.endpoints.form import Form
from liftlab.errors import EndpointUnreachable, InputInvalid
from liftlab.runner.duty import emit
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

    `ask`: sends one request in the form that the endpoint takes as far as it is known. `name`: the
    endpoint's, for people. Raises EndpointUnreachable if nobody is there, or every further request
    would be refused as well.
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

    Raises EndpointUnreachable as `learn`; the run is then `failed`. Raises InputInvalid if a run
    that goes on would have to leave out more than it did before.

    Parameters
    ----------
    learning
        Learns when it is awaited; None where nothing may be sent before the first trial.
    endpoint
        Its form is what is written.
    journal, sampling
        The run's.
    """
    recorded = journal.left_out()
    try:
        if learning is not None:
            await learning
        form = endpoint.form
        if recorded is None:
            journal.update_run(**_columns_of(form, sampling))
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


def _columns_of(form: Form, sampling: Sampling) -> dict[str, Any]:
    """Return the run's columns that say what its requests have, and what they leave out."""
    told: dict[str, Any] = form.sent(sampling)
    if "seed" in form.left_out:
        told["sampling_seed"] = None
    return {**told, "left_out": ", ".join(sorted(form.left_out))}


def cheap(sampling: Sampling) -> Sampling:
    """Return a run's sampling with a short answer."""
    return replace(sampling, max_tokens=min(sampling.max_tokens, PROBE_TOKENS))
