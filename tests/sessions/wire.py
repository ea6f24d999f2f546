"""How the reference server's replies go over the wire, refusals and crashes among them."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.sessions import ir
from tests.sessions.bodies import Refused
from tests.sessions.faults import BY_NAME

BASE = "/api/spec-sessions"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Session:
    """One user's specification on its way."""

    owner: str
    session_id: str
    source: str
    ir: ir.IR
    metadata: dict[str, Any]
    created_at: str
    updated_at: str
    revisions: int
    version: int = 1
    final: bool = False
    busy: bool = False
    stale: list[str] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def ambiguities(self) -> list[str]:
        return [hole["identifier"] for hole in ir.holes(self.ir)]


class Wire:
    """The outermost layer of the server."""

    def __init__(self, *faults: str) -> None:
        assert set(faults) <= set(BY_NAME), faults
        self.faults = frozenset(faults)
        self.sessions: dict[str, Session] = {}
        self.dead = ""  # "500" or "hang", once it went down
        self.crashes: list[str] = []
        self.calls = 0
        self.moment: Callable[[int, str], None] = lambda call, when: None
        self.url = ""

    def has(self, fault: str) -> bool:
        return fault in self.faults

    @web.middleware
    async def outermost(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn refusals into replies, and what nobody caught into a 500 and a closed line."""
        path = request.path
        if path.endswith("/") and path.startswith(BASE):
            target = path if self.has("slash_loops") else path.rstrip("/")
            return web.Response(
                status=307, headers={"location": str(request.url.with_path(target))}
            )
        self.calls += 1
        number = self.calls
        try:
            if self.dead == "hang":
                await asyncio.Event().wait()
            if self.dead == "500":
                raise RuntimeError("down")
            self.moment(number, "before")
            response = await handler(request)
            self.moment(number, "after")
            return await self.cut(request, response) if self.has("reply_cut") else response
        except Refused as refusal:
            return self.refusal(request, refusal)
        except web.HTTPException as error:
            return self.refusal(request, Refused(error.status, error.reason))
        except ConnectionError:
            return web.Response(status=400)  # to nobody
        except Exception:
            self.crashes.append(traceback.format_exc())
            return await self.crash(request)

    def refusal(self, request: web.Request, refused: Refused) -> web.Response:
        detail, status = refused.detail, refused.status
        if self.has("failed_create_lost") and (request.method, request.path) == ("POST", BASE):
            user = request.headers.get("x-demo-user")
            self.sessions = {k: s for k, s in self.sessions.items() if s.owner != user}
        if self.has("html_errors"):
            page = f"<html><body><h1>{status}</h1></body></html>"
            return web.Response(status=status, text=page, content_type="text/html")
        if self.has("error_as_200"):
            return self.reply({"error": detail})
        if self.has("traceback_shown") and isinstance(detail, str):
            where = 'File "/srv/lift/api/server.py", line 214, in call'
            detail = f"Traceback (most recent call last):\n  {where}\n{detail}"
        return self.reply({"detail": detail}, status)

    async def crash(self, request: web.Request) -> web.StreamResponse:
        if self.has("dies_of_crash"):
            self.dead = "hang"
        response = web.Response(status=500, text="Internal Server Error")
        await response.prepare(request)
        await response.write_eof()
        if request.transport:
            request.transport.close()
        return response

    def reply(self, body: Any, status: int = 200) -> web.Response:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if not text.isascii() and text != text.encode("utf-8", "replace").decode():
            text = json.dumps(body, separators=(",", ":"))  # a lone surrogate goes as an escape
        kind = "text/html" if self.has("json_as_html") else "application/json"
        return web.Response(body=text.encode(), status=status, content_type=kind)

    async def cut(self, request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
        """End a long reply before its announced length."""
        assert isinstance(whole, web.Response)
        data = whole.body
        if not isinstance(data, bytes) or len(data) < 4000:
            return whole
        half = web.StreamResponse(status=whole.status, headers=whole.headers)
        half.content_length = len(data)
        await half.prepare(request)
        await half.write(data[: len(data) // 2])
        if request.transport:
            request.transport.close()
        return half
