"""What a check made on the server, and how that goes again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from liftlab.sessions.model import ApiModel
from liftlab.sessions.pulse import ServerDown
from liftlab.sessions.record import Exchange
from liftlab.sessions.replies import read_at

Headers = tuple[tuple[str, str], ...]
# Makes a call as a user, with the variables of its path.
CallAs = Callable[[str, Headers, Mapping[str, Any]], Awaitable[tuple[Exchange, bytes]]]
T = TypeVar("T")

MADE_UP = "liftlab-"  # how the names of users begin that liftlab made up
CLEAN_UP_S, _LANES = 4.0, 16  # twice that is less than a stopped run is given
_GONE = (404, 410)
_SHARED_LIST = (
    "the server lists everybody's work to everybody: what a call made whose reply was lost "
    "cannot be told from it, and stays"
)


class Made:
    """What one check made; `unsure` are users who may have made what no reply named."""

    def __init__(self, api: ApiModel, call_as: CallAs, note: Callable[[str], None]) -> None:
        self._api, self._call_as, self._note = api, call_as, note
        self._ids: dict[str, list[Headers]] = {}  # with the users who may have made it
        self._lanes = asyncio.Semaphore(_LANES)
        self.unsure: set[Headers] = set()

    def own(self, ids: Iterable[str], users: Iterable[Headers]) -> None:
        """Take over what somebody else's calls made, or may have made."""
        self.unsure.update(users)
        self._ids |= {one: list(self.unsure) for one in ids}

    def heard(
        self, name: str, user: Headers, scope: Mapping[str, Any], one: Exchange, content: bytes
    ) -> None:
        """Note what a call made, may have made, or took away."""
        clean_up, makes = self._api.clean_up, self._api.calls[name].makes
        good = one.status is not None and one.status < 300
        if makes is not None:
            made = id_of(content, makes)
            if made is not None:
                self._ids[made] = [user]
            elif good or one.status is None or one.status >= 500:
                self.unsure.add(user)
        elif clean_up and name == clean_up.call and good and clean_up.variable in scope:
            self._ids.pop(str(scope[clean_up.variable]), None)

    async def delete(self) -> list[str]:
        """Delete it within a few seconds; name what could not be deleted."""
        if self._api.clean_up is None or not (self._ids or self.unsure):
            return []
        left: dict[str, str] = {}

        async def delete(made: str, users: list[Headers]) -> None:
            async with self._lanes:
                said = await self._deleted(made, users)
            if said is None:
                self._ids.pop(made, None)
            else:
                left[made] = said

        try:
            async with asyncio.timeout(CLEAN_UP_S):
                self._ids |= await self._found()
                await asyncio.gather(*(delete(*one) for one in list(self._ids.items())))
        except (TimeoutError, ServerDown) as error:
            left = dict.fromkeys(self._ids, str(error) or "no time left") | left
        lines = [f"{made[:100]}: {said}" for made, said in left.items()]
        for line in lines:
            self._note(f"could not be deleted: {line}")
        return lines

    async def _deleted(self, made: str, users: list[Headers]) -> str | None:
        """Delete one as whoever made it; say why it could not be."""
        clean_up, said = self._api.clean_up, None
        assert clean_up is not None
        for user in users:
            one, _ = await self._call_as(clean_up.call, user, {clean_up.variable: made})
            if one.status is None:
                said = one.message or "no reply"
            elif one.status < 300:
                return None
            elif one.status not in _GONE:
                said = f"status {one.status}"
        return said

    async def _found(self) -> dict[str, list[Headers]]:
        """Return what only one of the unsure users sees, not one who never made anything, too."""
        users = [one for one in self.unsure if any(name.startswith(MADE_UP) for _, name in one)]
        seen = await asyncio.gather(*map(self._seen_by, users))
        if not any(seen):
            return {}
        header = self._api.user_header or ""
        others = await self._seen_by(((header, f"{MADE_UP}stranger-{secrets.token_hex(8)}"),))
        if {*others}.intersection(*seen):
            self._note(_SHARED_LIST)
        pairs = zip(users, seen, strict=True)
        return {one: [user] for user, mine in pairs for one in mine if one not in others}

    async def _seen_by(self, user: Headers) -> list[str]:
        clean_up = self._api.clean_up
        if clean_up is None or clean_up.listing is None:
            return []
        async with self._lanes:
            _, content = await self._call_as(clean_up.listing, user, {})
        ids = read_at(clean_up.ids, content)
        return [str(one) for one in ids[:1000]] if isinstance(ids, list) else []


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
    found = read_at(path, content)
    return str(found) if isinstance(found, str | int) else None
