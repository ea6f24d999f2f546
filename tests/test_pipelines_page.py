"""The worked examples of docs/pipelines.md, run as they stand but for the addresses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.jobs import running
from liftlab.runner.endpoint_lifecycle import SERVER_LOG
from liftlab.serving.simulation.truth import read_truth
from liftlab.settings import load_project
from liftlab.store import RunData

PAGE = (Path(__file__).parents[1] / "docs" / "pipelines.md").read_text()
GENEROUS_S = 0.25  # what a busy machine may add
CODE = "def double(x):\n    return x * 2\n"


def lay_down(folder: Path, section: str, more: str, **addresses: str) -> None:
    """Write a section's files into a project."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    files = re.findall(r"```(?:toml|python)\n# ([\w.]+)\n(.*?)```", text, re.DOTALL)
    assert files
    for name, content in files:
        for host, address in addresses.items():
            content = re.sub(rf"https://{host}\.example(/v1)?", address, content)  # noqa: PLW2901
        if name == "liftlab.toml":
            content = (folder / name).read_text() + more + content  # noqa: PLW2901
        (folder / name).write_text(content)


def measured(folder: Path) -> RunData:
    return running.run_suite(running.plan_run(load_project(folder, environ={}), cases=["double"]))


def rows_of(run: RunData) -> Any:
    return run.attempts[run.attempts["phase"] == "measure"]


def chat(text: str) -> dict[str, Any]:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}


def test_a_function_of_ones_own(
    project_folder: Path, lift_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFT_URL", lift_server.url)
    lift_server.page_for = lambda asked: (
        {"ir_json": {"code": CODE}, "tokens_used": 5}
        if "schema" in asked
        else {"text": "Multiply.", "tokens_used": 2}
    )
    lay_down(
        project_folder,
        "A function of your own",
        f'pipeline = "mine"\nrepeats = 1\n[endpoints.lift]\nbase_url = "{lift_server.url}"\n',
    )
    run = measured(project_folder)
    assert run.trials["outcome"].tolist() == ["pass"]
    assert run.stages[["stage", "attempts", "output_tokens"]].values.tolist() == [["mine", 2, 7]]
    assert rows_of(run)["request_id"].tolist() == lift_server.log


def test_two_models_and_code_in_json(project_folder: Path, odd_server: Any) -> None:
    odd_server.says["small"] = lambda asked: chat('{"name": "double"}')
    odd_server.says["large"] = lambda asked: chat(json.dumps({"code": CODE}))
    lay_down(
        project_folder,
        "Stages in `liftlab.toml`",
        'pipeline = "two_models"\nrepeats = 1\n',
        small=odd_server.url("small"),
        large=odd_server.url("large"),
    )
    settings = project_folder / "liftlab.toml"
    settings.write_text(settings.read_text().replace('endpoint = "lift"', 'endpoint = "large"', 1))
    run = measured(project_folder)
    assert run.trials["outcome"].tolist() == ["pass"]
    rows = rows_of(run)
    assert rows[["stage", "endpoint"]].values.tolist() == [["plan", "small"], ["write", "large"]]
    plan, write = odd_server.asked[-2:]
    assert (plan["model"], plan["temperature"]) == ("small-1", 0.0)
    assert (write["model"], write["max_tokens"]) == ("large-1", 4096)
    assert "Write the function double, as JSON:" in str(write["messages"])


def test_a_json_service(project_folder: Path, odd_server: Any) -> None:
    result = {"code": CODE, "tokens": 8}
    odd_server.says["service"] = lambda asked: {"fault": None, "result": result}
    lay_down(
        project_folder,
        "A JSON service",
        'pipeline = "service"\nrepeats = 1\n',
        service=odd_server.url("service"),
    )
    settings = project_folder / "liftlab.toml"
    settings.write_text(
        settings.read_text().replace('endpoint = "lift"', 'endpoint = "service"', 1)
    )
    run = measured(project_folder)
    assert run.trials["outcome"].tolist() == ["pass"]
    asked = odd_server.asked[-1]
    assert (asked["task"], asked["options"]["limit"]) == ("Double a number.", 2048)
    assert isinstance(asked["options"]["seed"], int)
    assert rows_of(run)["output_tokens"].tolist() == [8]


SIMULATED = """pipeline = "translator"
repeats = 3
concurrency = 3
[endpoints.sim]
serve = "simulator"
profile = "fast"
"""


def test_a_translators_stages_are_what_the_servers_log_says(project_folder: Path) -> None:
    lay_down(project_folder, "A translator and a generator", SIMULATED)
    settings = project_folder / "liftlab.toml"
    settings.write_text(settings.read_text().replace('endpoint = "lift"', 'endpoint = "sim"', 1))
    run = running.run_suite(running.plan_run(load_project(project_folder, environ={})))
    rows = rows_of(run)
    truth = pd.DataFrame(read_truth(run.folder.path / SERVER_LOG)).set_index("request_id")
    truth = truth[truth.index.isin(rows["request_id"])]
    assert sorted(truth.index) == sorted(rows["request_id"])
    joined = rows.join(truth.add_suffix("_true"), on="request_id", validate="one_to_one")
    assert len(rows) > 2 * len(run.trials)  # there were retries
    whole = joined["last_byte_s"].notna()
    assert (joined["output_tokens"] == joined["tokens_true"])[whole & joined["valid"]].all()
    span = joined["last_byte_s"] - joined["sent_s"]
    over = span - (joined["last_byte_s_true"] - joined["received_s_true"])
    assert over[whole].min() >= 0
    uncertainty_s = run.run.timing_uncertainty_s
    assert uncertainty_s is not None
    assert over[whole].median() <= uncertainty_s + GENEROUS_S
    keys = ["case_id", "repeat", "stage"]
    stages = run.stages.set_index(keys).sort_index()
    assert (rows.groupby(keys).size() == stages["attempts"]).all()
    in_calls = (rows["ended_s"] - rows["sent_s"]).groupby([rows[key] for key in keys]).sum()
    assert (stages["latency_s"] >= in_calls).all()
    assert run.stages["client_s"].eq(0).all()
    sums = run.stages.groupby(keys[:2])["latency_s"].sum()
    assert (run.trials.set_index(keys[:2])["e2e_s"].sort_index() >= sums).all()
    assert rows["retry_reason"].notna().any()
