"""Makes the calls of one check, and keeps what came of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from liftlab.endpoints.connect import headers_of, transport_of
from liftlab.endpoints.seen import secrets_of
from liftlab.runner.attempt import Context
from liftlab.runner.trace import Trace
from liftlab.sessions import clean_up
from liftlab.sessions.checks import Checks, needed_by_expectations
from liftlab.sessions.clean_up import MADE_UP, CleanUp
from liftlab.sessions.model import StepModel, User
from liftlab.sessions.pulse import Pulse
from liftlab.sessions.record import Exchange
from liftlab.sessions.remains import Headers, Made, Remains
from liftlab.sessions.template import fill, fill_text, places
from liftlab.settings import EndpointSettings
from liftlab.timing.failures import TransportFailure
from liftlab.timing.observed import observed
from liftlab.timing.transport import verifying_tls

_BEGUN_S = 0.1  # by then a server has begun with what it has
_SHOWN_BYTES = 4_000  # of a request's body
_KEPT = {"content-type", "location", "retry-after", "allow"}
_IN_PATHS = "/:?&=%@!$'()*+,;~-._[]"
_USER_AGENT = (("accept-encoding", "identity"), ("user-agent", "liftlab"))


# The call's name, its method, path, headers and body.
Request = tuple[str, str, str, Sequence[tuple[str, str]], bytes]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the calls of all checks of a run share."""

    checks: Checks
    endpoint: EndpointSettings
    context: Context
    pulse: Pulse
    restart_hook: str | None = None
    remains: Remains = field(default_factory=Remains)

    @property
    def base_url(self) -> str:
        """The address that paths of calls are added to; one that has the API's base keeps it."""
        url, base = (self.endpoint.base_url or "").rstrip("/"), self.checks.api.base
        return url if urlsplit(url).path.endswith(base.rstrip("/")) else url + base

    @property
    def scope(self) -> dict[str, Any]:
        """The variables that a check begins with."""
        return {**self.checks.values, "run": self.context.run_id[-4:], "n": 1}


class Caller:
    """The calls of one check, over connections of their own: no other check can break them."""

    def __init__(
        self, setup: Setup, check_id: str, trace: Trace | None = None, *, keeps: bool = True
    ) -> None:
        """Make calls of a check; `keeps` replies where there are rows that name them."""
        self._setup, self._check_id, self._trace, self._keeps = setup, check_id, trace, keeps
        self._api = setup.checks.api
        self.wire = transport_of(setup.endpoint)
        self._secret = headers_of(setup.endpoint)
        self._redact = secrets_of(list(self._secret.items()))
        self.clean_up = CleanUp(self._api, self.call_as, setup.remains)

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.aclose()

    async def call(
        self, step: StepModel, name: str, at: str, scope: Mapping[str, Any]
    ) -> tuple[Exchange, bytes]:
        """Make a call as a step says; raises Unset if one of its variables has no value."""
        user, label = self.user(step.user, scope)
        scope = {**scope, "user": user[0][1] if user else ""}
        call = self._api.calls[name]
        path = _path(call.path if step.path is None else step.path, scope)
        if query := fill(step.query, scope):
            path += ("&" if "?" in path else "?") + urlencode(query, doseq=True)
        body = _body(step, call.body, scope)
        headers = self.headers(user)
        if body:
            headers.append(("content-type", step.content_type))
        request = name, step.method or call.method, path, headers, body
        deadline_s = step.deadline_s or call.deadline_s or self._api.deadline_s
        made = None
        if call.makes is not None:
            made = self._setup.remains.begun(self._check_id, name, user, deadline_s)
        if step.break_off:
            await break_off(self._setup.endpoint, self._setup.base_url, request)
            said = "broken off, as the check says"
            exchange, content = replace(self._exchange(request), message=said, judged=False), b""
            if made is not None:
                self._setup.remains.ended(made)
        else:
            sending = self._sent(request, deadline_s, made)
            last_s = 0.0 if made is None else clean_up.LAST_REPLY_S  # it names what is to go
            exchange, content = await clean_up.uninterrupted(sending, last_s)
            self._note_deleted(exchange, scope)
        needed = needed_by_expectations(step) - self._setup.checks.values.keys()
        given = {key: scope[key] for key in sorted(needed) if key in scope}
        return replace(exchange, at=at, user=label, given=given), content

    async def call_as(
        self, name: str, user: Headers, scope: Mapping[str, Any]
    ) -> tuple[Exchange, bytes]:
        """Make a call to clean up, without a body."""
        call = self._api.calls[name]
        path = _path(call.path, {**self._setup.checks.values, **scope})
        request = name, call.method, path, self.headers(user), b""
        return await self._sent(request, clean_up.CLEAN_UP_S)

    def user(self, user: User, scope: Mapping[str, Any]) -> tuple[Headers, str]:
        """Return the headers that say who calls, in a resumed run the same, and them in words."""
        header = self._api.user_header
        if header is None:
            return (), "none"
        if isinstance(user, dict):
            return ((header, _header(str(fill(user["raw"], scope)))),), "raw"
        names = [fill_text(one, scope) for one in ([user] if isinstance(user, str) else user)]
        own = sha256(f"{self._setup.context.run_id}:{self._check_id}".encode()).hexdigest()[:10]
        known = self._api.users
        headers = [(header, _header(known.get(n) or f"{MADE_UP}{n}-{own}")) for n in names]
        return tuple(headers), " and ".join(names) or "none"

    def headers(self, user: Headers) -> list[tuple[str, str]]:
        """Return the headers of a call without a body."""
        return [*_USER_AGENT, *self._api.headers.items(), *self._secret.items(), *user]

    def _exchange(self, request: Request) -> Exchange:
        name, method, path, _, body = request
        shown = self._redact.content(body)[:_SHOWN_BYTES].decode("utf-8", "replace")
        path = self._redact.text(path)
        return Exchange(at="", call=name, method=method, path=path, user="", request=shown)

    def _note_deleted(self, one: Exchange, scope: Mapping[str, Any]) -> None:
        clean_up = self._api.clean_up
        if clean_up and one.call == clean_up.call and one.status and one.status < 300:
            self.clean_up.deleted(self._check_id, str(scope.get(clean_up.variable)))

    async def _sent(
        self, request: Request, deadline_s: float, made: Made | None = None
    ) -> tuple[Exchange, bytes]:
        """Make a call, of which something may be `made`."""
        name, method, path, headers, body = request
        exchange, url = self._exchange(request), self._setup.base_url + path
        keeps = self._keeps
        pulse, redacted, lost_kept = self._setup.pulse, self._redact.text, self.wire.lost_kept
        try:
            with self._trace.stage(name) if self._trace else nullcontext():
                answer, stamps, _ = await observed(
                    self.wire, method, url, headers, body, deadline_s
                )
        except TransportFailure as failure:
            if made is not None:
                self.clean_up.failed(made, failure.error_class)
            await pulse.missed(failure)
            said, seconds = redacted(str(failure)), failure.stamps.seconds
            exchange = replace(exchange, error_class=failure.error_class, elapsed_s=seconds)
            return replace(exchange, message=said), b""
        pulse.heard()
        content = self._redact.content(answer.content)
        if made is not None:
            self.clean_up.heard(made, answer.status, content)
            if self.wire.lost_kept and not lost_kept:  # sent twice: the first may have come through
                self._setup.remains.begun(made.check, made.call, made.user, 0)
        received = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers}
        return replace(
            exchange,
            reply_sha256=self._setup.context.ledger.keep(content) if content and keeps else None,
            status=answer.status,
            headers={k: redacted(received[k])[:500] for k in _KEPT & received.keys()},
            elapsed_s=stamps.seconds,
        ), content


