"""What a server sends back without the secrets that were sent to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from liftlab.endpoints.base import Reply, Secret


class Redactor:
    """Strikes secrets out; what stands for one is as long, so that offsets hold.

    Examples
    --------
    >>> redact = Redactor([Secret("s3cret")])
    >>> redact.content(b"bad key s3cret"), redact.value({"said": ["s3cret!"]})
    (b'bad key ******', {'said': ['******!']})
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = [text for secret in secrets if (text := secret.reveal())]
        self._encoded = [text.encode() for text in self._secrets]

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def content(self, body: bytes) -> bytes:
        """Return bytes without secrets."""
        for secret in self._encoded:
            body = body.replace(secret, b"*" * len(secret))
        return body

    def text(self, text: str) -> str:
        """Return text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "*" * len(secret))
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets, as its escapes or its pieces may spell them."""
        if not self._secrets:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        return value

    def reply(self, reply: Reply) -> Reply:
        """Return a reply whose value and words are without secrets."""
        if not self._secrets:
            return reply
        names = ("value", "message", "response_id", "model", "finish_reason")
        return dataclasses.replace(
            reply, **{name: self.value(getattr(reply, name)) for name in names}
        )
