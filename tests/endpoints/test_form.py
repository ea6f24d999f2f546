"""Which parameter a refusal names, in the words of many servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liftlab.endpoints.form import Form, adapted, was_cut_off

SENT = {
    "messages": [],
    "model": "m",
    "max_tokens": 64,
    "temperature": 0.3,
    "top_p": 0.95,
    "seed": 7,
    "stream_options": {},
    "response_format": {},
}


def after(body: Any, form: Form | None = None) -> Form | None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return adapted(form or Form(), SENT, content)


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("body", "left_out"),
    [
        (error("Unsupported parameter", param="top_p"), {"top_p"}),
        (error("`temperature` is deprecated for this model."), {"temperature"}),
        (error("Unrecognized request argument supplied: seed"), {"seed"}),
        ("Unknown name \"topP\" at 'generation_config'", {"top_p"}),
        (error("property 'seed' is unsupported, did you mean 'n'?"), {"seed"}),
        ("stream_options: Extra inputs are not permitted", {"stream_options"}),
        (
            error("Allowed are max_tokens, temperature and top_p. The field seed is unknown."),
            {"seed"},
        ),
        (error("temperature and top_p cannot both be set"), {"top_p"}),
        (error("Specify either temperature or top_p, not more."), {"top_p"}),
        (
            {"detail": [{"loc": ["body", name], "msg": "no", "input": SENT} for name in SENT]},
            {"temperature", "top_p", "seed", "stream_options", "json_schema", "max_tokens"},
        ),
        (error("Invalid schema for response_format 'answer'"), {"json_schema"}),
        (error("guided decoding is not available"), {"json_schema"}),
        (error("max_tokens is not supported"), {"max_tokens"}),
    ],
)
def test_what_is_named_is_left_out(body: Any, left_out: set[str]) -> None:
    form = after(body)
    assert form is not None
    assert form.left_out == left_out


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (
            "'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            "max_completion_tokens",
        ),
        ("unknown field max_tokens; did you mean max_new_tokens?", "max_new_tokens"),
    ],
)
def test_a_parameter_goes_under_the_name_that_is_given(said: str, field: str) -> None:
    form = after(error(said))
    assert form is not None
    assert (form.max_tokens_field, form.left_out) == (field, frozenset())


@pytest.mark.parametrize(
    "body",
    [
        error("This model's maximum context length is 4096 tokens."),
        error("model `m` not found"),
        error("Could not finish the message because max_tokens or model output limit was reached."),
        {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "input": SENT}]},
        "",
        "\x00\xff",
        [[[[]]]],
    ],
)
def test_other_refusals_change_nothing(body: Any) -> None:
    assert after(body) is None


def test_a_persons_own_keys_are_never_left_out() -> None:
    assert after(error("unknown seed", param="seed"), Form(body={"seed": 1})) is None


def test_formats_become_simpler_one_by_one() -> None:
    first = after(error("no", param="response_format"))
    assert first is not None
    assert first.format == "json_object"
    second = after(error("no", param="response_format"), first)
    assert second is not None
    assert (second.format, second.left_out) == ("none", {"response_format"})


def test_an_answer_that_met_its_limit_is_an_answer() -> None:
    assert was_cut_off(b"Could not finish the message because max_tokens ... limit was reached")
    assert not was_cut_off(b"max_tokens is not supported")
