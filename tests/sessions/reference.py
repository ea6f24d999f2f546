"""A session API that keeps the contract of the real server, and breaks it in named ways.

Written from the contract and from what was seen of the real server; the model behind it is a
stand-in. A POST to `/-/restart` is what a restart of its process would be.
"""

from __future__ import annotations

import asyncio
import copy
import json
import re
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import web

from tests.sessions import bodies, ir
from tests.sessions.bodies import Refused
from tests.sessions.wire import BASE, Session, Wire

MODES = ("assert", "raise", "log", "comment")
WINDOW_S = 0.01  # how long a fault leaves the door open for another call


class Reference(Wire):
    """The server's memory and its calls."""

    def __init__(self, *faults: str, think_s: float = 0.0) -> None:
        super().__init__(*faults)
        self.think_s = think_s
        self.ghosts: list[Session] = []
        self.users: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self.shared_metadata: dict[str, Any] = {}
        self.drafts: dict[str, ir.IR] = {}
        self.last_final: ir.IR | None = None
        self.count = 0
        self.asked: Counter[str] = Counter()

    def app(self) -> web.Application:
        """Return the application with its routes."""
        app = web.Application(client_max_size=64 * 1024**2, middlewares=[self.outermost])
        app.add_routes(
            [
                web.post("/-/restart", self.restart),
                web.post(BASE, self.create),
                web.get(BASE, self.list),
                web.get(f"{BASE}/{{id}}", self.read),
                web.get(f"{BASE}/{{id}}/assists", self.assists),
                web.post(f"{BASE}/{{id}}/holes/{{hole}}/resolve", self.resolve),
                web.post(f"{BASE}/{{id}}/finalize", self.finalize),
                web.post(f"{BASE}/{{id}}/generate", self.generate),
                web.delete(f"{BASE}/{{id}}", self.delete),
            ]
        )
        return app

    def user(self, request: web.Request) -> str:
        """Return who asks; the word `*` sees everything."""
        name = request.headers.get("x-demo-user")
        self.asked[name or ""] += 1
        if name is None and self.has("no_user_no_refusal"):
            return "*"
        if name == "" and self.has("empty_user_sees_all"):
            return "*"
        if not name:
            raise Refused(401, "login_required")
        if self.has("long_user_500") and len(name) > 4000:
            raise RuntimeError("name too long")
        if self.has("user_of_connection") and request.transport:
            return self.users.setdefault(request.transport, name)
        return name[:24] if self.has("user_cut") else name

    def find(self, request: web.Request, call: str) -> Session:
        """Return the session of a call, if it is there and the user's."""
        user, key = self.user(request), request.match_info["id"]
        session = self.sessions.get(key)
        if session and (user in ("*", session.owner) or self.has(f"{call}_foreign")):
            return session
        if self.has("unknown_crashes"):
            raise RuntimeError("no such session")
        raise Refused(500 if self.has("unknown_is_500") else 404, f"Session {key} not found")

    # ---- the calls

    async def create(self, request: web.Request) -> web.Response:
        body = await bodies.read(request, self)
        user = self.user(request)
        body = bodies.checked(body, bodies.Create, self)
        if not body.prompt and not body.ir and not self.has("empty_create_ok"):
            raise Refused(400, "Either 'prompt' or 'ir' must be provided")
        if body.prompt:
            await self.think()
            draft = ir.from_prompt(body.prompt)
        elif body.ir:
            draft = self.draft(body.ir)
        else:
            draft = ir.from_prompt("nothing")
        now, identifier = self.now(), await self.new_id()
        session = Session(
            owner=user,
            session_id=identifier,
            source="prompt" if body.prompt else "reverse_mode",
            ir=draft,
            metadata=self.metadata(body.metadata),
            created_at=now,
            updated_at=now,
            revisions=1 if body.prompt else 0,
        )
        self.sessions[identifier] = session
        return self.reply(self.shown(session))

    def draft(self, given: ir.IR) -> ir.IR:
        if self.has("draft_shared") and (key := json.dumps(given)) in self.drafts:
            return self.drafts[key]
        try:
            draft = ir.normalized(given)
        except ir.BadIR as error:
            raise Refused(500 if self.has("bad_ir_500") else 400, str(error)) from None
        if self.has("summary_cut"):
            draft["intent"]["summary"] = draft["intent"]["summary"][:40]
        ir.open_holes(draft)
        if self.has("draft_shared"):
            self.drafts[json.dumps(given)] = draft
        return draft

    def metadata(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.has("metadata_shared"):
            self.shared_metadata.update(given)
            return self.shared_metadata
        return {} if self.has("metadata_dropped") else given

    async def think(self) -> None:
        if self.has("blocked_by_model"):
            time.sleep(self.think_s)  # noqa: ASYNC251
        else:
            await asyncio.sleep(self.think_s)

    async def new_id(self) -> str:
        if not self.has("same_id"):
            return str(uuid.uuid4())
        number = self.count
        await asyncio.sleep(WINDOW_S)
        self.count = number + 1
        return str(uuid.UUID(int=number))

    async def list(self, request: web.Request) -> web.Response:
        user = self.user(request)
        if self.has("list_dies_of_nul") and "\\u0000" in json.dumps(
            [each.metadata for each in self.sessions.values()]
        ):
            raise RuntimeError("NUL")
        everyone = user == "*" or self.has("list_shows_all")
        sessions = [
            each
            for each in [*self.sessions.values(), *self.ghosts]
            if (everyone or each.owner == user) and (not each.final or self.stays_active)
        ]
        if self.has("list_misses_newest"):
            sessions = sessions[:-1]
        if self.has("list_first_20"):
            sessions = sessions[:20]
        return self.reply({"sessions": [self.shown(each) for each in sessions]})

    @property
    def stays_active(self) -> bool:
        return self.has("finalize_stays_active")

    async def read(self, request: web.Request) -> web.Response:
        return self.reply(self.shown(self.find(request, "read")))

    async def assists(self, request: web.Request) -> web.Response:
        session = self.find(request, "assists")
        rows = [
            {
                "hole_id": hole["identifier"],
                "hole_kind": hole.get("kind", "intent"),
                "suggestion": f"Specify {hole['identifier']}",
                "description": hole.get("description", ""),
            }
            for hole in ir.holes(session.ir)
        ]
        stale = session.stale if self.has("assists_stale") else []
        phantom = ["loop_bound"] if self.has("assists_phantom") else []
        rows = rows[:-1] if self.has("assists_missing") else rows
        rows += [
            {"hole_id": name, "hole_kind": "intent", "suggestion": "Specify", "description": ""}
            for name in [*stale, *phantom]
        ]
        return self.reply({"session_id": session.session_id, "assists": rows})

    async def resolve(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]
        if self.has("lock_kept"):
            await self.lock(request, self.sessions.get(key))
        body = await bodies.read(request, self)
        session = self.find(request, "resolve")
        body = bodies.checked(body, bodies.Resolve, self)
        name = request.match_info["hole"]
        if session.final and self.has("resolve_finalized"):
            session.ir["intent"]["rationale"] = body.resolution_text
            self.revised(session)
            return self.reply(self.shown(session))
        if name not in session.ambiguities:
            if self.has("unknown_hole_ok"):
                self.revised(session)
                return self.reply(self.shown(session))
            raise Refused(404, f"Hole {name} not found in session {key}")
        return await self.fill(session, name, body.resolution_text)

    async def lock(self, request: web.Request, session: Session | None) -> None:
        """Hold the session's lock over the call; it is only let go for a client that stays."""
        if session is None:
            return
        await session.lock.acquire()
        await request.read()
        await asyncio.sleep(WINDOW_S)
        if request.transport is None or request.transport.is_closing():
            raise ConnectionError("the client is gone, and the lock stays")
        session.lock.release()

    async def fill(self, session: Session, name: str, text: str) -> web.Response:
        if self.has("race_is_500"):
            if session.busy:
                raise Refused(500, "Failed to resolve hole: dictionary changed size")
            session.busy = True
            await asyncio.sleep(WINDOW_S)
            session.busy = False
        draft, revisions = copy.deepcopy(session.ir), session.revisions
        if self.has("lost_update"):
            await asyncio.sleep(WINDOW_S)
        closed = [name]
        if self.has("resolve_closes_other"):
            closed = [session.ambiguities[0]]
        if self.has("resolve_closes_all"):
            closed = session.ambiguities
        for each in closed:
            ir.close(draft, each, text, apply=not self.has("text_not_applied"))
        if self.has("draft_shared"):
            session.ir.update(draft)
        else:
            session.ir = draft
        session.stale += closed
        session.revisions = revisions
        self.revised(session)
        return self.reply(self.shown(session))

    def revised(self, session: Session) -> None:
        """Note a change: another revision, another version, another time."""
        session.version += 1
        session.revisions += not self.has("revision_stuck")
        if self.has("updated_back"):
            session.updated_at = self.now(ago_s=3600)
        elif not self.has("updated_stuck"):
            session.updated_at = self.now()
        if self.has("created_moves"):
            session.created_at = session.updated_at

    async def finalize(self, request: web.Request) -> web.Response:
        session = self.find(request, "finalize")
        if self.has("lost_while_finalizing"):
            before = copy.deepcopy(session.ir)
            await asyncio.sleep(WINDOW_S)
            session.ir = before
        if session.ambiguities and not self.has("finalize_with_holes"):
            left = len(session.ambiguities)
            raise Refused(400, f"Cannot finalize: {left} unresolved holes remaining")
        if session.final and self.has("finalize_once"):
            raise Refused(500, "Failed to finalize session: already finalized")
        if not session.final:
            session.final, session.updated_at = True, self.now()
        self.last_final = session.ir
        if self.has("lost_on_finalize"):
            del self.sessions[session.session_id]
        irs = [] if self.has("finalize_no_ir") else [session.ir]
        return self.reply({"irs": irs, "progress": []})

    async def generate(self, request: web.Request) -> web.Response:
        body = await bodies.read(request, self)
        session = self.find(request, "generate")
        options = bodies.checked(body, bodies.Generate, self)
        if not session.final and not self.has("generate_unfinalized"):
            said = "Session must be finalized before code generation. Current status: active"
            raise Refused(400, said)
        wanted = options.target_language
        if wanted != "python" and not self.has("language_ignored"):
            raise Refused(400, f"Unsupported target language: {wanted}")
        if self.has("generate_other_language"):
            raise Refused(400, f"Unsupported target language: {wanted}")
        if options.assertion_mode not in MODES and not self.has("mode_ignored"):
            raise Refused(400, f"Invalid assertion_mode. Must be one of: {list(MODES)}")
        source = self.source(session, options.model_dump())
        warnings = ["the body is left to its reader"] if "NotImplementedError" in source else []
        return self.reply(
            {
                "session_id": session.session_id,
                "source_code": source,
                "language": "python",
                "metadata": {"generator": "reference"},
                "warnings": warnings,
                "validation": None,
            }
        )

    def source(self, session: Session, options: dict[str, Any]) -> str:
        draft = self.last_final if self.has("code_of_other") else session.ir
        source = ir.code(
            draft or session.ir,
            options,
            returns=not self.has("code_no_return"),
            swapped=self.has("code_swapped"),
        )
        if self.has("code_stub"):
            source = re.sub("return .*", "raise NotImplementedError('later')", source)
        return source.replace(":\n", "\n", 1) if self.has("code_broken") else source

    async def delete(self, request: web.Request) -> web.Response:
        try:
            session = self.find(request, "delete")
        except Refused:
            if self.has("delete_unknown_ok"):
                return self.reply({"status": "deleted", "session_id": request.match_info["id"]})
            raise
        if self.has("delete_takes_all"):
            owner = session.owner
            self.sessions = {k: s for k, s in self.sessions.items() if s.owner != owner}
        elif not self.has("delete_keeps"):
            del self.sessions[session.session_id]
        return self.reply({"status": "deleted", "session_id": session.session_id})

    async def restart(self, _: web.Request) -> web.Response:
        self.ghosts = list(self.sessions.values()) if self.has("restart_half") else []
        self.sessions, self.dead = {}, ""
        return self.reply({"status": "restarted"})

    # ---- what a session looks like

    def now(self, ago_s: float = 0.0) -> str:
        if self.has("time_local"):
            return datetime.now().isoformat()
        return (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat() + "Z"

    def shown(self, session: Session) -> dict[str, Any]:
        names = session.ambiguities
        final = session.final and not self.stays_active
        return {
            "session_id": session.session_id,
            "status": "finalized" if final else "active",
            "source": session.source,
            "created_at": session.created_at,
            "updated_at": session.updated_at,
            "current_draft": {
                "version": session.version,
                "ir": session.ir,
                "validation_status": "incomplete" if names else "pending",
                "smt_results": [],
                "ambiguities": names,
                "created_at": session.updated_at,
                "metadata": {},
            },
            "ambiguities": [*names, *(session.stale if self.has("ambiguities_stale") else [])],
            "revision_count": session.revisions,
            "metadata": session.metadata,
        }
