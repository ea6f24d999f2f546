"""Makes the calls of one check, keeps what came of them, and deletes what they made."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from liftlab.endpoints.base import Redactor
from liftlab.endpoints.connect import headers_of, transport_of
from liftlab.endpoints.seen import secrets_of
from liftlab.runner.context import Context
from liftlab.runner.trace import Trace
from liftlab.sessions.break_off import break_off
from liftlab.sessions.checks import Checks
from liftlab.sessions.model import CallModel, StepModel, UserModel
from liftlab.sessions.paths import look_up
from liftlab.sessions.pulse import Pulse, ServerDown
from liftlab.sessions.record import Exchange
from liftlab.sessions.template import fill, fill_text, places
from liftlab.settings import EndpointSettings
from liftlab.timing.failures import TransportFailure
from liftlab.timing.observed import observed

_CLEAN_UP_S, _CLEAN_UP_LANES = 4.0, 16  # twice that is less than a stopped run is given
_GONE = (404, 410)
_SHOWN_BYTES = 4_000  # of a request's body
_SHARED_LIST = (
    "the server lists everybody's work to everybody: what a call made whose reply was lost "
    "cannot be told from it, and stays"
)
_KEPT_HEADERS = ("content-type", "location", "retry-after", "allow")
_IN_PATHS = "/:?&=%@!$'()*+,;~-._[]"
T = TypeVar("T")
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the calls of all checks of a run share."""

    checks: Checks
    endpoint: EndpointSettings
    context: Context
    pulse: Pulse
    restart_hook: str | None = None
    unsure: set[Headers] = field(default_factory=set)  # users to look at once more in the end

    @property
    def base_url(self) -> str:
        """The address that paths of calls are added to; one that has the API's base keeps it."""
        url, base = (self.endpoint.base_url or "").rstrip("/"), self.checks.api.base
        return url if urlsplit(url).path.endswith(base.rstrip("/")) else url + base


def user_name(run_id: str, check_id: str, name: str) -> str:
    """Return the user that liftlab makes up for a check: the same when the run is resumed."""
    return f"liftlab-{name}-{sha256(f'{run_id}:{check_id}'.encode()).hexdigest()[:10]}"


