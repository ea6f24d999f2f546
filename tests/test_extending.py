"""A stage that liftlab has never heard of appears everywhere with no other line changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from liftlab.jobs import running
from liftlab.reporting.report import write_report
from liftlab.settings import Project, load_project

ROOT = Path(__file__).parents[1]

STAGE_IN_A_TABLE = """
[stages.entity_resolution]
prompt = "Request: $request\\nIR: $nlp_to_ir\\nEntities:"
schema = { type = "object", properties = { entities = { type = "array" } } }

[pipelines.semantic]
stages = ["nlp_to_ir", "entity_resolution", "ir_to_code"]
"""

STAGE_IN_A_CLASS = """
from liftlab.pipeline.base import Prompt

SCHEMA = {"type": "object", "properties": {"entities": {"type": "array"}}, "required": ["entities"]}


class IntentInference:
    name = "intent_inference"
    attempts = 1

    def prompt(self, request, values):
        return Prompt(text=f"{request} {values['nlp_to_ir']['intent']}", schema=SCHEMA)

    def parse(self, reply, values, parse_source):
        return reply["entities"]

    def fingerprint(self):
        return "intent inference 1"
"""


def project_with(folder: Path, url: str, pipeline: str, more: str) -> Project:
    settings = folder / "liftlab.toml"
    settings.write_text(settings.read_text() + f'pipeline = "{pipeline}"\n' + more)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    return load_project(folder, environ={"LIFTLAB_BASE_URL": url})


def assert_appears_everywhere(project: Project, stage: str) -> None:
    run = running.run_suite(running.plan_run(project, cases=["double"]))
    assert set(run.trials["outcome"]) == {"pass"}
    assert run.stages.sort_values("position")["stage"].unique().tolist()[1] == stage
    measured = run.attempts[run.attempts["phase"] == "measure"]
    assert (measured["stage"] == stage).sum() == 2
    pages = write_report(project, run.run.run_id, lambda line: None)
    for page in ("00_status", "10_run_suite", "20_variance_outliers"):
        text = (pages / f"{page}.html").read_text()
        assert stage.replace("_", " ") in text.replace("_", " ").lower(), page


def test_a_stage_told_in_a_table(project_folder: Path, lift_server: Any) -> None:
    project = project_with(project_folder, lift_server.url, "semantic", STAGE_IN_A_TABLE)
    assert_appears_everywhere(project, "entity_resolution")


def test_a_stage_of_an_installed_package(
    project_folder: Path, lift_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = project_folder / "site"
    metadata = site / "semantic_stages-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: semantic-stages\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[liftlab.stages]\nintent_inference = semantic_stages:IntentInference\n"
    )
    (site / "semantic_stages.py").write_text(STAGE_IN_A_CLASS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    stages = 'stages = ["nlp_to_ir", "intent_inference", "ir_to_code"]'
    project = project_with(
        project_folder, lift_server.url, "inferred", f"[pipelines.inferred]\n{stages}\n"
    )
    assert_appears_everywhere(project, "intent_inference")


@pytest.mark.model
def test_the_direct_pipeline_on_llama_cpps_own_openai_server(project_folder: Path) -> None:
    chat = '[endpoints.chat]\nprotocol = "openai"\nserve = "llama.cpp"\nmax_tokens = 48\n'
    settings = project_folder / "liftlab.toml"
    settings.write_text(settings.read_text() + f'pipeline = "direct"\nrepeats = 1\n{chat}')
    project = load_project(project_folder, environ={"LIFTLAB_ENDPOINT": "chat"})
    run = running.run_suite(running.plan_run(project))
    assert run.run.protocol == "openai"
    assert set(run.stages["stage"]) == {"code"}
    measured = run.attempts[run.attempts["phase"] == "measure"]
    assert (measured["http_status"] == 200).all()
    assert measured["output_tokens"].gt(0).all()
    assert measured["server_s"].gt(0).all()
    assert set(run.trials["outcome"]) <= {"pass", "fail"}