async def silence_of(setup: Setup, patience_s: float = 10.0) -> str | None:
    """Make the plainest call there is; return why it has no reply, or None."""
    calls, caller = list(setup.checks.api.calls.values()), Caller(setup, "probe")
    plain = (call for call in calls if call.method == "GET" and not [*places(call.path)])
    call = next(plain, calls[0])
    url = setup.base_url + _path(call.path, dict.fromkeys(places(call.path), "probe"))
    headers = caller.headers(caller.user("a", {})[0])
    try:
        await observed(caller.wire, call.method, url, headers, b"", patience_s)
    except TransportFailure as failure:
        return str(failure)
    finally:
        await caller.close()
    return None


async def break_off(endpoint: EndpointSettings, base_url: str, request: Request) -> None:
    """Send a request's head and half of its body; what that does, the calls after it show."""
    _, method, path, headers, body = request
    parts = urlsplit(base_url + path)
    secure = parts.scheme == "https"
    tls = verifying_tls(endpoint.ca_file and str(endpoint.ca_file)) if secure else None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    with suppress(OSError):
        async with asyncio.timeout(endpoint.connect_s):
            port = parts.port or (443 if secure else 80)
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
            writer.write("\r\n".join(lines).encode("latin-1") + body[: len(body) // 2])
            await writer.drain()
            await asyncio.sleep(_BEGUN_S)
            writer.close()
            await writer.wait_closed()


def _body(step: StepModel, default: Any, scope: Mapping[str, Any]) -> bytes:
    told = step.model_fields_set
    if "hex" in told:
        return bytes.fromhex(step.hex or "")
    if "raw" in told:
        return str(fill(step.raw, scope)).encode("utf-8", "surrogatepass")
    template = step.body if "body" in told else default
    if step.change:
        template = {**(template if isinstance(template, dict) else {}), **step.change}
    return b"" if template is None else json.dumps(fill(template, scope)).encode()


def _path(template: str, scope: Mapping[str, Any]) -> str:
    """Return a path; what variables bring is quoted, so that an id is one part of it."""

    def quoted(text: str, safe: str) -> str:
        return quote(text, safe, errors="surrogatepass")  # half a character, too

    parts = {name: quoted(fill_text(f"{{{name}}}", scope), "") for name in places(template)}
    return quoted(fill_text(template, parts), _IN_PATHS)


def _header(text: str) -> str:
    """Return text as a header can carry it: UTF-8 bytes, and no end of a line."""
    return re.sub(r"[\r\n]", " ", text.encode("utf-8", "replace").decode("latin-1"))
