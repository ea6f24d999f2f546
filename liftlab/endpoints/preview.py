"""What a request looks like on the wire, secrets by the names of their variables."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liftlab.endpoints.base import Request
from liftlab.endpoints.connect import connect, secret_variables
from liftlab.endpoints.http import RecordingTransport
from liftlab.settings import EndpointSettings

_OURS = ("host", "content-length", "connection", "accept-encoding", "user-agent", "traceparent")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """One HTTP request; a secret reads `$NAME`, and `variables` has that name by its header."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    variables: Mapping[str, str]

    def as_curl(self) -> str:
        """Return the request as a line for a shell; a secret is read from its variable."""
        words = [f"curl -sS {shlex.quote(self.url)}"]
        for name, value in self.headers.items():
            header = f"{name}: {value}"
            secret = name in self.variables  # in double quotes, the shell fills it in
            words.append(f'-H "{header}"' if secret else f"-H {shlex.quote(header)}")
        words.append(f"--data-binary {shlex.quote(json.dumps(self.body))}")
        return " \\\n  ".join(words)

    def as_python(self) -> str:
        """Return the request as a script for httpx."""
        headers = ", ".join(f"{n!r}: {self._value(n, v)}" for n, v in self.headers.items())
        lines = ["import os", "", "import httpx", ""] if self.variables else ["import httpx", ""]
        return "\n".join(
            [
                *lines,
                f"body = {dict(self.body)!r}",
                f"headers = {{{headers}}}",
                f"reply = httpx.post({self.url!r}, json=body, headers=headers, timeout=300)",
                "print(reply.status_code, reply.text)",
            ]
        )

    def _value(self, name: str, value: str) -> str:
        if name not in self.variables:
            return repr(value)
        variable = self.variables[name]
        before = value.removesuffix(f"${variable}")
        read = f"os.environ[{variable!r}]"
        return f"{before!r} + {read}" if before else read


async def preview(settings: EndpointSettings, request: Request) -> SentRequest:
    """Return what the endpoint's adapter would send for a request, and send nothing."""
    secrets = secret_variables(settings)
    transport = RecordingTransport()
    endpoint = connect(settings, transport, environ={name: f"${name}" for name in secrets})
    try:
        await endpoint.generate(request)
    finally:
        await endpoint.close()
    _, url, headers, body = transport.sent[-1]
    shown = {name: value for name, value in headers.items() if name.lower() not in _OURS}
    return SentRequest(
        url=url,
        headers=shown,
        body=json.loads(body),
        variables={
            name: secret
            for name, value in shown.items()
            for secret in secrets
            if value in (f"${secret}", f"Bearer ${secret}")
        },
    )