class Caller:
    """The calls of one check, over connections of their own: no other check can break them."""

    def __init__(self, setup: Setup, check_id: str, trace: Trace | None = None) -> None:
        self._setup, self._check_id, self._trace = setup, check_id, trace
        self._api = setup.checks.api
        self._wire = transport_of(setup.endpoint)
        self._secret = headers_of(setup.endpoint)
        self._redact: Redactor = secrets_of(list(self._secret.items()))
        self._made: dict[str, Headers] = {}  # ids of what is there, with the user who made it
        self._unsure: set[Headers] = set()  # users who may have made what no reply named

    @property
    def lost_kept(self) -> bool:
        """Whether the server closed a connection that it was to keep."""
        return self._wire.lost_kept

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def call(
        self, step: StepModel, name: str, at: str, scope: Mapping[str, Any]
    ) -> tuple[Exchange, bytes]:
        """Make a call as a step says; raises Unset if one of its variables has no value."""
        user, label = self._user(step.user)
        scope = {**scope, "user": user[0][1] if user else ""}
        call = self._api.calls[name]
        path = _path(call.path if step.path is None else step.path, scope)
        if query := fill(step.query, scope):
            path += ("&" if "?" in path else "?") + urlencode(query, doseq=True)
        body, content_type = self._body(step, call.body, scope)
        headers = [*self._api.headers.items(), *self._secret.items(), *user]
        if body and content_type:
            headers.append(("content-type", content_type))
        headers += [(key, _header(fill_text(str(v), scope))) for key, v in step.headers.items()]
        method = step.method or call.method
        if step.break_off:
            await break_off(
                self._setup.endpoint, method, self._setup.base_url + path, headers, body
            )
            exchange = Exchange(
                at=at, call=name, method=method, path=self._redact.text(path), user=label,
                message="broken off in the middle, as the check says", judged=False,
            )  # fmt: skip
            self._remember(name, user, scope, exchange, b"")
            return exchange, b""
        deadline_s = step.deadline_s or call.deadline_s or self._api.deadline_s
        try:
            exchange, content = await self._exchanged(name, method, path, headers, body, deadline_s)
        except BaseException:  # given up, or the server is down: it may have made something
            if call.makes is not None:
                self._doubt(user)
            raise
        self._remember(name, user, scope, exchange, content)
        needed = set(places([one.model_dump(by_alias=True) for one in step.expect.that]))
        needed |= set(places([[one.returns] for one in step.expect.code]))
        known = needed - self._setup.checks.values.keys()
        given = {key: scope[key] for key in sorted(known) if key in scope}
        return replace(exchange, at=at, user=label, given=given), content

    async def probe(self, step: StepModel, call: CallModel, deadline_s: float) -> int:
        """Make a call outside of all checks, and return its status. Raises TransportFailure."""
        path = _path(call.path, dict.fromkeys(places(call.path), "probe"))
        headers = [*self._api.headers.items(), *self._secret.items(), *self._user(step.user)[0]]
        url = self._setup.base_url + path
        answer, *_ = await observed(self._wire, call.method, url, headers, b"", deadline_s)
        return answer.status

    async def clean_up(self) -> list[str]:
        """Delete what the check made, within a few seconds; name what could not be deleted."""
        if self._api.clean_up is None or not (self._made or self._unsure):
            return []
        left: list[str] = []
        limit = asyncio.Semaphore(_CLEAN_UP_LANES)

        async def delete(made: str, user: Headers) -> None:
            async with limit:
                said = await self._deleted(made, user)
            if said is None:
                self._made.pop(made, None)
            else:
                left.append(f"{made[:100]}: {said}")

        try:
            async with asyncio.timeout(_CLEAN_UP_S):
                for user in self._unsure:
                    self._made |= dict.fromkeys(await self._listed(user), user)
                await asyncio.gather(*(delete(*one) for one in list(self._made.items())))
        except (TimeoutError, ServerDown) as error:
            told = {line.partition(":")[0] for line in left}
            why = str(error) or "no time left"
            left += [f"{made[:100]}: {why}" for made in self._made if made[:100] not in told]
        return left

    def own(self, names: Sequence[str], made: Sequence[str]) -> None:
        """Take over what an earlier, broken-off session of this check may have left."""
        users = [self._user(name)[0] for name in names]
        self._unsure.update(users)
        self._made |= dict.fromkeys(made, users[0] if users else ())

    def own_doubts(self) -> None:
        """Take over all users of the run who may have made what no reply named."""
        self._unsure |= self._setup.unsure

    def _user(self, user: str | UserModel) -> tuple[Headers, str]:
        """Return the headers that say who calls, and how a person reads that."""
        header = self._api.user_header
        if header is None:
            return (), "none"
        if isinstance(user, str):
            return ((header, _header(self._name(user))),), user
        if user.several:
            named = tuple((header, _header(self._name(name))) for name in user.several)
            return named, " and ".join(user.several)
        if user.none:
            return (), "none"
        return ((header, _header(str(fill(user.raw, self._setup.checks.values)))),), "raw"

    def _name(self, name: str) -> str:
        known = self._api.users.get(name)
        return known or user_name(self._setup.context.run_id, self._check_id, name)

    def _body(
        self, step: StepModel, default: Any, scope: Mapping[str, Any]
    ) -> tuple[bytes, str | None]:
        told = step.model_fields_set
        if "hex" in told:
            return bytes.fromhex(step.hex or ""), step.content_type or "application/json"
        if "raw" in told:
            text = str(fill(step.raw, scope))
            return text.encode("utf-8", "surrogatepass"), step.content_type or "application/json"
        template = step.body if "body" in told else default
        if step.change is not None:
            template = {**(template if isinstance(template, dict) else {}), **step.change}
        if template is None:
            return b"", None
        return json.dumps(fill(template, scope)).encode(), step.content_type or "application/json"

    async def _exchanged(
        self,
        name: str,
        method: str,
        path: str,
        headers: list[tuple[str, str]],
        body: bytes,
        deadline_s: float,
    ) -> tuple[Exchange, bytes]:
        keep = self._setup.context.ledger.keep
        exchange = Exchange(at="", call=name, method=method, path=self._redact.text(path), user="")
        url = self._setup.base_url + path
        headers = [("accept-encoding", "identity"), ("user-agent", "liftlab"), *headers]
        shown = self._redact.content(body)[:_SHOWN_BYTES].decode("utf-8", "replace")
        try:
            if self._trace is None:
                answer, stamps, _ = await observed(
                    self._wire, method, url, headers, body, deadline_s
                )
            else:
                with self._trace.stage(name):
                    answer, stamps, _ = await observed(
                        self._wire, method, url, headers, body, deadline_s
                    )
        except TransportFailure as failure:
            await self._setup.pulse.missed(name, failure)
            return replace(
                exchange,
                request=shown,
                error_class=failure.error_class,
                message=self._redact.text(str(failure)),
                elapsed_s=failure.stamps.seconds,
            ), b""
        self._setup.pulse.heard(name)
        content = self._redact.content(answer.content)
        received = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers}
        return replace(
            exchange,
            request=shown,
            reply_sha256=keep(content) if content else None,
            status=answer.status,
            headers={k: self._redact.text(v)[:500] for k, v in received.items()
                     if k in _KEPT_HEADERS},
            elapsed_s=stamps.seconds,
        ), content  # fmt: skip

    def _remember(
        self, name: str, user: Headers, scope: Mapping[str, Any], one: Exchange, content: bytes
    ) -> None:
        """Note what a call made, may have made, or took away."""
        clean_up, call = self._api.clean_up, self._api.calls[name]
        if clean_up is None:
            return
        good = one.status is not None and one.status < 300
        if call.makes is not None:
            made = id_of(content, call.makes)
            if made is not None:
                self._made[made] = user
            elif good or one.status is None or one.status >= 500:
                self._doubt(user)
        elif name == clean_up.call and good and clean_up.variable in scope:
            self._made.pop(str(scope[clean_up.variable]), None)

    def _doubt(self, user: Headers) -> None:
        self._unsure.add(user)
        self._setup.unsure.add(user)

    async def _deleted(self, made: str, user: Headers) -> str | None:
        """Delete one; say why it could not be."""
        clean_up = self._api.clean_up
        assert clean_up is not None
        one, _ = await self._by_user(clean_up.call, user, {clean_up.variable: made})
        if one.status is None:
            return one.message or "no reply"
        gone = one.status < 300 or one.status in _GONE
        return None if gone else f"status {one.status}"

    async def _listed(self, user: Headers) -> list[str]:
        """Return what only this user has; of users that liftlab did not make up, nothing.

        What somebody sees who never made anything is not the user's own: such a server shows to
        each the work of others, and that stays.
        """
        made_up = any(value.startswith("liftlab-") for _, value in user)
        stranger, _ = self._user(f"stranger_{secrets.token_hex(4)}")
        mine = await self._seen_by(user) if made_up else []
        others = set(await self._seen_by(stranger)) if mine else set()
        if others.intersection(mine):
            self._setup.context.note(_SHARED_LIST)
        return [one for one in mine if one not in others]

    async def _seen_by(self, user: Headers) -> list[str]:
        clean_up = self._api.clean_up
        if clean_up is None or clean_up.listing is None:
            return []
        _, content = await self._by_user(clean_up.listing, user, {})
        try:
            ids = look_up(json.loads(content), clean_up.ids or "")
        except (ValueError, RecursionError):
            return []
        return [str(one) for one in ids[:1000]] if isinstance(ids, list) else []

    async def _by_user(
        self, name: str, user: Headers, scope: Mapping[str, Any]
    ) -> tuple[Exchange, bytes]:
        call = self._api.calls[name]
        headers = [*self._api.headers.items(), *self._secret.items(), *user]
        path = _path(call.path, {**self._setup.checks.values, **scope})
        return await self._exchanged(name, call.method, path, headers, b"", _CLEAN_UP_S)


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Do work of bounded time to its end, even where the task is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def id_of(content: bytes, path: str) -> str | None:
    """Return the id that a reply has at a path; None where it has none."""
    try:
        found = look_up(json.loads(content), path)
    except (ValueError, RecursionError):
        return None
    return str(found) if isinstance(found, str | int) else None


def _path(template: str, scope: Mapping[str, Any]) -> str:
    """Return a path; what variables bring is quoted, so that an id is one part of it."""
    quoted = {name: quote(fill_text(f"{{{name}}}", scope), safe="") for name in places(template)}
    return quote(fill_text(template, quoted), safe=_IN_PATHS)


def _header(text: str) -> str:
    """Return text as a header can carry it: UTF-8 bytes, and no end of a line."""
    return re.sub(r"[\r\n]", " ", text.encode("utf-8", "replace").decode("latin-1"))
