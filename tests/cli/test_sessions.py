"""`liftlab sessions` is a run like any other, and says what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from liftlab.cli.main import main
from tests.conftest import ROOT
from tests.sessions.bodies import Refused
from tests.sessions.reference import Reference
from tests.sessions.serving import serve

CHECKS = str(ROOT / "data/sessions/lift.toml")
FEW = ("isolation-read", "list-has-new", "delete-finalized", "parallel-creates")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def here(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    return project_folder


def check(url: str, *ids: str, more: tuple[str, ...] = ()) -> int:
    chosen = [part for name in ids for part in ("--only", name)]
    return main(["sessions", url, "--checks", CHECKS, *chosen, *more])


def test_a_sound_server_passes_and_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as server:
        assert check(server.url, *FEW) == 0
        assert not server.sessions
    said = capsys.readouterr().out
    assert "0 critical failures (target: fewer than 10; met)" in said
    assert f"{len(FEW)} of {len(FEW)} checks passed" in said
    assert main(["check", "sessions"]) == 0
    capsys.readouterr()
    assert main(["show", "sessions", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {call["call"] for call in told["calls"]} >= {"create", "list", "delete"}
    assert main(["doctor", "sessions"]) == 0
    assert "orphans    none" in capsys.readouterr().out


def test_a_leak_is_told_with_its_exchange_and_no_token(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SESSION_TOKEN", "s3cret-token-value")
    with serve("read_foreign") as server:
        assert check(server.url, *FEW, more=("--token-env", "SESSION_TOKEN")) == 0
    told = capsys.readouterr()
    assert "1 critical failure " in told.out
    assert "GET /api/spec-sessions/" in told.out
    assert "--token-env SESSION_TOKEN --only isolation-read" in told.out
    assert "s3cret-token-value" not in told.out + told.err
    kept = [path.read_bytes() for path in here.rglob("*") if path.is_file()]
    assert not any(b"s3cret-token-value" in content for content in kept)


class Locked(Reference):
    """Its ids are markup, and it deletes nothing until it is told to."""

    locked = True

    async def new_id(self) -> str:
        return f"<b>\x1b[31m{await super().new_id()}"

    async def delete(self, request: web.Request) -> web.Response:
        if self.locked:
            raise Refused(503, "later")
        return await super().delete(request)


def test_what_stays_on_the_server_is_named_until_it_is_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve(kind=Locked) as server:
        assert check(server.url, "list-has-new") == 0
        [session] = server.sessions.values()
        said = capsys.readouterr().out
        assert f"user {session.owner}, made by check list-has-new (create); status 503" in said
        assert "\x1b" not in said
        assert main(["show", "sessions", "--json"]) == 0
        [left] = json.loads(capsys.readouterr().out)["left"]
        assert (left["id"], left["check"]) == (session.session_id, "list-has-new")
        [run_id] = {word for word in said.split() if word.startswith("20") and "_" in word}
        server.locked = False  # type: ignore[attr-defined]
        assert main(["sessions", "--resume", run_id]) == 0
        assert "Left on the server" not in capsys.readouterr().out
        assert not server.sessions


def test_a_dead_server_has_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(NOWHERE, *FEW) == 4
    assert "not measurable, the server does not answer" in capsys.readouterr().out
    assert main(["check", "sessions"]) == 4


def test_a_run_goes_on_where_it_ended(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(NOWHERE, "list-has-new") == 4
    [run] = [path for path in (here / "data/runs").iterdir() if path.is_dir()]
    with serve() as server:
        manifest = run / "manifest.json"
        manifest.write_text(manifest.read_text().replace(NOWHERE, server.url))
        assert main(["sessions", "--resume", run.name]) == 0
    assert "1 of 1 check passed" in capsys.readouterr().out
    assert main(["run", "--resume", run.name]) == 6
    assert "liftlab sessions --resume" in capsys.readouterr().err


def test_it_stands_in_the_status_of_a_suite(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve("read_foreign") as server:
        assert check(server.url, "isolation-read") == 0
    capsys.readouterr()
    for audience in ([], ["--for", "daily"]):
        assert main(["status", "sessions", *audience]) == 0
        said = capsys.readouterr().out
        assert "1 critical failure" in said
        assert "Who learns an id must not thereby learn the work." in said


@pytest.mark.parametrize("args", [[], [NOWHERE, "--resume", "y"], [NOWHERE, "--only", "reed"]])
def test_contradictions_are_refused(args: list[str]) -> None:
    assert main(["sessions", *args]) == 2


def test_what_is_of_answers_says_so_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve() as server:
        check(server.url, "list-has-new")
    capsys.readouterr()
    (here / "claims.md").write_text("The success rate is 75 %.\n")
    out = str(here / "out.json")
    for args in (
        ["baseline", "set", "sessions"],
        ["compare", "sessions", "sessions"],
        ["compare", "sessions", "sessions", "sessions"],
        ["claims", "sessions"],
        ["lint-report", str(here / "claims.md"), "--run", "sessions"],
        ["reproduce", "sessions", "list-has-new"],
        ["readme-update", "sessions"],
        ["export", "sessions", "--format", "week2", "--out", out],
    ):
        assert main(args) == 6, args
        told = capsys.readouterr()
        assert "is a run of session checks" in told.err
        assert told.out == ""
    assert main(["trial", "sessions", "list-has-new"]) == 0
    assert main(["export", "sessions", "--format", "jsonl", "--out", out]) == 0


class Elsewhere(Reference):
    """A server of another kind, which answers every path alike."""

    status, kind = 404, "application/json"

    def app(self) -> web.Application:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=self.status, text="{}", content_type=self.kind)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        return app


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, "application/json", "answered with 404"),
        (401, "application/json", "answered with 401; if it wants a token, name its variable"),
        (405, "text/plain", "answered with 405"),
        (501, "text/html", "answered with 501"),
        (200, "text/html", "answered with 200 and no JSON"),
    ],
)
def test_a_server_without_sessions_is_not_judged(
    status: int, kind: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = type("Other", (Elsewhere,), {"status": status, "kind": kind})
    with serve(kind=other) as server:
        assert check(server.url, *FEW) == 4
    told = capsys.readouterr()
    assert f"does not offer these sessions: POST /api/spec-sessions was {said}" in told.out
    assert "failure" not in told.out
    assert told.err.strip().splitlines()[-1].endswith("so nothing is judged")
    assert main(["check", "sessions"]) == 4


def test_a_server_that_answers_calls_that_are_wrong_has_sessions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = type("Other", (Elsewhere,), {"status": 422})
    with serve(kind=other) as server:
        assert check(server.url, *FEW) == 0
    assert "failure" in capsys.readouterr().out
