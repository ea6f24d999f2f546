"""Precedence, origins, endpoints by name and by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.errors import SettingsInvalid, UnknownName, UsageError
from liftlab.settings import EndpointSettings, load_project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "liftlab.toml").write_text('[run]\nrepeats = 3\nsuite = "file"\n')
    return tmp_path


def test_the_command_line_beats_variables_and_they_beat_the_file(folder: Path) -> None:
    environ = {"LIFTLAB_REPEATS": "4", "LIFTLAB_SUITE": "variable"}
    project = load_project(folder, environ=environ, overrides={"run.repeats": 5})
    assert project.settings.run.repeats == 5
    assert project.settings.run.suite == "variable"
    assert project.settings.run.pipeline == "lift"
    assert project.origins["run.repeats"] == "command line"
    assert project.origins["run.suite"] == "LIFTLAB_SUITE"


def test_zero_on_the_command_line_is_a_value_and_none_is_not(folder: Path) -> None:
    overrides = {"sampling.temperature": 0.0, "run.repeats": None}
    project = load_project(folder, environ={}, overrides=overrides)
    assert project.settings.sampling.temperature == 0.0
    assert project.settings.run.repeats == 3


def test_the_file_is_found_from_below_and_paths_hang_on_its_folder(folder: Path) -> None:
    below = folder / "notebooks" / "explore"
    below.mkdir(parents=True)
    project = load_project(below, environ={})
    assert project.root == folder
    assert project.settings.run.repeats == 3
    assert project.path("runs") == folder / "data" / "runs"


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    project = load_project(tmp_path, environ={})
    assert project.root == tmp_path
    assert {"local", "lift"} <= set(project.settings.endpoints)


def test_the_lift_protocol_is_not_streamed(tmp_path: Path) -> None:
    (tmp_path / "liftlab.toml").write_text("[endpoints.lift]\nstream = true\n")
    with pytest.raises(SettingsInvalid, match="no streamed replies"):
        load_project(tmp_path, environ={})


def test_an_endpoint_is_a_name_or_a_url(folder: Path) -> None:
    settings = load_project(folder, environ={}).settings
    assert settings.endpoint("local").serve == "local"
    made = settings.endpoint("http://127.0.0.1:9/v1/", "openai")
    assert (made.base_url, made.protocol) == ("http://127.0.0.1:9/v1", "openai")
    with pytest.raises(UsageError, match="--protocol"):
        settings.endpoint("http://127.0.0.1:9")
    with pytest.raises(UsageError, match="speaks lift"):
        settings.endpoint("local", "openai")
    with pytest.raises(UnknownName, match="did you mean 'local'"):
        settings.endpoint("locla")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[run]\nrepeats = 0\n", 2),
        ('[endpoints.a]\nprotocol = "soap"\nbase_url = "http://x"\n', 2),
        ("[pipelines.p]\nstages = []\n", 2),
        ("[run]\nrepeats = 1\nsuites = 2\n", 3),
    ],
)
def test_a_fault_is_told_with_its_line(folder: Path, text: str, line: int) -> None:
    (folder / "liftlab.toml").write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load_project(folder, environ={})
    assert caught.value.line == line


def test_the_projects_own_file_is_valid_and_names_what_exists() -> None:
    project = load_project(ROOT, environ={})
    for name, pipeline in project.settings.pipelines.items():
        assert pipeline.stages, name
    assert project.path("suites").is_dir()
    assert (project.path("suites") / f"{project.settings.run.suite}.toml").is_file()


def test_the_digest_changes_with_any_value(folder: Path) -> None:
    plain = load_project(folder, environ={})
    again = load_project(folder, environ={})
    other = load_project(folder, environ={}, overrides={"sampling.top_p": 0.5})
    assert plain.settings_sha256() == again.settings_sha256() != other.settings_sha256()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('metric = "speed"\nlimit = 1', "no metric 'speed'"),
        ('metric = "success_rate"\nlimit = 70', "a share from 0 to 1"),
        ('metric = "success_rate"\nlimit = 0.7\npopulation = "pass"', "population is for times"),
        ('metric = "e2e_median_s"\nlimit = -1.0', "greater than or equal to 0"),
    ],
)
def test_a_target_that_makes_no_sense_is_told_with_its_line(
    folder: Path, table: str, message: str
) -> None:
    (folder / "liftlab.toml").write_text(f"[targets.mine]\n{table}\n")
    with pytest.raises(SettingsInvalid, match=message) as caught:
        load_project(folder, environ={})
    assert caught.value.line in (1, 2, 3)


def test_targets_of_ones_own_replace_the_defaults(folder: Path) -> None:
    assert {"e2e_median", "success"} <= set(load_project(folder, environ={}).settings.targets)
    (folder / "liftlab.toml").write_text('[targets.p90]\nmetric = "e2e_p90_s"\nlimit = 20.0\n')
    targets = load_project(folder, environ={}).settings.targets
    assert set(targets) == {"p90"}
    assert targets["p90"].at_most


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[budget.stages]\nx = { range_s = [2.0, 1.0] }\n", "a range in seconds is"),
        ("[budget.stages]\nx = { range_s = [1.0] }\n", "range_s"),
        (
            '[budget.stages]\nx = { range_s = [1, 2], after = ["y"] }\ny = { range_s = [1, 2] }\n',
            "name it further down",
        ),
        ("[budget]\ncorrelation = 1.5\n", "less than or equal to 1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "liftlab.toml").write_text(text)
    with pytest.raises(SettingsInvalid, match=said):
        load_project(tmp_path, environ={})


def test_planned_stages_are_those_of_the_file_alone(tmp_path: Path) -> None:
    assert len(load_project(tmp_path, environ={}).settings.budget.stages) == 5
    (tmp_path / "liftlab.toml").write_text("[budget.stages]\nx = { range_s = [1, 2] }\n")
    assert list(load_project(tmp_path, environ={}).settings.budget.stages) == ["x"]


def test_what_an_endpoint_leaves_out_and_how_a_run_keeps_it() -> None:
    told = {"name": "e", "base_url": "http://h.test", "temperature": "omit", "top_p": 0.5}
    endpoint = EndpointSettings.model_validate(told)
    assert (endpoint.left_out(), endpoint.top_p) == ({"temperature"}, 0.5)
    kept = endpoint.without({"seed", "json_schema"})
    assert kept.left_out() == {"temperature", "seed", "json_schema"}
    assert kept.without({"response_format"}).left_out() >= {"response_format"}
    assert EndpointSettings.model_validate(kept.model_dump(mode="json")) == kept


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"headers": {"Authorization": "x"}}, "looks like a key"),
        ({"headers": {"api-key": "x"}}, "looks like a key"),
        ({"query": {"key": "x"}}, "looks like a key"),
        ({"headers": {"a b": "x"}}, "cannot be set"),
        ({"headers": {"Content-Length": "1"}}, "cannot be set"),
        ({"headers": {"x": "a\nb"}}, "cannot carry"),
        ({"seed": 3}, "omit"),
        ({"top_p": 0}, "greater than 0"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_so(fields: dict[str, Any], said: str) -> None:
    told = {"name": "e", "base_url": "http://h.test", **fields}
    with pytest.raises(ValidationError, match=said):
        EndpointSettings.model_validate(told)


def test_a_url_has_its_token_and_its_headers(folder: Path) -> None:
    overrides = {"run.token_env": "K", "run.headers": {"x-team": "a"}}
    settings = load_project(folder, environ={}, overrides=overrides).settings
    made = settings.endpoint("https://h.test/openai/chat/completions?api-version=1", "openai")
    assert (made.token_env, made.headers, made.base_url) == ("K", {"x-team": "a"}, None)
    assert made.generate_url == "https://h.test/openai/chat/completions?api-version=1"
    assert made.name == "https://h.test/openai/chat/completions"
    whole = settings.endpoint("https://h.test/v1/chat/completions", "openai")
    assert whole.base_url == "https://h.test/v1"
    with pytest.raises(UsageError, match="go with a URL"):
        settings.endpoint("local")
    told = load_project(folder, environ={}, overrides={"run.headers": {"api-key": "x"}}).settings
    with pytest.raises(UsageError, match="looks like a key"):
        told.endpoint("https://h.test/v1", "openai")


def test_paths_of_endpoints_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "liftlab.toml").write_text(
        '[endpoints.own]\nserve = "simulator"\nca_file = "ca.pem"\nprofile = "own.toml"\n'
    )
    (tmp_path / "below").mkdir()
    own = load_project(tmp_path / "below").settings.endpoints["own"]
    assert own.ca_file == tmp_path / "ca.pem"
    assert own.profile == str(tmp_path / "own.toml")


def test_a_cost_model_goes_by_its_older_name_too(tmp_path: Path) -> None:
    (tmp_path / "liftlab.toml").write_text(
        '[endpoints.x]\ncost_model = "week2"\nserve = "simulator"\n'
    )
    endpoints = load_project(tmp_path, environ={}).settings.endpoints
    assert endpoints["x"].cost_model == "latency"
