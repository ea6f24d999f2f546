"""The simulated endpoint: routes, slots, cold starts, and how long everything takes."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from liftlab.serving.callers import refused
from liftlab.serving.simulation.answers import answer
from liftlab.serving.simulation.faults import Fault, early_plan, parse_fault, spoil
from liftlab.serving.simulation.profile import Chance, Container, Pauses, Profile
from liftlab.serving.simulation.questions import BadQuestion, Protocol, Question, read_question
from liftlab.serving.simulation.replies import Made, render
from liftlab.serving.simulation.truth import Truth, TruthLog
from liftlab.serving.simulation.wire import Connection, Received, until
from liftlab.serving.simulation.writes import Plan, Reply, encode

FAULT_HEADER = "x-simulate"
_RESULTS = "/result/"
_HELD_LIMIT = 10_000
_CHARACTERS_A_TOKEN = 4  # a common rule of thumb: prompts are not tokenised here
_ID_LIMIT = 200


def _json(status: int, body: Mapping[str, Any]) -> Plan:
    headers = {"content-type": "application/json"}
    return encode(Reply(status=status, headers=headers, parts=((0.0, to_json(body)),)))


@dataclass(slots=True)
class _Held:
    """A question that waits behind redirects for its client to come back."""

    question: Question
    drawn: Made
    fault: Fault
    hops: int = 1


class Simulator:
    """Answers requests as a profile says."""

    def __init__(
        self, profile: Profile, *, time_scale: float = 1.0, log: TruthLog | None = None
    ) -> None:
        self._profile = profile
        self._time_scale = time_scale
        self._log = log
        self._slots = asyncio.Semaphore(profile.slots)
        self._container = Container(profile.cold, time_scale, profile.seed)
        self._pauses = Pauses(profile.stall, time_scale)
        self._held: dict[str, _Held] = {}
        self._count = 0
        self._under_way = 0

    async def handle(self, request: Received, wire: Connection) -> None:
        """Answer one request, and log what was done."""
        truth = Truth(
            request_id=request.headers.get("x-request-id", "")[:_ID_LIMIT],
            path=request.path,
            time_scale=self._time_scale,
            received_s=request.received_s,
        )
        try:
            await self._route(request, wire, truth)
        except asyncio.CancelledError:
            truth.client_left = True
            raise
        finally:
            if self._log is not None:
                self._log.write(truth)

    async def _route(self, request: Received, wire: Connection, truth: Truth) -> None:
        headers = request.headers
        if fault := refused(headers.get("host", ""), headers.get("origin", "")):
            await wire.send(_json(403, {"detail": fault}), truth)
            return
        match request.method, request.path:
            case "POST", "/generate" | "/v1/chat/completions":
                await self._ask(request, wire, truth)
            case "GET", "/health":
                await wire.send(_json(200, self._described("healthy")), truth)
            case "GET", "/warmup":
                await self._warm_up(wire, truth)
            case "GET", "/v1/models":
                listed = [{"id": self._profile.model, "object": "model"}]
                await wire.send(_json(200, {"object": "list", "data": listed}), truth)
            case "GET", path if path.startswith(_RESULTS):
                await self._result(path, wire, truth)
            case _:
                await wire.send(_json(404, {"detail": "Not Found"}), truth)

    async def _ask(self, request: Received, wire: Connection, truth: Truth) -> None:
        self._count += 1
        self._under_way += 1
        truth.number, truth.under_way = self._count, self._under_way
        try:
            protocol: Protocol = "lift" if request.path == "/generate" else "openai"
            try:
                question = read_question(protocol, request.body)
                chance = self._chance(question)
                drawn = self._draw(question, chance)
                fault = self._fault(request, chance)
            except (BadQuestion, ValueError) as error:
                await wire.send(_json(422, {"detail": str(error)}), truth)
                return
            if fault is not None:
                truth.fault = fault.words
                plan = early_plan(fault, f"{_RESULTS}{truth.number}")
                if plan is not None:
                    if fault.kind == "hop":
                        self._hold(truth.number, _Held(question, drawn, fault))
                    await wire.send(plan, truth)
                    return
            await self._generate(question, drawn, fault, wire, truth)
        finally:
            self._under_way -= 1

    async def _generate(
        self, question: Question, drawn: Made, fault: Fault | None, wire: Connection, truth: Truth
    ) -> None:
        if not await self._loaded(wire, truth):
            return
        truth.answer, truth.quality = drawn.answer.kind, drawn.answer.quality
        truth.tokens = drawn.tokens
        truth.prompt_tokens = drawn.prompt_tokens
        truth.response_id = f"sim-{truth.number}"
        with self._container:
            waiting_s = time.perf_counter()
            async with self._slots:
                started_s = time.perf_counter()
                truth.queue_s = started_s - waiting_s
                resumes_s = self._pauses.resumes_s(started_s)
                if resumes_s > started_s:
                    await until(resumes_s)
                    truth.stall_s = time.perf_counter() - started_s
                    started_s = time.perf_counter()
                whole_s = drawn.base_s + (drawn.tokens - 1) * drawn.token_s
                await until(started_s + (drawn.base_s if question.stream else whole_s))
                took_s = whole_s if question.stream else time.perf_counter() - started_s
                made = dataclasses.replace(
                    drawn, request_id=truth.request_id, response_id=truth.response_id, took_s=took_s
                )
                reply = render(question, made, fault.kind if fault else None)
                plan = spoil(reply, fault)
                if reply.streamed:  # its tokens are drawn while it is sent
                    await wire.send(plan, truth)
                truth.service_s = time.perf_counter() - started_s
        if not reply.streamed:
            await wire.send(plan, truth)

    async def _loaded(self, wire: Connection, truth: Truth) -> bool:
        """Wait until the model is loaded; in a storm refuse instead, and say False."""
        asked_s = truth.received_s
        ready_s = self._container.ask(asked_s)
        if ready_s > time.perf_counter():
            status = self._container.storm()
            if status is not None:
                truth.fault = "storm"
                await wire.send(_json(status, {"error": "the container is starting"}), truth)
                return False
            with self._container:
                await until(ready_s)
            truth.cold_s = time.perf_counter() - asked_s
        return True

    async def _warm_up(self, wire: Connection, truth: Truth) -> None:
        if await self._loaded(wire, truth):
            warm = self._described("warm") | {"model_loaded": True, "ready_for_requests": True}
            await wire.send(_json(200, warm), truth)

    async def _result(self, path: str, wire: Connection, truth: Truth) -> None:
        name = path.removeprefix(_RESULTS)
        held = self._held.get(name)
        if held is None:
            await wire.send(_json(404, {"detail": "no such result"}), truth)
            return
        truth.number = int(name)
        truth.fault = held.fault.words
        if held.hops < int(held.fault.numbers["times"]):
            held.hops += 1
            plan = early_plan(held.fault, path)
            assert plan is not None
            await wire.send(plan, truth)
            return
        del self._held[name]
        await self._generate(held.question, held.drawn, None, wire, truth)

    def _hold(self, number: int, held: _Held) -> None:
        if len(self._held) >= _HELD_LIMIT:
            self._held.pop(next(iter(self._held)))
        self._held[str(number)] = held

    def _chance(self, question: Question) -> Chance:
        """Return the chance of one generation: the same for the same question and seed.

        A client that sends no seed gets one by the order of arrival.
        """
        seed = self._count if question.seed is None else f"client {question.seed}"
        return Chance(self._profile.seed, seed, question.prompt)

    def _draw(self, question: Question, chance: Chance) -> Made:
        service, scale = self._profile.service, self._time_scale
        base_s = service.base_s * chance.around_one(service.base_spread) / scale
        token_s = service.token_s * chance.around_one(service.token_spread) / scale
        said = answer(question, self._profile, chance, self._under_way)
        tokens = chance.count(*getattr(self._profile.tokens, said.kind))
        return Made(
            model=self._profile.model,
            answer=said,
            prompt_tokens=len(question.prompt) // _CHARACTERS_A_TOKEN,
            tokens=min(tokens, question.max_tokens),
            cut=tokens > question.max_tokens,
            base_s=base_s,
            token_s=token_s,
        )

    def _fault(self, request: Received, chance: Chance) -> Fault | None:
        words = request.headers.get(FAULT_HEADER)
        if words is None:
            befall = (
                rule.fault
                for rule in self._profile.faults
                if self._count in rule.requests or chance.happens(rule.share)
            )
            words = next(befall, None)
        if not words:
            return None
        fault = parse_fault(words)
        numbers = dict(fault.numbers)
        if "s" in numbers:
            numbers["s"] /= self._time_scale
        return dataclasses.replace(fault, numbers=numbers)

    def _described(self, status: str) -> dict[str, Any]:
        return {
            "status": status,
            "model": self._profile.model,
            "gpu": self._profile.hardware,
            "backend": "liftlab simulator",
        }
