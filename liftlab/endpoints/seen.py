"""What an exchange of a client of the user's own tells: tokens, model, server time, failures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import suppress

from liftlab.endpoints import completion, lift
from liftlab.endpoints.base import Redactor, Reply, Secret
from liftlab.endpoints.http import Exchange, bare_reply, class_of_status, headers_by_name
from liftlab.endpoints.replies import ReplyError, clean, parse_object
from liftlab.endpoints.retry_after import retry_after_s
from liftlab.endpoints.urls import shown
from liftlab.settings import holds_secret
from liftlab.timing.observed import Seen

_SHORTEST = 8  # of what is taken for a secret: "EMPTY" and the like are none


def secrets_of(headers: Sequence[tuple[str, str]]) -> Redactor:
    """Return what strikes out the secrets that a request's headers carry."""
    values = [value.rpartition(" ")[2] for name, value in headers if holds_secret(name)]
    return Redactor([Secret(value) for value in values if len(value) >= _SHORTEST])


def reply_of(seen: Seen) -> Reply:
    """Return an exchange as a reply without a value: what to make of it is the user's to say."""
    redact = secrets_of(seen.sent_headers)
    headers = {name: redact.text(value) for name, value in headers_by_name(seen.headers).items()}
    error_class, message = seen.error_class, seen.message
    if error_class is None and seen.status is not None:
        error_class = class_of_status(seen.status)
        message = None if error_class is None else f"HTTP {seen.status}"
    reply = bare_reply(
        Exchange(
            url=shown(seen.url),
            stamps=seen.stamps,
            status=seen.status,
            headers=headers,
            body=redact.content(seen.body),
            error_class=error_class,
            message=None if message is None else clean(redact.text(message)),
            retry_after_s=None if error_class is None else retry_after_s(headers),
        )
    )
    if error_class is not None:
        return reply
    reply = completion.described(reply, headers)
    with suppress(ReplyError):
        data = parse_object(reply.raw, lenient=True)
        if "choices" not in data:
            told = lift.described(data).items()
            known = {name: value for name, value in told if value is not None}
            reply = dataclasses.replace(reply, **known)
    return redact.reply(reply)
