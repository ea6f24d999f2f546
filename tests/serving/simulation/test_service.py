"""The simulator's own model: queue, cold starts, tokens, hops, seeds, and what it logs of them."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import re
import select
import socket
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from liftlab.pipeline import prompts
from liftlab.serving.request_log import read_request_log
from liftlab.serving.simulation.answers import instance
from liftlab.serving.simulation.faults import KINDS, parse_fault
from liftlab.serving.simulation.profile import Chance, Profile, load_profile, profile_names
from liftlab.serving.simulation.service import Simulator
from liftlab.serving.simulation.truth import Truth, TruthLog
from liftlab.serving.simulation.wire import Connection, Received, listening

GUIDE = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
LONG_S = 3600.0
NAP_S = 0.02


@dataclass
class Response:
    """A response as a raw client read it: lines of the head, body with chunks undone."""

    status: int
    head: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class World:
    """A running simulator and how to ask it."""

    port: int
    log: TruthLog
    path: Path

    async def ask(
        self, path: str, body: Any = None, request_id: str = "r", fault: str | None = None
    ) -> Response:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "host: localhost"]
        lines += [f"x-request-id: {request_id}", f"content-length: {len(content)}"]
        lines += [f"x-simulate: {fault}"] if fault else []
        try:
            writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + content)
            head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
            await writer.wait_closed()
        text = head.decode()
        body_bytes = unchunked(rest) if "transfer-encoding: chunked" in text else rest
        return Response(int(text.split()[1]), text, body_bytes)

    def truth(self) -> dict[str, dict[str, Any]]:
        self.log.flush()
        return {line["request_id"]: line for line in read_request_log(self.path)}


def unchunked(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return body


Start = Callable[..., Awaitable[World]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Start a simulator with ``async with world(profile fields)``."""

    @asynccontextmanager
    async def start(time_scale: float = 1.0, **fields: Any) -> AsyncIterator[World]:
        path = tmp_path / "truth.jsonl"
        with TruthLog(path) as log:
            simulator = Simulator(Profile.model_validate(fields), time_scale=time_scale, log=log)
            async with asyncio.timeout(20), listening(simulator.handle) as listener:
                yield World(listener.port, log, path)

    return start


def generate(seed: int | None = 1, **fields: Any) -> dict[str, Any]:
    return {"prompt": "hello", "seed": seed, **fields}


