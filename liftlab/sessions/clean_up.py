"""How what a run's calls made on the server goes again."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from liftlab.sessions.model import ApiModel
from liftlab.sessions.pulse import ServerDown
from liftlab.sessions.record import Exchange
from liftlab.sessions.remains import Headers, Made, Remains
from liftlab.sessions.replies import read_at

# Makes a call as a user, with the variables of its path.
CallAs = Callable[[str, Headers, Mapping[str, Any]], Awaitable[tuple[Exchange, bytes]]]
T = TypeVar("T")

MADE_UP = "liftlab-"  # how the names of users begin that liftlab made up
# A stopped run has 10 s: for the last replies, for its checks, and for all together.
LAST_REPLY_S, CLEAN_UP_S, _LANES = 1.5, 4.0, 16
_ROUNDS, _MOST_LISTED = 3, 1000
_NOT_ALLOWED, _GONE = (401, 403), (404, 410)
_NEVER_SENT = ("dns", "connect", "tls")
_NO_LIST = "the API has no list of a user's work to look in"
_NOT_OURS = "liftlab looks only in the lists of users that it made up, and this user is not one"
_SHARED_LIST = "the server lists everybody's work to everybody, so it cannot be told from theirs"
_STILL_AT_IT = "the server may still be working on the call"
_KEEPS = "a second delete succeeds, too, so all that was made may still be there"


class CleanUp:
    """Notes what calls make, and deletes it."""

    def __init__(self, api: ApiModel, call_as: CallAs, remains: Remains) -> None:
        self._api, self._call_as, self._remains = api, call_as, remains
        self._lanes = asyncio.Semaphore(_LANES)
        # The numbers of what, when it was to be deleted, the server said is not there.
        self._missing: set[int] = set()

    def failed(self, made: Made, error_class: str) -> None:
        """Note that a call has no reply."""
        if error_class in _NEVER_SENT:
            self._remains.gone(made)
        elif error_class != "deadline":
            self._remains.ended(made)

    def heard(self, made: Made, status: int, content: bytes) -> None:
        """Note what the reply to a call that makes something says."""
        path = self._api.calls[made.call].makes
        name = None if path is None else id_of(content, path)
        if name is not None:
            self._remains.named(made, name)
        elif status < 300 or status >= 500:
            self._remains.ended(made)
        else:
            same = [one for one in self._remains.of(made.check) if one.user == made.user]
            # A user who may not make anything has not, in a killed run either.
            for one in same if status in _NOT_ALLOWED else [made]:
                if one.id is None:
                    self._remains.gone(one)

    def deleted(self, check: str, name: str) -> None:
        """Note that a check has deleted something itself."""
        for made in self._remains.of(check):
            if made.id == name:
                self._remains.gone(made)

    async def delete(self, check: str | None = None) -> None:
        """Delete what a check made, or all checks, within a few seconds; note what stays."""
        try:
            async with asyncio.timeout(CLEAN_UP_S):
                for _ in range(_ROUNDS):
                    found_more = await self._look(check)
                    named = [made for made in self._remains.of(check) if made.id is not None]
                    await asyncio.gather(*map(self._delete, named))
                    await self._believe([made for made in named if made.number in self._missing])
                    if not found_more:
                        return
        except (TimeoutError, ServerDown) as error:
            for made in self._remains.of(check):
                self._remains.stays(made, str(error) or "no time was left to delete it")

    async def doubt(self) -> None:
        """Delete once more what is deleted: a server that does so may keep everything."""
        clean_up, made = self._api.clean_up, self._remains.deleted
        self._remains.deleted = None
        if clean_up is None or made is None:
            return
        one, _ = await self._call_as(clean_up.call, made.user, {clean_up.variable: made.id})
        if one.status is not None and one.status < 300:
            self._remains.stays(made, _KEEPS)

    async def _delete(self, made: Made) -> None:
        """Delete one as whoever made it."""
        clean_up = self._api.clean_up
        assert clean_up is not None
        async with self._lanes:
            one, _ = await self._call_as(clean_up.call, made.user, {clean_up.variable: made.id})
        if one.status is None:
            self._remains.stays(made, one.message or "no reply")
        elif one.status < 300:
            self._remains.gone(made)
            self._remains.deleted = self._remains.deleted or made
        else:
            self._remains.stays(made, f"status {one.status}")
            self._missing |= {made.number} if one.status in _GONE else set()

    async def _believe(self, missing: list[Made]) -> None:
        """Take for gone what the server says is not there, unless its user's list has it."""
        users = {made.user for made in missing}
        lists = dict(zip(users, await asyncio.gather(*map(self._seen_by, users)), strict=True))
        for made in missing:
            seen = lists[made.user]
            if isinstance(seen, str) or made.id not in seen:
                self._remains.gone(made)

    async def _look(self, check: str | None) -> bool:
        """Look for what no reply named in the lists of its users; say whether there was any."""
        unsure: dict[Headers, list[Made]] = {}
        for made in self._remains.of(check):
            if made.id is None:
                unsure.setdefault(made.user, []).append(made)
        if not unsure:
            return False
        lists = await asyncio.gather(*map(self._seen_by, unsure))
        others: list[str] | str = []
        if any(seen and not isinstance(seen, str) for seen in lists):
            header = self._api.user_header or ""
            others = await self._seen_by(((header, f"{MADE_UP}stranger-{secrets.token_hex(8)}"),))
        found = False
        for mine, seen in zip(unsure.values(), lists, strict=True):
            if isinstance(seen, str) or isinstance(others, str):
                for made in mine:
                    self._remains.stays(made, seen if isinstance(seen, str) else str(others))
            else:
                found |= self._take(mine, seen, others)
        return found

    def _take(self, mine: list[Made], seen: list[str], others: list[str]) -> bool:
        """Give a user's calls what only that user's list has; say whether it has anything."""
        check, call, user = mine[0].check, mine[0].call, mine[0].user
        known = {made.id for made in self._remains.of() if made.user == user}
        names = [name for name in seen if name not in known and name not in others]
        for name in names:
            if mine:
                self._remains.named(mine.pop(), name)
            else:
                self._remains.begun(check, call, user, 0, name)
        for made in mine:
            if {*seen}.intersection(others):
                self._remains.stays(made, _SHARED_LIST)
            elif names or time.time() < made.until:
                self._remains.stays(made, _STILL_AT_IT)
            else:
                self._remains.gone(made)
        return bool(names)

    async def _seen_by(self, user: Headers) -> list[str] | str:
        """Return what a user's list has, or why it cannot be told."""
        clean_up = self._api.clean_up
        if clean_up is None or clean_up.listing is None:
            return _NO_LIST
        if not any(name.startswith(MADE_UP) for _, name in user):
            return _NOT_OURS
        async with self._lanes:
            one, content = await self._call_as(clean_up.listing, user, {})
        ids = read_at(clean_up.ids, content)
        if one.status is None or one.status >= 300:
            return f"its user's list cannot be read ({one.message or f'status {one.status}'})"
        if not isinstance(ids, list):
            return "its user's list has no ids at the place that the checks name"
        if len(ids) > _MOST_LISTED:
            return f"its user's list has more than {_MOST_LISTED:,} ids"
        return [str(one) for one in ids]


async def uninterrupted(work: Coroutine[Any, Any, T], within_s: float | None = None) -> T:
    """Do work to its end, even where the task is cancelled meanwhile, then within some seconds."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=within_s)
        if task.cancel():
            await asyncio.wait([task])
        else:
            await task
        raise


def id_of(content: bytes, path: str) -> str | None:
    """Return the id that a reply has at a path; None where it has none."""
    found = read_at(path, content)
    return str(found) if isinstance(found, str | int) else None
