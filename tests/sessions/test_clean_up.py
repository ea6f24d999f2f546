"""What a call made, or may have made, is deleted, or it is said why it is still there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from liftlab.sessions import remains as noted
from liftlab.sessions.clean_up import CleanUp, uninterrupted
from liftlab.sessions.model import ApiModel
from liftlab.sessions.record import Exchange
from liftlab.sessions.remains import Headers, Made, Remains, remaining

API = {
    "user_header": "x-user",
    "calls": {
        "create": {"method": "POST", "makes": "id"},
        "list": {"method": "GET"},
        "delete": {"method": "DELETE", "path": "/{id}"},
    },
    "clean_up": {"call": "delete", "listing": "list", "ids": "[*].id"},
}
ANN: Headers = (("x-user", "liftlab-ann"),)
REAL: Headers = (("x-user", "ann"),)


class Server:
    """The lists of a server's users; `status` of each call, and whether it keeps its word."""

    def __init__(self, *ids: str, **status: int) -> None:
        self.lists = {"liftlab-ann": [*ids]}
        self.status, self.is_shared, self.keeps = status, False, False

    async def call_as(
        self, name: str, user: Headers, scope: Mapping[str, Any]
    ) -> tuple[Exchange, bytes]:
        who, status = user[0][1], self.status.get(name, 200)
        mine = self.lists.get("liftlab-ann" if self.is_shared else who, [])
        if name == "delete" and status == 200 and not self.keeps:
            status = 200 if scope["id"] in mine else 404
            mine[:] = [one for one in mine if one != scope["id"]]
        one = Exchange(at="", call=name, method="", path="", user="", status=status)
        return one, json.dumps([{"id": one} for one in mine]).encode()


def clean_up(server: Server, remains: Remains, **api: Any) -> CleanUp:
    return CleanUp(ApiModel.model_validate({**API, **api}), server.call_as, remains)


def begun(remains: Remains, user: Headers = ANN, deadline_s: float = -noted.ENDED_S) -> Made:
    """Note a call that has ended already, unless said otherwise."""
    return remains.begun("one", "create", user, deadline_s)


async def test_what_no_reply_named_is_found_in_its_users_list_and_the_file_goes(
    tmp_path: Path,
) -> None:
    begun(Remains(tmp_path))
    server, again = Server("a", "b"), Remains(tmp_path)
    await clean_up(server, again).delete()
    again.close()
    assert server.lists["liftlab-ann"] == []
    assert remaining(tmp_path) == []
    assert not (tmp_path / noted.FILE_NAME).exists()


@pytest.mark.parametrize(
    ("said", "server", "user", "api"),
    [
        ("no list", Server("a"), ANN, {"clean_up": {"call": "delete"}}),
        ("users that it made up", Server("a"), REAL, {}),
        ("cannot be read (status 500)", Server("a", list=500), ANN, {}),
        ("status 503", Server("a", delete=503), ANN, {}),
    ],
)
async def test_why_it_stays_is_said(
    said: str, server: Server, user: Headers, api: dict[str, Any], tmp_path: Path
) -> None:
    remains = Remains(tmp_path)
    begun(remains, user)
    await clean_up(server, remains, **api).delete()
    [made] = remaining(tmp_path)
    assert said in made.line
    assert user[0][1] in made.line


async def test_what_strangers_see_too_is_left_alone() -> None:
    remains, server = Remains(), Server("a")
    server.is_shared = True
    begun(remains)
    await clean_up(server, remains).delete()
    assert "everybody" in remains.of()[0].line
    assert server.lists["liftlab-ann"] == ["a"]


async def test_a_call_that_the_server_may_still_be_at_is_kept_in_mind() -> None:
    remains, server = Remains(), Server()
    begun(remains, deadline_s=100)
    await clean_up(server, remains).delete()
    assert "may still be working on" in remains.of()[0].line
    server.lists["liftlab-ann"] = ["late"]
    await clean_up(server, remains).delete("one")
    assert (remains.of(), server.lists["liftlab-ann"]) == ([], [])


@pytest.mark.parametrize(("listed", "count"), [(["a"], 1), ([], 0)])
async def test_what_is_not_there_is_believed_unless_it_is_listed(
    listed: list[str], count: int
) -> None:
    remains, server = Remains(), Server(*listed, delete=404)
    cleaning = clean_up(server, remains)
    cleaning.heard(begun(remains), 200, b'{"id": "a"}')
    await cleaning.delete()
    assert len(remains.of()) == count


async def test_a_server_that_deletes_twice_is_not_believed() -> None:
    remains, server = Remains(), Server()
    server.keeps = True
    cleaning = clean_up(server, remains)
    cleaning.heard(begun(remains), 200, b'{"id": "a"}')
    await cleaning.delete()
    assert remains.of() == []
    await cleaning.doubt()
    assert "a second delete" in remains.of()[0].line


@pytest.mark.parametrize(("error_class", "count"), [("connect", 0), ("reset", 1), ("deadline", 1)])
def test_a_call_that_was_never_sent_made_nothing(error_class: str, count: int) -> None:
    remains = Remains()
    clean_up(Server(), remains).failed(begun(remains), error_class)
    assert len(remains.of()) == count


