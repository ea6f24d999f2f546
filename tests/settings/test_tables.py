"""What the tables of `liftlab.toml` may say, at the ends of each value."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.errors import UnknownName, UsageError
from liftlab.settings.tables import (
    GradingSettings,
    LimitSettings,
    PipelineSettings,
    RunSettings,
    SamplingSettings,
    Settings,
    StageSettings,
)
from liftlab.settings.targets import Table

SETTINGS = Settings.model_validate(
    {
        "endpoints": {
            "near": {"base_url": "http://127.0.0.1:1", "model": "small"},
            "far": {"base_url": "http://127.0.0.1:2", "protocol": "openai"},
        },
        "run": {"endpoint": "near"},
        "pipelines": {"direct": {"stages": ["code"]}},
        "stages": {"code": {"endpoint": "far", "model": "large"}, "plain": {"prompt": "$request"}},
    }
)


def test_a_silent_file_asks_each_prompt_twice_as_the_first_team_did() -> None:
    run = Settings().run
    assert (run.suite, run.endpoint, run.pipeline) == ("mvp", "local", "lift")
    assert (run.repeats, run.concurrency, run.seed) == (2, None, 20251015)
    assert Settings().sampling.model_dump() == {
        "temperature": 0.3,
        "top_p": 0.95,
        "max_tokens": 2048,
        "extra": {},
    }
    assert not Settings().grading.allow_weak_isolation
    assert set(Settings().limits.model_dump().values()) == {None}


@pytest.mark.parametrize(
    ("table", "field", "allowed", "refused"),
    [
        (RunSettings, "repeats", [1, 10_000], [0, 10_001]),
        (RunSettings, "concurrency", [1, 1024, None], [0, 1025]),
        (RunSettings, "seed", [0, 2**31 - 1], [-1, 2**31]),
        (SamplingSettings, "temperature", [0, 5], [-0.1, 5.1]),
        (SamplingSettings, "top_p", [0.01, 1], [0, 1.01]),
        (SamplingSettings, "max_tokens", [1, 1_000_000], [0, 1_000_001]),
        (StageSettings, "attempts", [1, 10, None], [0, 11]),
        (StageSettings, "temperature", [0, 5, None], [-0.1, 5.1]),
        (StageSettings, "top_p", [0.01, 1, None], [0, 1.01]),
        (StageSettings, "max_tokens", [1, None], [0]),
        (LimitSettings, "max_seconds", [0.1, None], [0]),
        (LimitSettings, "max_requests", [1, None], [0]),
        (LimitSettings, "max_usd", [0.001, None], [0]),
        (LimitSettings, "max_error_rate", [0, 1, None], [-0.01, 1.01]),
        (GradingSettings, "packages", [("numpy", "scipy.stats")], [("numpy>=2",), ("",)]),
        (PipelineSettings, "stages", [("code",)], [()]),
        (PipelineSettings, "call", ["own.code:Make"], ["own", "own:", ":make", "own:make()"]),
    ],
)
def test_values_at_their_ends(
    table: type[Table], field: str, allowed: list[Any], refused: list[Any]
) -> None:
    for value in allowed:
        assert getattr(table(**{field: value}), field) == value
    for value in refused:
        with pytest.raises(ValidationError, match=field):
            table(**{field: value})


def test_a_table_knows_its_names_and_keeps_its_values() -> None:
    with pytest.raises(ValidationError, match="repeat\n"):
        RunSettings(repeat=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        RunSettings().repeats = 3  # type: ignore[misc]


@pytest.mark.parametrize("fields", [{}, {"stages": ["code"], "call": "own:make"}])
def test_a_pipeline_is_stages_or_a_function(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="one of the two"):
        PipelineSettings(**fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"prompt": "$request", "class": "own:Stage"}, "one of the two"),
        ({"schema": {"type": "object"}}, "schema goes with a prompt"),
        ({"class": "own:Stage", "gives_code": True}, "gives_code goes with a prompt"),
        ({"prompt": "$request", "code_path": "code"}, "code_path goes with a schema"),
        ({"prompt": "$request", "function_path": "name"}, "function_path goes with code_path"),
    ],
)
def test_a_stage_that_contradicts_itself(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        StageSettings(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"class": "own:Stage", "attempts": 2},
        {"prompt": "$request", "gives_code": True, "function_path": "$ir.name"},
        {"prompt": "$request", "schema": {}, "code_path": "code", "function_path": "name"},
    ],
)
def test_a_stage_that_fits_together(fields: dict[str, Any]) -> None:
    assert StageSettings(**fields).model_dump(by_alias=True, include=set(fields)) is not None


def test_an_endpoint_s_protocol_may_be_named_again_and_not_changed() -> None:
    assert SETTINGS.endpoint("near", "lift").name == SETTINGS.endpoint("near").name
    with pytest.raises(UsageError, match="'near' speaks lift"):
        SETTINGS.endpoint("near", "openai")
    with pytest.raises(UnknownName):
        SETTINGS.endpoint("nearr")


@pytest.mark.parametrize("given", [{"token_env": "TOKEN"}, {"headers": {"x-team": "a"}}])
def test_a_token_or_header_for_a_url_is_not_given_to_a_named_endpoint(given: Any) -> None:
    settings = Settings.model_validate({**SETTINGS.model_dump(by_alias=True), "run": given})
    with pytest.raises(UsageError, match="go with a URL"):
        settings.endpoint("near")
    made = settings.endpoint("http://127.0.0.1:3", "openai")
    assert (made.token_env, made.headers) == (given.get("token_env"), given.get("headers", {}))


def test_a_model_is_that_of_the_endpoint_until_one_is_named() -> None:
    assert SETTINGS.chosen_endpoint(None).model == "small"
    assert SETTINGS.chosen_endpoint("other").model == "other"


def test_a_stage_is_asked_where_its_table_says() -> None:
    run = SETTINGS.endpoint("near")
    there = SETTINGS.endpoint_of_stage("code", run)
    assert (there.base_url, there.model) == ("http://127.0.0.1:2", "large")
    for stage in ("plain", "unknown"):
        assert SETTINGS.endpoint_of_stage(stage, run) == run


def test_a_pipeline_is_found_by_its_name() -> None:
    assert SETTINGS.pipeline("direct").stages == ("code",)
    with pytest.raises(UnknownName, match="direct_"):
        SETTINGS.pipeline("direct_")
