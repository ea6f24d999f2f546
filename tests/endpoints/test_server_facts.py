"""What servers tell of their own work, each in its words, and nothing that is no number."""

from __future__ import annotations

import pytest

from liftlab.endpoints.server_facts import tokens_of, told_by_body, told_by_headers

VLLM = {"time_to_first_token_ms": 50.0, "generation_time_ms": 150.0, "queue_time_ms": 300.0}
ALL = {"queue_s": 0.3, "prefill_s": 0.05, "decode_s": 0.15, "server_s": pytest.approx(0.2)}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"metrics": VLLM}, ALL),
        (
            {"timings": {"prompt_ms": 50, "predicted_ms": 150}},
            {k: v for k, v in ALL.items() if k != "queue_s"},
        ),
        ({"usage": {"queue_time": 0.3, "prompt_time": 0.05, "completion_time": 0.15}}, ALL),
        ({"time_info": {"queue_time": 0.3, "prompt_time": 0.05, "completion_time": 0.15}}, ALL),
        (
            {"meta_info": {"queue_time": 0.3, "prefill_launch_latency": 0.05}},
            {"queue_s": 0.3, "prefill_s": 0.05},
        ),
        ({"system_fingerprint": "fp_42"}, {"system_fingerprint": "fp_42"}),
        ({"metrics": {"queue_time_ms": "NaN", "generation_time_ms": -1}}, {}),
        ({"metrics": [1], "timings": "x", "usage": {"queue_time": [0.3]}}, {}),
        ({"system_fingerprint": 7, "usage": {"queue_time": True}}, {}),
    ],
)
def test_times_in_the_words_of_each_server(facts, expected):
    assert told_by_body(facts) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"openai-processing-ms": "420"}, {"server_s": 0.42}),
        ({"openai-processing-ms": "fast"}, {}),
        ({"server-timing": 'queue;desc="a, b";dur=300, total;dur=9'}, {"queue_s": 0.3}),
        (
            {"server-timing": "vllm-prefill; dur=50,decode;dur=150"},
            {"prefill_s": 0.05, "decode_s": 0.15},
        ),
        ({"server-timing": "grammar;dur=4900, cache, db;dur=x"}, {"compile_s": 4.9}),
        (
            {"x-ratelimit-remaining-requests": "59", "x-ratelimit-remaining-tokens": "0"},
            {"ratelimit_requests_left": 59, "ratelimit_tokens_left": 0},
        ),
        ({"x-ratelimit-remaining-requests": "many"}, {}),
        ({"server-timing": "queue;dur=1, queue-2;dur=2"}, {"queue_s": 0.001}),
        ({"date": "today"}, {}),
        ({"x-queue-time": "300", "x-inference-time": "200"}, {"queue_s": 0.3, "server_s": 0.2}),
    ],
)
def test_headers_tell_too(headers, expected):
    assert told_by_headers(headers) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"metrics": {"grammar_compile_time_ms": 2000}}, {"compile_s": 2.0}),
        ({"meta_info": {"grammar_time": 2}}, {"compile_s": 2.0}),
        ({"usage": {"prompt_time": "0.5"}}, {"prefill_s": 0.5}),
        ({"usage": {"completion_time": 0.5}}, {"decode_s": 0.5}),
        ({"metrics": {"queue_ms": 1}, "usage": {"queue_time": 9}}, {"queue_s": 0.001}),
        ({"metrics": {"queue_time_ms": "soon"}, "usage": {"queue_time": 9}}, {"queue_s": 9.0}),
        ({"meta_info": {"inference_time": 3, "queue": 4}}, {"server_s": 3.0}),
    ],
)
def test_each_time_has_its_unit_and_the_first_one_counts(facts, expected):
    assert told_by_body(facts) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"usage": {"prompt_tokens": 3, "input_tokens": 4}}, {"prompt_tokens": 3}),
        (
            {"usage": {"input_tokens": 4, "output_tokens": 0}},
            {"prompt_tokens": 4, "output_tokens": 0},
        ),
        ({"usage": {"completion_tokens": 5, "output_tokens": 6}}, {"output_tokens": 5}),
        ({"timings": {"predicted_n": 7, "cache_n": 8}}, {"output_tokens": 7, "cached_tokens": 8}),
        ({"usage": {"prompt_tokens_details": {"cached_tokens": 0}}}, {"cached_tokens": 0}),
        ({"usage": {"prompt_cache_hit_tokens": 2}}, {"cached_tokens": 2}),
        ({"usage": {"cache_read_input_tokens": 2}}, {"cached_tokens": 2}),
        ({"usage": {"reasoning_tokens": 2}}, {"reasoning_tokens": 2}),
        (
            {
                "usage": {
                    "completion_tokens_details": {"reasoning_tokens": 1},
                    "reasoning_tokens": 2,
                }
            },
            {"reasoning_tokens": 1},
        ),
        ({"x_groq": {"usage": {"prompt_tokens": 9}}}, {"prompt_tokens": 9}),
        (
            {"usage": {"prompt_tokens": 1}, "x_groq": {"usage": {"prompt_tokens": 9}}},
            {"prompt_tokens": 1},
        ),
        ({"usage": {"prompt_tokens": -1, "input_tokens": True}}, {}),
        ({"usage": [1], "timings": "x", "x_groq": {"usage": 3}}, {}),
    ],
)
def test_tokens_in_the_words_of_each_server(reply, expected):
    assert {
        name: value for name, value in tokens_of(reply).items() if value is not None
    } == expected