@pytest.mark.parametrize(("status", "count"), [(401, 0), (400, 1)])
def test_a_user_who_may_make_nothing_made_nothing_before_the_kill(status: int, count: int) -> None:
    remains = Remains()
    begun(remains, ())
    clean_up(Server(), remains).heard(begun(remains, ()), status, b"{}")
    assert len(remains.of()) == count


async def test_without_time_all_stay_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liftlab.sessions.clean_up.CLEAN_UP_S", 0)
    remains, server = Remains(), Server()
    begun(remains)

    async def never(*_: Any) -> tuple[Exchange, bytes]:
        await asyncio.Event().wait()
        raise AssertionError

    await CleanUp(ApiModel.model_validate(API), never, remains).delete()
    assert "no time" in remains.of()[0].line
    assert server.lists == {"liftlab-ann": []}


@pytest.mark.parametrize(
    ("status", "content", "left"),
    [
        (200, b'{"id": "a"}', "a"),
        (500, b'{"id": 7}', "7"),  # whatever its status, what it names is there
        (404, b'{"id": "a"}', "a"),
        (200, b"{}", None),
        (299, b"{}", None),
        (500, b"{}", None),
        (300, b"{}", ""),
        (499, b"{}", ""),
        (403, b"{}", ""),
        (200, b'{"id": [1]}', None),
    ],
)
def test_what_a_reply_says_of_what_was_made(status: int, content: bytes, left: str | None) -> None:
    remains = Remains()
    made = begun(remains, deadline_s=100)
    clean_up(Server(), remains).heard(made, status, content)
    if left == "":
        assert remains.of() == []
    else:
        [one] = remains.of()
        assert one.id == left
        assert (one.until < made.until) is (left is None)  # without a name it has ended


@pytest.mark.parametrize(
    ("status", "gone"),
    [(200, True), (299, True), (300, False), (404, True), (410, True), (401, False)],
)
async def test_what_a_delete_comes_to(status: int, gone: bool) -> None:
    remains, server = Remains(), Server(delete=status)
    if status < 300:
        server = Server("a")
        server.status = {"delete": status} if status != 200 else {}
    cleaning = clean_up(server, remains)
    cleaning.heard(begun(remains), 200, b'{"id": "a"}')
    server.lists["liftlab-ann"] = ["a"] if status == 200 else []
    await cleaning.delete()
    assert (remains.of() == []) is gone


@pytest.mark.parametrize(("listed", "found"), [(1000, True), (1001, False)])
async def test_a_list_is_read_to_a_limit(listed: int, found: bool) -> None:
    remains, server = Remains(), Server(*(f"id{number}" for number in range(listed)))
    server.keeps = True  # it says so, and keeps them
    begun(remains)
    await clean_up(server, remains).delete()
    if found:
        assert remains.of() == []
    else:
        assert "1,000" in remains.of()[0].line


@pytest.mark.parametrize(
    ("status", "ids", "said"),
    [(300, "[*].id", "status 300"), (200, "[0].id", "no ids"), (200, "none", "no ids")],
)
async def test_a_list_that_cannot_be_read(status: int, ids: str, said: str) -> None:
    remains, server = Remains(), Server("a", list=status)
    begun(remains)
    api = {"clean_up": {"call": "delete", "listing": "list", "ids": ids}}
    await clean_up(server, remains, **api).delete()
    assert said in remains.of()[0].line


async def test_more_than_was_known_is_taken_away_too() -> None:
    remains, server = Remains(), Server("a", "b", "c")
    cleaning = clean_up(server, remains)
    cleaning.heard(begun(remains), 200, b'{"id": "a"}')
    begun(remains)
    await cleaning.delete("one")
    assert (remains.of(), server.lists["liftlab-ann"]) == ([], [])


async def test_of_several_checks_one_is_cleaned_up() -> None:
    remains, server = Remains(), Server("a", "b")
    cleaning = clean_up(server, remains)
    for check, name in (("one", b"a"), ("two", b"b")):
        made = remains.begun(check, "create", ANN, 1)
        cleaning.heard(made, 200, b'{"id": "%s"}' % name)
    await cleaning.delete("one")
    assert [made.check for made in remains.of()] == ["two"]
    cleaning.deleted("one", "b")
    assert len(remains.of()) == 1
    cleaning.deleted("two", "b")
    assert remains.of() == []


@pytest.mark.parametrize("within_s", [None, 60.0])
async def test_work_goes_on_to_its_end_where_it_is_cancelled(within_s: float | None) -> None:
    begun_it, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> int:
        begun_it.set()
        await go_on.wait()
        ended.set()
        return 1

    task = asyncio.create_task(uninterrupted(work(), within_s))
    await begun_it.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert await uninterrupted(work()) == 1


async def test_work_that_takes_too_long_after_that_is_ended() -> None:
    begun_it, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun_it.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(uninterrupted(work(), 0.01))
    await begun_it.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()
