"""A run against a host that refuses parameters: learned once, recorded, kept when it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.endpoints.base import Reply, Sampling
from liftlab.errors import EndpointUnreachable, InputInvalid, LiftlabError
from liftlab.jobs import running
from liftlab.pipeline.base import Prompt
from liftlab.runner.probe import cheap, learn, probe_prompt
from liftlab.runner.request import RunRequest
from liftlab.settings import load_project
from liftlab.timing.clock import Stamps
from tests.endpoints import hosts as emulated
from tests.endpoints.hosts import Hosts, hosts_running

LIMITED = "[limits]\nmax_requests = 1\n"


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with hosts_running() as server:
        yield server


def planned(folder: Path, hosts: Hosts, name: str, more: str = "", **changes: object) -> RunRequest:
    (folder / "liftlab.toml").write_text(
        f'[run]\nsuite = "tiny"\nendpoint = "x"\npipeline = "direct"\nrepeats = 1\n{more}'
        f'[endpoints.x]\nprotocol = "openai"\nbase_url = "{hosts.url(name)}"\nmodel = "m"\n'
        "[endpoints.x.retry]\nfirst_wait_s = 0\n"
    )
    return running.plan_run(load_project(folder, environ={}), **changes)  # type: ignore[arg-type]


def test_what_is_learned_is_recorded_once_and_kept_when_a_run_goes_on(
    project_folder: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = planned(project_folder, hosts, "gpt-5", LIMITED)
    run = running.run_suite(request)
    assert run.run.status == "partial"
    assert run.run.left_out == "temperature, top_p"
    assert (run.run.temperature, run.run.top_p, run.run.max_tokens) == (None, None, 2048)
    probes = run.attempts[run.attempts["phase"] == "probe"]
    assert list(probes["http_status"]) == [400, 400, 200]
    assert probes["case_id"].isna().all()
    assert set(probes["request_id"]) <= {told.get("x-request-id") for told in hosts.headers}
    first = set(hosts.bodies[-1])

    hosts.bodies.clear()
    planned(project_folder, hosts, "gpt-5")
    resumed = running.resume_run(load_project(project_folder, environ={}), run.run.run_id)
    assert resumed.run.status == "complete"
    assert resumed.run.left_out == "temperature, top_p"
    assert all(set(body) <= first | {"max_tokens"} for body in hosts.bodies)
    assert set(hosts.bodies[-1]) == first


def test_a_run_does_not_go_on_with_other_requests(
    project_folder: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = running.run_suite(planned(project_folder, hosts, "plain", LIMITED))
    assert run.run.left_out == ""
    monkeypatch.setitem(emulated.REFUSE, "plain", emulated.claude)
    with pytest.raises(LiftlabError, match=r"now refuses top_p.*start a new run") as caught:
        running.resume_run(load_project(project_folder, environ={}), run.run.run_id)
    assert caught.value.exit_code == InputInvalid.exit_code


def test_a_wrong_key_costs_one_request_and_no_trial(project_folder: Path, hosts: Hosts) -> None:
    with pytest.raises(LiftlabError, match="Incorrect API key") as caught:
        running.run_suite(planned(project_folder, hosts, "bad-key"))
    assert caught.value.exit_code == 4
    assert len(hosts.bodies) == 2  # the warm-up's, and the one that tells
    [summary] = store.list_runs(project_folder / "data" / "runs")
    assert (summary.status, summary.trials) == ("failed", 0)


def test_an_endpoint_that_is_asleep_is_woken(project_folder: Path, hosts: Hosts) -> None:
    run = running.run_suite(planned(project_folder, hosts, "asleep"))
    assert run.run.status == "complete"
    assert run.trials["completed"].all()


def test_a_url_takes_its_token_its_headers_and_its_model(
    project_folder: Path,
    hosts: Hosts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("MY_KEY", "k-77")
    told = [hosts.url("closed-models"), "--protocol", "openai", "--model", "m-9"]
    more = ["--token-env", "MY_KEY", "--header", "X-Team=lift"]
    assert main(["load", *told, *more, "-n", "1"]) == 0
    assert main(["health", "--endpoint", *told, *more]) == 0
    assert main(["wake", "--endpoint", *told, *more]) == 0
    assert {(h["authorization"], h["x-team"]) for h in hosts.headers} == {("Bearer k-77", "lift")}
    assert {body["model"] for body in hosts.bodies} == {"m-9"}
    assert main(["run", "--endpoint", *told, *more, "--pipeline", "direct", "--dry-run"]) == 0
    assert "a request of at most 64 tokens is sent" in capsys.readouterr().out
    assert main(["health", "--endpoint", *told, "--header", "api-key=k-78"]) == 2
    said = capsys.readouterr().err
    assert "headers_env" in said
    assert "k-7" not in said


def test_without_a_warm_up_nothing_is_asked_before(project_folder: Path, hosts: Hosts) -> None:
    run = running.run_suite(planned(project_folder, hosts, "plain", warm_up=False))
    assert set(run.attempts["phase"]) == {"measure"}
    assert run.run.left_out == ""


def test_the_probe_comes_with_what_a_stage_comes_with() -> None:
    class Later:
        def prompt(self, request: str, values: dict[str, str]) -> Prompt:
            return Prompt(text=values["first"], schema={"no": 1})

    class First:
        def __init__(self, schema: dict[str, str] | None) -> None:
            self.schema = schema

        def prompt(self, request: str, values: dict[str, str]) -> Prompt:
            return Prompt(text="long", system="S", schema=self.schema)

    told = probe_prompt([Later(), First(None), First({"a": "b"})])  # type: ignore[list-item]
    assert (told.text, told.system, told.schema) == ("Reply with the word ok.", "S", {"a": "b"})
    assert probe_prompt([Later()]).schema is None  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("told", "ends", "hint"),
    [
        ({"error_class": "http_4xx", "http_status": 401}, True, "key"),
        ({"error_class": "http_4xx", "http_status": 403}, True, "key"),
        ({"error_class": "http_4xx", "http_status": 404}, True, "address"),
        ({"error_class": "http_4xx", "http_status": 402}, True, None),
        ({"error_class": "http_4xx", "http_status": 400}, True, None),
        ({"error_class": "http_429", "http_status": 429, "final": True}, True, "quota"),
        ({"error_class": "dns"}, True, None),
        ({"error_class": "connect"}, True, None),
        ({"error_class": "tls"}, True, None),
        ({"error_class": "http_5xx", "http_status": 503}, False, None),
        ({"error_class": "deadline"}, False, None),
        ({"http_status": 200}, False, None),
    ],
)
async def test_a_run_begins_unless_nobody_is_there(
    told: dict[str, Any], ends: bool, hint: str | None
) -> None:
    reply = Reply(stamps=Stamps(called_ns=0), **told)

    async def ask() -> Reply:
        return reply

    if not ends:
        assert await learn(ask, "e") is reply
        return
    with pytest.raises(EndpointUnreachable) as caught:
        await learn(ask, "e")
    assert (hint or "answers no request") in str(caught.value)
    assert ("?" in str(caught.value) or "quota" in str(caught.value)) is (hint is not None)


@pytest.mark.parametrize(("refused", "asked"), [(0, 1), (3, 4), (99, 10)])
async def test_a_server_that_refuses_everything_is_not_asked_for_ever(
    refused: int, asked: int
) -> None:
    replies: list[Reply] = []

    async def ask() -> Reply:
        otherwise = len(replies) < refused
        replies.append(Reply(stamps=Stamps(called_ns=0), ask_otherwise=otherwise))
        return replies[-1]

    assert await learn(ask, "e") is replies[-1]
    assert len(replies) == asked


def test_a_cheap_request_has_a_short_answer() -> None:
    assert [cheap(Sampling(max_tokens=most)).max_tokens for most in (8, 64, 65)] == [8, 64, 64]
