"""From what a stage asks for to the request that asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liftlab.endpoints.base import Sampling
from liftlab.pipeline.base import Prompt, StageError

PROMPT = Prompt(text="t", system="s", schema={"type": "object"}, needs={}, stop=("x",))
SAMPLING = Sampling(max_tokens=100)


@pytest.mark.parametrize(
    ("own", "limit"), [(None, 100), (50, 50), (100, 100), (101, 100), (500, 100)]
)
def test_the_lower_limit_of_tokens_holds(own: int | None, limit: int) -> None:
    request = replace(PROMPT, max_tokens=own).as_request(
        "id", SAMPLING, 7, deadline_s=3.0, stream=True
    )
    assert request.sampling == replace(SAMPLING, max_tokens=limit, seed=7)


def test_a_request_has_all_that_is_asked_for() -> None:
    request = PROMPT.as_request("id", SAMPLING, None, deadline_s=3.0, stream=False)
    assert (request.prompt, request.system, request.schema) == ("t", "s", {"type": "object"})
    assert (request.needs, request.stop, request.request_id) == ({}, ("x",), "id")
    assert (request.deadline_s, request.stream, request.sampling.seed) == (3.0, False, None)


def test_a_prompt_begins_with_the_request_s_id_where_it_is_to() -> None:
    plain, nonce = (
        replace(PROMPT, system=None).as_request(
            "an-id", SAMPLING, 1, deadline_s=1.0, stream=True, nonce=nonce
        )
        for nonce in (False, True)
    )
    assert plain.prompt == "t"
    assert "an-id" in nonce.prompt
    assert nonce.prompt.endswith("t")


def test_what_a_prompt_does_not_say() -> None:
    plain = Prompt(text="t")
    assert (plain.system, plain.schema, plain.needs, plain.max_tokens, plain.stop) == (
        *(None, None, None, None),
        (),
    )
    assert StageError(reason="r", message="m").value is None
