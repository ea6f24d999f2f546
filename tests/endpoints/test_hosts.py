"""Each host that people have: learned before the run, or measured by the recipe of the docs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from liftlab.endpoints.base import Health, Reply, Request, Sampling
from liftlab.endpoints.connect import connect
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.errors import EndpointUnreachable
from liftlab.runner.probe import learn
from liftlab.settings import EndpointSettings
from tests.endpoints.hosts import CODE, Hosts, hosts_running

DOCS = Path(__file__).parents[2] / "docs" / "endpoints.md"
RECIPES: dict[str, dict[str, Any]] = {}
for _block in re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL):
    RECIPES |= tomllib.loads(_block)["endpoints"]
SCHEMA = {"type": "object"}


@pytest.fixture(scope="module")
def running() -> Iterator[Hosts]:
    with hosts_running() as server:
        yield server


@pytest.fixture
def hosts(running: Hosts) -> Hosts:
    for kept in (running.bodies, running.headers, running.paths, running.seen):
        kept.clear()
    return running


def asked(**changes: Any) -> Request:
    sampling = Sampling(seed=7, max_tokens=64)
    fields = {"prompt": "Double it.", "request_id": "r-1", "sampling": sampling, **changes}
    return Request(**fields)


async def measured(
    settings: EndpointSettings, **changes: Any
) -> tuple[OpenAIEndpoint, list[Health], Reply]:
    """Ask how an endpoint is, learn its form, and send what a trial would."""
    endpoint = connect(settings, environ=dict.fromkeys(_variables(settings), "k-1"))
    assert isinstance(endpoint, OpenAIEndpoint)
    try:
        health = await endpoint.health()
        await learn(lambda: endpoint.probe(asked(**changes)), settings.name)
        return endpoint, health, await endpoint.generate(asked(**changes))
    finally:
        await endpoint.close()


def _variables(settings: EndpointSettings) -> set[str]:
    return {*settings.headers_env.values(), *filter(None, [settings.token_env])}


def host(hosts: Hosts, name: str, **fields: Any) -> EndpointSettings:
    told = {"name": name, "protocol": "openai", "base_url": hosts.url(name), "model": "m"}
    return EndpointSettings.model_validate(told | fields)


@pytest.mark.parametrize(
    ("name", "stream", "left_out", "refused"),
    [
        ("plain", False, set(), 0),
        ("gpt-5", False, {"temperature", "top_p"}, 3),
        ("strict", False, {"seed"}, 1),
        ("no-stream-options", True, {"stream_options"}, 1),
        ("claude", False, {"top_p"}, 1),
    ],
)
async def test_what_a_host_refuses_is_left_out_from_then_on(
    hosts: Hosts, name: str, stream: bool, left_out: set[str], refused: int
) -> None:
    endpoint, _, reply = await measured(host(hosts, name), stream=stream)
    assert reply.value == CODE
    assert endpoint.form.left_out == left_out
    assert len(hosts.bodies) == refused + 2
    last = hosts.bodies[-1]
    assert last.keys() == hosts.bodies[-2].keys()
    assert not left_out & last.keys()
    assert last["max_completion_tokens" if name == "gpt-5" else "max_tokens"] == 64


async def test_a_refused_format_becomes_words_in_the_prompt(hosts: Hosts) -> None:
    endpoint, _, _ = await measured(host(hosts, "no-format"), schema=SCHEMA)
    assert endpoint.form.left_out == {"response_format"}
    assert [b.get("response_format", {}).get("type") for b in hosts.bodies] == [
        "json_schema",
        "json_object",
        None,
        None,
    ]
    assert "JSON Schema" in hosts.bodies[-1]["messages"][0]["content"]


async def test_sampling_never_changes_once_the_run_has_begun(hosts: Hosts) -> None:
    endpoint = connect(host(hosts, "strict"))
    before = endpoint.form
    reply = await endpoint.generate(asked())
    await endpoint.close()
    assert (reply.error_class, reply.ask_otherwise) == ("http_4xx", False)
    assert endpoint.form == before


async def test_a_host_that_refuses_everything_is_not_asked_for_ever(hosts: Hosts) -> None:
    with pytest.raises(EndpointUnreachable, match="unknown field"):
        await measured(host(hosts, "insatiable"))
    assert len(hosts.bodies) == 10


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("quota", "exceeded your current quota.*quota is used up"),
        ("unknown-model", "does not exist.*address and the model"),
        ("bad-key", "Incorrect API key.*token_env"),
    ],
)
async def test_what_no_request_will_change_is_told_at_once(
    hosts: Hosts, name: str, said: str
) -> None:
    with pytest.raises(EndpointUnreachable, match=said):
        await measured(host(hosts, name))
    assert len(hosts.bodies) == 1


async def test_a_quota_that_is_used_up_is_no_cold_start(hosts: Hosts) -> None:
    endpoint = connect(host(hosts, "quota"))
    call = await endpoint.warm("w-1", 5.0)
    await endpoint.close()
    assert (call.ok, call.starting) == (False, False)


@pytest.mark.parametrize("name", ["no-models", "closed-models", "no-get"])
async def test_a_closed_list_of_models_is_a_note_where_one_is_named(
    hosts: Hosts, name: str
) -> None:
    _, [models, *_], reply = await measured(host(hosts, name))
    assert (models.ok, models.note, reply.value) == (True, True, CODE)
    unnamed = connect(host(hosts, name, model=None))
    [models, *_] = await unnamed.health()
    await unnamed.close()
    assert not models.ok
    assert "--model" in models.status


async def test_a_host_that_is_asleep_is_told_from_one_that_is_down(hosts: Hosts) -> None:
    endpoint = connect(host(hosts, "asleep", health_url=False))
    [models] = await endpoint.health()
    call = await endpoint.warm("w-1", 5.0)
    again = await endpoint.warm("w-2", 5.0)
    await endpoint.close()
    assert (models.ok, models.starting) == (False, True)
    assert [(c.ok, c.starting) for c in (call, again)] == [(False, True), (True, False)]
    assert again.reply.output_tokens == 9


@pytest.mark.parametrize(
    ("name", "stream", "expected"),
    [
        ("deepseek", False, (20, 16, 9, None, None)),
        ("openrouter", False, (20, None, 9, 4, 0.00014)),
        ("openrouter", True, (20, None, 9, 4, 0.00014)),
        ("groq", True, (20, None, 9, None, None)),
    ],
)
async def test_usage_is_read_as_hosts_report_it(
    hosts: Hosts, name: str, stream: bool, expected: tuple[Any, ...]
) -> None:
    _, _, reply = await measured(host(hosts, name), stream=stream)
    assert (
        reply.prompt_tokens,
        reply.cached_tokens,
        reply.output_tokens,
        reply.reasoning_tokens,
        reply.reported_usd,
    ) == expected


@pytest.mark.parametrize("name", RECIPES)
async def test_a_recipe_works(hosts: Hosts, name: str) -> None:
    recipe = dict(RECIPES[name])
    for key in {"base_url", "generate_url"} & recipe.keys():
        path = f"/{name}/v1" if key == "base_url" else urlsplit(recipe[key]).path
        recipe[key] = f"http://127.0.0.1:{hosts.server_address[1]}{path}"
    settings = EndpointSettings.model_validate({"name": name, **recipe})
    _, health, reply = await measured(settings, stream=settings.stream)
    assert all(answer.ok for answer in health)
    assert (reply.value, reply.output_tokens) == (CODE, 9)
    assert len(hosts.bodies) == 2  # nothing had to be learned
    assert "/health" not in hosts.paths  # LiteLLM's costs money


async def test_azure_has_its_query_its_header_and_its_address(hosts: Hosts) -> None:
    recipe = dict(RECIPES["azure"])
    address = urlsplit(recipe["generate_url"])._replace(
        scheme="http", netloc=f"127.0.0.1:{hosts.server_address[1]}"
    )
    recipe["generate_url"] = address.geturl()
    await measured(EndpointSettings.model_validate({"name": "azure", **recipe}))
    assert set(hosts.paths) == {
        "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
    }
    assert hosts.headers[-1]["api-key"] == "k-1"
    assert "model" not in hosts.bodies[-1]


async def test_body_headers_and_omit_go_over_everything_of_ours(hosts: Hosts) -> None:
    settings = host(
        hosts,
        "plain",
        seed="omit",
        top_p="omit",
        body={"temperature": 1, "max_tokens": "null", "reasoning_effort": "low"},
        headers={"X-Team": "lift"},
        keep_alive=False,
    )
    await measured(settings)
    sent = hosts.bodies[-1]
    assert set(sent) == {"messages", "model", "temperature", "reasoning_effort"}
    assert sent["temperature"] == 1
    told = hosts.headers[-1]
    assert (told["x-team"], told["connection"]) == ("lift", "close")
