"""Secrets stay secret, and a request can be made one that no cache knows."""

from __future__ import annotations

import json
import pickle

import pytest

from liftlab.endpoints.base import Health, Redactor, Reply, Request, Sampling, Secret, WarmUp
from liftlab.timing.clock import Stamps

SECRET = Secret("s3cret")


def test_a_secret_is_shown_nowhere() -> None:
    assert "s3cret" not in f"{SECRET} {SECRET!r}"
    assert SECRET.reveal() == "s3cret"
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(SECRET)


def test_what_stands_for_a_secret_is_as_long() -> None:
    redact = Redactor([SECRET, Secret("key"), Secret("")])
    assert repr(redact) == "Redactor(2 secrets)"
    assert redact.content(b"a s3cret, twice: s3cret; key") == b"a ******, twice: ******; ***"
    assert redact.text("the s3cret key") == "the ****** ***"


def test_values_are_redacted_however_deep() -> None:
    redact = Redactor([SECRET])
    value = {"s3cret": [{"a": "x s3cret"}, 1, None, True]}
    assert redact.value(value) == {"******": [{"a": "x ******"}, 1, None, True]}
    assert Redactor([]).value(value) is value


def test_a_reply_s_value_and_words_are_redacted() -> None:
    said = "no s3cret"
    reply = Reply(
        stamps=Stamps(called_ns=0), value=[said], message=said, response_id=said, model=said,
        finish_reason=said, raw=b"kept apart", output_tokens=3,
    )  # fmt: skip
    clean = Redactor([SECRET]).reply(reply)
    words = [clean.value[0], clean.message, clean.response_id, clean.model, clean.finish_reason]
    assert words == ["no ******"] * 5
    assert (clean.raw, clean.output_tokens) == (b"kept apart", 3)
    assert Redactor([]).reply(reply) is reply
    json.dumps(clean.value)


def test_a_nonce_stands_before_all_that_is_asked() -> None:
    asked = Request(prompt="Add.", request_id="r-7", sampling=Sampling())
    assert asked.with_nonce().prompt == "[r-7]\nAdd."
    both = Request(prompt="Add.", request_id="r-7", sampling=Sampling(), system="Be brief.")
    assert (both.with_nonce().system, both.with_nonce().prompt) == ("[r-7]\nBe brief.", "Add.")


def test_what_is_not_said_has_a_default() -> None:
    asked = Request(prompt="Add.", request_id="r-7", sampling=Sampling())
    sampling = (asked.sampling.temperature, asked.sampling.top_p, asked.sampling.max_tokens)
    assert sampling == (0.3, 0.95, 2048)
    assert (asked.deadline_s, asked.stream, asked.stop, asked.schema) == (300.0, False, (), None)


def test_of_what_nobody_said_nothing_follows() -> None:
    reply = Reply(stamps=Stamps(called_ns=0))
    assert not any((reply.transport_ok, reply.no_answer, reply.final, reply.ask_otherwise))
    health = Health(ok=True, url="u", status="s")
    assert (health.starting, health.note, health.answered) == (False, False, True)
    assert not WarmUp(ok=True, url="u", status="s", reply=reply).starting