def chat(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hello"}], "seed": 1, **fields}


async def test_more_than_the_slots_wait_for_one_another(world: Any) -> None:
    async with world(slots=1, service={"base_s": NAP_S}) as w:
        await asyncio.gather(*(w.ask("/generate", generate(), f"r{n}") for n in range(3)))
    lines = w.truth().values()
    ends = sorted(line["last_byte_s"] for line in lines)
    assert all(later - sooner >= NAP_S for sooner, later in itertools.pairwise(ends))
    assert all(line["service_s"] >= NAP_S for line in lines)
    assert all(line["queue_s"] >= 0 for line in lines)


async def test_answers_are_worse_in_a_crowd_and_only_there(world: Any) -> None:
    crowd = {"above": 2, "missing_return": 1.0}
    asked = generate(prompt="Write a Python function that adds two numbers. Function only.")
    async with world(slots=9, service={"base_s": 0.2}, answers={"crowd": crowd}) as w:
        await asyncio.gather(*(w.ask("/generate", asked, f"r{n}") for n in range(4)))
        await w.ask("/generate", asked, "later")
    truth = w.truth()
    assert sorted(truth[f"r{n}"]["under_way"] for n in range(4)) == [1, 2, 3, 4]
    assert truth["later"]["under_way"] == 1
    for line in truth.values():
        assert line["quality"] == ("missing_return" if line["under_way"] > 2 else "right")


async def test_service_is_a_base_and_a_time_for_each_further_token(world: Any) -> None:
    fields = {"service": {"base_s": 1000.0, "token_s": 100.0}, "tokens": {"other": [11, 11]}}
    async with world(time_scale=1e5, **fields) as w:
        reply = (await w.ask("/generate", generate())).json()
    (line,) = w.truth().values()
    assert line["tokens"] == reply["tokens_used"] == 11
    assert line["service_s"] >= 0.02  # (1000 + 10 × 100) / 1e5: undivided it would never end
    assert reply["generation_time_ms"] == pytest.approx(line["service_s"] * 1000, rel=0.5)


async def test_request_that_wakes_the_container_is_held_and_later_ones_are_not(world: Any) -> None:
    async with world(cold={"load_s": NAP_S}) as w:
        await w.ask("/health")
        await w.ask("/generate", generate(), "first")
        await w.ask("/generate", generate(), "second")
    truth = w.truth()
    assert truth["first"]["cold_s"] >= NAP_S
    assert truth["second"]["cold_s"] is None


async def test_container_goes_when_nobody_asks(world: Any) -> None:
    async with world(time_scale=1e6, cold={"load_s": 20_000, "idle_s": 1e-6}) as w:
        await w.ask("/generate", generate(), "first")
        await w.ask("/generate", generate(), "second")
    assert w.truth()["second"]["cold_s"] >= 0.02


async def test_storm_lasts_until_the_model_is_loaded(world: Any) -> None:
    statuses = [503, 408, 502]
    async with world(cold={"load_s": NAP_S, "storm": statuses}) as w:
        seen = [(await w.ask("/warmup")).status]
        while seen[-1] != 200:
            seen.append((await w.ask("/generate", generate())).status)
    assert seen[:-1] == [statuses[n % 3] for n in range(len(seen) - 1)]


async def test_stream_has_a_write_for_each_token_and_says_its_usage(world: Any) -> None:
    fields = {"tokens": {"other": [5, 5]}, "service": {"token_s": 0.002}}
    asked = chat(stream=True, stream_options={"include_usage": True})
    async with world(**fields) as w:
        streamed = await w.ask("/v1/chat/completions", asked, "s")
        whole = await w.ask("/v1/chat/completions", chat(), "w")
    events = [line[6:] for line in streamed.body.split(b"\n\n") if line]
    assert events[-1] == b"[DONE]"
    data = [json.loads(event) for event in events[:-1]]
    text = "".join(c["delta"].get("content", "") for d in data for c in d["choices"])
    assert (
        text == whole.json()["choices"][0]["message"]["content"] == "word1 word2 word3 word4 word5"
    )
    assert data[-1]["usage"]["completion_tokens"] == whole.json()["usage"]["completion_tokens"] == 5
    line = w.truth()["s"]
    assert line["writes"] == 6  # five tokens and the end
    assert line["last_byte_s"] - line["first_byte_s"] >= 4 * 0.002
    assert data[0]["id"] == line["response_id"]


async def test_redirects_lead_to_the_answer(world: Any) -> None:
    async with world() as w:
        first = await w.ask("/generate", generate(), fault="hop times=2")
        place = first.head.lower().split("location: ")[1].split("\r\n")[0]
        second = await w.ask(place)
        third = await w.ask(place)
        fourth = await w.ask(place)
    assert [r.status for r in (first, second, third, fourth)] == [303, 303, 200, 404]
    assert third.json()["finish_reason"] == "stop"


async def test_unknown_fault_in_the_header_is_refused(world: Any) -> None:
    async with world() as w:
        reply = await w.ask("/generate", generate(), fault="explode")
    assert reply.status == 422
    assert "no fault 'explode'" in reply.json()["detail"]


async def test_reply_without_a_body_has_no_byte_of_one(world: Any) -> None:
    async with world() as w:
        await w.ask("/generate", generate(), "head", fault="close-after-head")
        await w.ask("/generate", generate(), "half", fault="close-in-body")
    truth = w.truth()
    assert truth["head"]["first_byte_s"] is None
    assert truth["head"]["bytes_sent"] < truth["half"]["bytes_sent"]
    assert truth["half"]["first_byte_s"] is not None


async def test_a_request_counts_from_its_arrival_and_not_from_when_a_busy_server_reads_it() -> None:
    received: asyncio.Queue[float] = asyncio.Queue()

    async def handle(request: Received, _: Connection) -> None:
        received.put_nowait(request.received_s)

    async with asyncio.timeout(20), listening(handle) as listener:
        with socket.create_connection(("127.0.0.1", listener.port)) as client:
            while not listener.connections:  # noqa: ASYNC110
                await asyncio.sleep(0)
            (connection,) = listener.connections
            server_end = connection._transport.get_extra_info("socket")
            for _ in range(1000):  # a kernel begins to tell a moment after it is first asked to
                sent_s = time.perf_counter()
                client.sendall(b"GET /health HTTP/1.1\r\n\r\n")
                select.select([server_end], [], [])
                there_s = time.perf_counter()
                received_s = await received.get()
                assert sent_s <= received_s
                if received_s <= there_s:
                    return
    pytest.skip("this kernel does not tell when bytes came")


def test_spread_stays_within_its_bounds() -> None:
    factors = [Chance("spread", n).around_one(0.5) for n in range(200)]
    assert 0.5 <= min(factors) < 0.6
    assert 1.4 < max(factors) <= 1.5
    assert Chance("spread").around_one(0) == 1


async def test_same_seed_gives_the_same_answer_and_another_may_not(world: Any) -> None:
    asked = {"prompt": prompts.body_prompt(prompts.EMPTY_IR), "schema": prompts.BODY_SCHEMA}
    fields = {"answers": {"plain": {"does_not_parse": 0.5}}, "tokens": {"body": [1, 1000]}}
    async with world(**fields) as w:
        for repeat in "ab":
            for seed in range(12):
                await w.ask("/generate", {**asked, "seed": seed}, f"{repeat}{seed}")
    truth = w.truth()

    def drawn(repeat: str) -> list[tuple[int, str]]:
        lines = [truth[f"{repeat}{seed}"] for seed in range(12)]
        return [(line["tokens"], line["quality"]) for line in lines]

    assert drawn("a") == drawn("b")
    assert {quality for _, quality in drawn("a")} == {"right", "does_not_parse"}
    assert len(set(drawn("a"))) > 6


async def test_answer_is_cut_at_max_tokens(world: Any) -> None:
    async with world(tokens={"other": [50, 50]}) as w:
        reply = (await w.ask("/generate", generate(max_tokens=7))).json()
    assert (reply["finish_reason"], reply["tokens_used"]) == ("length", 7)


async def test_client_that_goes_away_frees_its_slot(world: Any) -> None:
    async with world(slots=1, service={"base_s": LONG_S}) as w:
        _, writer = await asyncio.open_connection("127.0.0.1", w.port)
        body = json.dumps(generate()).encode()
        head = f"POST /generate HTTP/1.1\r\nx-request-id: gone\r\ncontent-length: {len(body)}"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        while "gone" not in w.truth():  # noqa: ASYNC110 - the log is a file
            await asyncio.sleep(0.001)
    line = w.truth()["gone"]
    assert line["client_left"]
    assert line["last_byte_s"] is None


async def test_bytes_that_are_no_request_are_refused(world: Any) -> None:
    async with world() as w:
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(b"POST /generate HTTP/1.1\r\ncontent-length: many\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("name", profile_names())
def test_profiles_that_come_along_can_be_read(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.description


def test_guide_names_every_profile_fault_and_field() -> None:
    names = [*profile_names(), *KINDS, *(field.name for field in dataclasses.fields(Truth))]
    assert [name for name in names if f"`{name}" not in GUIDE] == []


def test_guides_profile_can_be_used() -> None:
    block = next(b for b in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL) if "slots" in b)
    assert Profile.model_validate(tomllib.loads(block)).faults[1].requests == (3, 7)


@pytest.mark.parametrize(("kind", "published_s"), [("ir", 10.4), ("body", 4.2)])
def test_published_medians_are_what_the_profile_draws(kind: str, published_s: float) -> None:
    profile = load_profile("week2-a10g")
    low, high = getattr(profile.tokens, kind)
    middle_s = profile.service.base_s + profile.service.token_s * ((low + high) / 2 - 1)
    assert middle_s == pytest.approx(published_s, abs=0.01)


@pytest.mark.parametrize(
    "words", ["drip by=3", "drip s=soon", "drip s=nan", "huge-head bytes=1e12", ""]
)
def test_fault_that_is_not_one_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"fault|float"):
        parse_fault(words)


def test_instance_fits_its_schema() -> None:
    import jsonschema

    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "many": {"type": "array", "items": {"type": "number"}, "minItems": 2},
            "sure": {"type": "boolean"},
            "text": {"type": "string", "minLength": 9},
            "none": {"type": "null"},
        },
        "required": ["kind", "many", "sure", "text", "none"],
    }
    jsonschema.validate(instance(schema), schema)
