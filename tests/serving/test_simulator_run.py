"""A whole run against a known truth: every attempt, retry and span agrees with the server's log."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from liftlab import store
from liftlab.jobs import running
from liftlab.runner.endpoint_lifecycle import SERVER_LOG
from liftlab.serving.simulation.truth import read_truth
from liftlab.settings import load_project
from liftlab.store import RunData

KEYS = ["case_id", "repeat"]
# Far above what a client adds (a millisecond): only the median is held to it.
GENEROUS_S = 0.25
LEAST_SERVICE_S = 0.005 * (1 - 0.5) / 2  # the profile's base, its spread, the scale


SETTINGS = """
[run]
suite = "tiny"
endpoint = "sim"
repeats = 3
concurrency = 4
[endpoints.sim]
serve = "simulator"
profile = "fast"
time_scale = 2
"""
SUITE = """
name = "tiny"

[[cases]]
case_id = "double"
prompt = "Double a number."
category = "arithmetic"
checks = [[[1], 2], [[0], 0], [[-3], -6]]

[[cases]]
case_id = "larger"
prompt = "Return the larger of two numbers a and b."
category = "control_flow"
checks = [[[1, 2], 2], [[2, 1], 2]]

[[cases]]
case_id = "shout"
prompt = "Return a string with all its letters in upper case."
category = "strings"
checks = [[["ab"], "AB"], [[""], ""]]
"""


@pytest.fixture(scope="module", params=["lift", "openai", "openai streamed"])
def measured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunData, pd.DataFrame]:
    """A run of a suite against the profile `fast`, and what the server says of each request."""
    folder = tmp_path_factory.mktemp("project")
    suites = folder / "data" / "suites"
    suites.mkdir(parents=True)
    (suites / "tiny.toml").write_text(SUITE)
    protocol, _, streamed = request.param.partition(" ")
    more = f'protocol = "{protocol}"\nstream = {str(bool(streamed)).lower()}\n'
    (folder / "liftlab.toml").write_text(SETTINGS + more)
    run = running.run_suite(running.plan_run(load_project(folder, environ={})))
    truth = pd.DataFrame(read_truth(run.folder.path / SERVER_LOG)).set_index("request_id")
    truth = store.rescale(truth, run.sped_up)
    return run, truth[truth.index.str.startswith(run.run.run_id)]


def joined(measured: tuple[RunData, pd.DataFrame]) -> pd.DataFrame:
    run, truth = measured
    attempts = run.attempts[run.attempts["phase"] == "measure"]
    return attempts.join(truth.add_suffix("_true"), on="request_id", validate="one_to_one")


def test_every_request_is_one_attempt(measured: Any) -> None:
    run, truth = measured
    assert sorted(run.attempts["request_id"]) == sorted(truth.index)
    measured_ones = run.attempts["phase"] == "measure"
    assert measured_ones.sum() > 2 * len(run.trials)  # there were retries


def test_spans_hold_the_true_ones_and_little_more(measured: Any) -> None:
    rows = joined(measured)
    for edge in ("first_byte_s", "last_byte_s"):
        excess = (rows[edge] - rows["sent_s"]) - (rows[f"{edge}_true"] - rows["received_s_true"])
        assert (excess >= 0).all()
        assert excess.median() < GENEROUS_S
    assert (rows["service_s_true"] >= LEAST_SERVICE_S).all()


def test_one_offset_joins_the_two_clocks(measured: Any) -> None:
    """The run's zero on the server's clock: late enough for no byte to come before it left."""
    rows = joined(measured)
    latest = (rows["received_s_true"] - rows["sent_s"]).min()
    earliest = (rows["first_byte_s_true"] - rows["first_byte_s"]).max()
    assert earliest <= latest


def test_server_time_and_tokens_are_the_servers(measured: Any) -> None:
    rows = joined(measured)
    assert (rows["output_tokens"] == rows["tokens_true"]).all()
    assert (rows["server_s"] <= rows["service_s_true"]).all()
    assert (rows["server_s"] >= LEAST_SERVICE_S).all()
    waits = rows["queue_s"] >= rows["queue_s_true"]
    assert waits.all()


def test_tokens_of_streamed_replies_are_timed_and_those_of_others_are_not(measured: Any) -> None:
    rows = joined(measured)
    if rows["first_token_s"].isna().all():
        assert rows["last_token_s"].isna().all()
        return
    assert (rows["sent_s"] < rows["first_token_s"]).all()
    assert (rows["first_token_s"] <= rows["last_token_s"]).all()  # one read may bring several
    assert (rows["last_token_s"] <= rows["last_byte_s"]).all()
    assert rows["chunks"].max() > 1


def test_retries_are_the_bodies_that_do_not_parse(measured: Any) -> None:
    rows = joined(measured)
    assert (rows["valid"] == (rows["quality_true"] != "does_not_parse")).all()
    for _, stage in rows.sort_values("seq").groupby([*KEYS, "stage"]):
        reasons = stage["retry_reason"].tolist()
        assert reasons[0] is None or pd.isna(reasons[0])
        assert set(reasons[1:]) <= {"does_not_parse"}
        assert set(stage["quality_true"].iloc[:-1]) <= {"does_not_parse"}
        assert stage["attempt"].tolist() == list(range(1, len(stage) + 1))


def test_stages_last_as_long_as_their_attempts_truly_did(measured: Any) -> None:
    run, _ = measured
    rows = joined(measured)
    rows["true_s"] = rows["last_byte_s_true"] - rows["received_s_true"]
    by_stage = rows.groupby([*KEYS, "stage"])
    true = pd.DataFrame({"true_s": by_stage["true_s"].sum(), "true_attempts": by_stage.size()})
    stages = run.stages.join(true, on=[*KEYS, "stage"])
    assert (stages["attempts"] == stages["true_attempts"]).all()
    excess = stages["latency_s"] - stages["true_s"]
    assert (excess >= 0).all()
    assert excess.median() < GENEROUS_S


def test_verdicts_are_what_the_answers_were(measured: Any) -> None:
    run, _ = measured
    rows = joined(measured).sort_values("seq")
    last = rows[rows["stage"] == "ir_to_code"].groupby(KEYS)["quality_true"].last()
    trials = run.trials.set_index(KEYS).join(last)
    assert ((trials["outcome"] == "pass") == (trials["quality_true"] == "right")).all()
    assert (trials["parsed"] == (trials["quality_true"] != "does_not_parse")).all()
    silent = trials[trials["quality_true"] == "missing_return"]
    assert set(silent["failure_class"]) <= {"missing_return"}


def test_run_says_that_time_was_scaled(measured: Any) -> None:
    run, truth = measured
    assert run.sped_up == 2
    assert set(truth["time_scale"]) == {2}
    assert run.run.model == "fast (simulated)"
