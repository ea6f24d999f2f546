"""In which order a check's steps are made, what ends it, and what is kept of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from liftlab.runner.worker import Stop
from liftlab.sessions import script
from liftlab.sessions.caller import Setup
from liftlab.sessions.checks import Checks, parse
from liftlab.sessions.model import StepModel
from liftlab.sessions.pulse import Pulse
from liftlab.sessions.record import Exchange, Record

HEAD = """
[api.calls.a]
method = "GET"
[api.calls.b]
method = "GET"
[api.calls.make]
method = "POST"
[[check]]
id = "one"
group = "g"
why = "w"
severity = "major"
deadline_s = 20.0
"""
Reply = Callable[[str, str, Mapping[str, Any]], dict[str, Any]]


class Server:
    """Takes down each call with its place; `reply` says what is special about an exchange."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.reply = reply or (lambda name, at, scope: {})
        self.calls: list[tuple[str, str, Any]] = []
        self.cleaned: list[str] = []
        self.closed = 0
        self.at_once = self.most_at_once = 0
        self.lost_kept = False
        self.silences: list[str] = []

    def __call__(self, setup: Setup, check_id: str, trace: Any) -> Any:
        wire = SimpleNamespace(lost_kept=self.lost_kept)
        clean_up = SimpleNamespace(delete=self.delete)
        return SimpleNamespace(call=self.call, close=self.close, wire=wire, clean_up=clean_up)

    async def call(
        self, step: StepModel, name: str, at: str, scope: Mapping[str, Any]
    ) -> tuple[Exchange, bytes]:
        self.calls.append((at, name, scope["n"]))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        told = {"status": 200} | self.reply(name, at, scope)
        body = told.pop("body", b'{"id": "%s"}' % at.encode())
        one = Exchange(at=at, call=name, method="GET", path="", user="a", **told)
        return Exchange(**{**vars_of(one), "reply_sha256": f"of {at}"}), body

    async def delete(self, check: str) -> None:
        self.cleaned.append(check)

    async def close(self) -> None:
        self.closed += 1

    async def silence(self) -> str | None:
        return self.silences.pop(0) if self.silences else None


def vars_of(one: Exchange) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Exchange.__dataclass_fields__}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Record]:
    def made(
        text: str, server: Server, *, hook: str | None = None, down: str | None = None
    ) -> Record:
        checks: Checks = parse((HEAD + text).encode(), Path("checks.toml"))
        context = SimpleNamespace(run_id="20260101_000000_abcd", root=tmp_path)
        pulse = Pulse(Stop(), server.silence)
        pulse.down = down
        setup = Setup(checks, cast(Any, None), cast(Any, context), pulse, hook)
        monkeypatch.setattr(script, "Caller", server)
        answer = asyncio.run(script.run_check(setup, "one", cast(Any, None)))
        assert (server.cleaned, server.closed) == (["one"], 1)
        return Record.from_json(answer.ir)

    return made


Run = Callable[..., Record]


@pytest.mark.parametrize(
    ("steps", "made"),
    [
        ('[[check.step]]\ncall = ["a", "b"]\n', [("1", "a", 1), ("1", "b", 1)]),
        (
            '[[check.step]]\ncall = "a"\nrepeat = 2\n[[check.step]]\ncall = "b"\n',
            [("1#1", "a", 1), ("1#2", "a", 2), ("2", "b", 1)],
        ),
        (
            '[[check.step]]\nrepeat = 2\n[[check.step.steps]]\ncall = "a"\n'
            '[[check.step.steps]]\ncall = "b"\n',
            [("1#1.1", "a", 1), ("1#1.2", "b", 1), ("1#2.1", "a", 2), ("1#2.2", "b", 2)],
        ),
        (
            '[[check.step]]\nlanes = [[{ call = "a" }, { call = "b" }], [{ call = "b" }]]\n',
            [("1.l1.1", "a", 1), ("1.l1.2", "b", 1), ("1.l2.1", "b", 1)],
        ),
        (
            '[[check.step]]\ncall = "a"\nparallel = 3\n',
            [("1#1", "a", 1), ("1#2", "a", 2), ("1#3", "a", 3)],
        ),
        ('[[check.step]]\nwait = 0.01\n[[check.step]]\ncall = "a"\n', [("2", "a", 1)]),
    ],
)
def test_steps_are_made_in_order_and_know_their_round(
    steps: str, made: list[tuple[str, str, int]], run: Run
) -> None:
    server = Server()
    record = run(steps, server)
    assert sorted(server.calls) == made
    if "lanes" not in steps and "parallel" not in steps:
        assert server.calls == made
        assert server.most_at_once == 1
    else:
        assert server.most_at_once > 1
    assert sorted(one.at for one in record.exchanges) == [at for at, _, _ in made]
    assert (record.fault, record.untested, record.down, record.overs) == (None, None, False, [])


