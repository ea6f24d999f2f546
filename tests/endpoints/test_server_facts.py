"""What servers tell of their own work, each in its words, and nothing that is no number."""

from __future__ import annotations

import pytest

from liftlab.endpoints.server_facts import told_by_body, told_by_headers

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
        ({"x-queue-time": "300", "x-inference-time": "200"}, {"queue_s": 0.3, "server_s": 0.2}),
    ],
)
def test_headers_tell_too(headers, expected):
    assert told_by_headers(headers) == expected