@pytest.mark.parametrize(("count", "made"), [(0, 0), (3, 3), (200, 200), (201, 200)])
def test_a_list_is_gone_through_to_a_limit(count: int, made: int, run: Run) -> None:
    seen: list[Any] = []

    def reply(name: str, at: str, scope: Mapping[str, Any]) -> dict[str, Any]:
        seen.append(scope.get("each"))
        return {"body": b"[%b]" % b",".join(b"%d" % n for n in range(count))} if at == "1" else {}

    steps = '[[check.step]]\ncall = "a"\nsave = { all = "" }\n'
    run(f'{steps}[[check.step]]\ncall = "b"\neach = "{{all}}"\n', Server(reply))
    assert seen == [None, *range(made)]


def test_what_is_no_list_ends_the_check(run: Run) -> None:
    server = Server()
    steps = '[[check.step]]\ncall = "a"\nsave = { all = "" }\n'
    record = run(f'{steps}[[check.step]]\ncall = "b"\neach = "{{all}}"\n', server)
    assert server.calls == [("1", "a", 1)]
    assert "no list" in str(record.fault)


def test_what_is_saved_goes_on_to_later_steps(run: Run) -> None:
    seen: dict[str, Any] = {}

    def reply(name: str, at: str, scope: Mapping[str, Any]) -> dict[str, Any]:
        seen[at] = {key: scope.get(key) for key in ("one", "many", "lane", "told", "none")}
        return {}

    run(
        'go_on = true\n[[check.step]]\ncall = "a"\nsave = { one = "id", none = "missing" }\n'
        '[[check.step]]\ncall = "a"\nparallel = 2\nsave = { many = "id" }\n'
        '[[check.step]]\nlanes = [[{ call = "a", save = { lane = "id" } }], [{ call = "b" }]]\n'
        '[[check.step]]\ncall = "b"\nwith = { told = "{one}!" }\n',
        Server(reply),
    )
    last = {"one": "1", "many": ["2#1", "2#2"], "lane": "3.l1.1", "told": "1!", "none": None}
    assert seen["4"] == last
    assert seen["3.l2.1"]["lane"] is None  # of another lane
    assert seen["1"]["one"] is None


@pytest.mark.parametrize(("go_on", "calls"), [(False, ["1"]), (True, ["1", "2"])])
def test_a_failure_ends_a_check_unless_it_goes_on(go_on: bool, calls: list[str], run: Run) -> None:
    server = Server(lambda name, at, scope: {"status": 500 if at == "1" else 200})
    steps = (
        f'go_on = {str(go_on).lower()}\n[[check.step]]\ncall = "a"\n[[check.step]]\ncall = "b"\n'
    )
    record = run(steps, server)
    assert [at for at, _, _ in server.calls] == calls
    assert [one.status for one in record.exchanges] == [500, 200][: len(calls)]
    assert (record.fault, record.untested) == (None, None)  # what was found says why


@pytest.mark.parametrize(("failing", "calls"), [(2, 4), (0, 5)])
def test_lanes_go_to_their_end_before_a_failure_ends_the_check(
    failing: int, calls: int, run: Run
) -> None:
    lanes = '[[check.step]]\ncall = "a"\nparallel = 4\n[[check.step]]\ncall = "b"\n'
    failed = f"1#{failing}"
    server = Server(lambda name, at, scope: {"status": 500 if at == failed else 200})
    run(lanes, server)
    assert len(server.calls) == calls


@pytest.mark.parametrize(
    ("statuses", "all_of", "goes_on"),
    [
        ({}, "{ succeed = 2 }", True),
        ({"1#1": 409}, "{ succeed = 1 }", True),
        ({}, "{ succeed = 1 }", False),
        ({}, '{ distinct = "id" }', True),
        ({}, '{ same = "id" }', False),
    ],
)
def test_replies_that_are_judged_together_can_end_a_check(
    statuses: dict[str, int], all_of: str, goes_on: bool, run: Run
) -> None:
    server = Server(lambda name, at, scope: {"status": statuses.get(at, 200)})
    record = run(
        '[[check.step]]\ncall = "a"\nrepeat = 2\nexpect = { status = ["2xx", "409"] }\n'
        f'all = {all_of}\n[[check.step]]\ncall = "b"\n',
        server,
    )
    assert record.overs == ["1"]
    assert (server.calls[-1][1] == "b") is goes_on


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"status": 404, "body": b'{"detail": "none here"}'}, "(status 404, none here)"),
        ({"status": 404, "body": b"no JSON"}, "(status 404)"),
        ({"status": 404, "body": b"[]"}, "(status 404)"),
        ({"status": None, "message": "reset"}, "(reset)"),
    ],
)
def test_what_a_server_does_not_have_cannot_be_checked(
    reply: dict[str, Any], said: str, run: Run
) -> None:
    server = Server(lambda name, at, scope: reply)
    steps = '[[check.step]]\ncall = "a"\nuntested_if = ["404", "no reply"]\n'
    record = run(steps, server)
    assert said in str(record.untested)
    assert [one.judged for one in record.exchanges] == [False]
    assert not record.down


def test_what_was_broken_off_is_neither_judged_nor_a_gap(run: Run) -> None:
    server = Server(lambda name, at, scope: {"status": None, "judged": False} if at == "1" else {})
    steps = '[[check.step]]\ncall = "a"\nuntested_if = ["no reply"]\n[[check.step]]\ncall = "b"\n'
    record = run(steps, server)
    assert [at for at, _, _ in server.calls] == ["1", "2"]
    assert record.untested is None


def test_a_check_has_its_deadline(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setitem(globals(), "HEAD", HEAD.replace("deadline_s = 20.0", "deadline_s = 0.05"))
    record = run('[[check.step]]\ncall = "a"\n[[check.step]]\nwait = 60.0\n', server)
    assert "0.05 s" in str(record.fault)
    assert [at for at, _, _ in server.calls] == ["1"]


def test_a_server_that_is_down_makes_a_check_untested(run: Run) -> None:
    server = Server()
    record = run('[[check.step]]\ncall = "a"\n', server, down="it is gone")
    assert (record.untested, record.down, server.calls) == ("it is gone", True, [])


@pytest.mark.parametrize("lost", [False, True])
def test_a_connection_that_was_lost_is_noted(lost: bool, run: Run) -> None:
    server = Server()
    server.lost_kept = lost
    assert run('[[check.step]]\ncall = "a"\n', server).lost_kept is lost


RESTART = '[[check.step]]\nrestart = true\n[[check.step]]\ncall = "a"\n'


@pytest.mark.parametrize(
    ("hook", "silences", "calls", "said"),
    [
        ("true", [], 1, None),
        ("true", ["refused", "refused"], 1, None),  # looked at until it answers
        ("exit 3", [], 0, "ended with 3"),
        (None, [], 0, "--restart-hook"),
    ],
)
def test_a_restart_is_waited_for(
    hook: str | None,
    silences: list[str],
    calls: int,
    said: str | None,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script, "_LOOK_AGAIN_S", 0.001)
    server = Server()
    server.silences = silences
    record = run(RESTART, server, hook=hook)
    assert len(server.calls) == calls
    assert server.silences == []
    assert (record.untested is None) if said is None else (said in str(record.untested))


@pytest.mark.parametrize("hook", ["exec sleep 60", "true"])
def test_a_restart_that_takes_too_long_is_given_up(
    hook: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "_RESTART_S", 0.3)
    monkeypatch.setattr(script, "_LOOK_AGAIN_S", 0.001)
    server = Server()
    server.silences = ["refused"] * 100_000 if hook == "true" else []
    record = run(RESTART, server, hook=hook)
    assert "no answer within 0.3 s" in str(record.untested)
    assert server.calls == []


def test_a_hook_runs_in_the_project_and_reads_nothing(run: Run, tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdin.read()); open('seen', 'w').write(os.getcwd())"
    run(RESTART, Server(), hook=f'{sys.executable} -c "{code}"')
    assert (tmp_path / "seen").read_text() == str(tmp_path.resolve())
