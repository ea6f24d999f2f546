"""Which answers of an old file a project's suites can grade."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab.importers.foreign import ForeignFile, ForeignRow
from liftlab.importers.week2.matching import Suites
from liftlab.jobs import opening
from liftlab.jobs.exchanging import import_files
from liftlab.settings import Project

Sample = Callable[[str], dict[str, Any]]
Write = Callable[..., Path]

CASE = (
    '[[cases]]\ncase_id = "is_even"\nprompt = "{prompt}"\ncategory = "x"\nchecks = [[[2], true]]\n'
)


def suite_of(project: Project, write: Write, content: dict[str, Any]) -> str | None:
    (told,) = import_files(project, [str(write(content))])
    assert told.run_id
    return opening.open_run(told.run_id, project=project).run.suite


def test_answers_of_one_suite_are_a_run_of_it(
    project: Project, write: Write, sample: Sample
) -> None:
    assert suite_of(project, write, sample("early.json")) == "week2_day1"


def test_answers_of_two_suites_are_named_by_the_file_s_family(
    project: Project, write: Write, sample: Sample
) -> None:
    suites = project.root / "data" / "suites"
    published = (suites / "week2_day1.toml").read_text()
    (suites / "week2_day1.toml").write_text(
        published.replace('case_id = "is_even"', 'case_id = "e"')
    )
    content = sample("early.json")
    (prompt,) = {row["prompt"] for row in content["results"] if row.get("test_name") == "is_even"}
    (suites / "mine.toml").write_text(f'name = "mine"\n{CASE.format(prompt=prompt)}')
    assert suite_of(project, write, content) == "benchmark"


def test_the_smallest_suite_that_has_all_of_them_names_the_run(
    project: Project, write: Write, sample: Sample
) -> None:
    suites = project.root / "data" / "suites"
    larger = (suites / "week2_day1.toml").read_text()
    larger = larger.replace('name = "week2_day1"', 'name = "another"')
    (suites / "another.toml").write_text(larger + CASE.format(prompt="Is it even, or odd?"))
    assert suite_of(project, write, sample("early.json")) == "week2_day1"


def test_what_a_suite_has_checks_for_is_counted(project: Project, write: Write) -> None:
    rows = [{"case_id": name, "code": "x = 1"} for name in ("is_even", "multiply", "mine")]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    (told,) = import_files(project, [str(write(lines, "answers.jsonl"))])
    assert (told.trials, told.to_grade) == (3, 2)


def test_a_suite_that_cannot_be_read_is_told_and_the_others_are_used(
    project: Project, write: Write
) -> None:
    suites = project.root / "data" / "suites"
    (suites / "broken.toml").write_text("name = ")
    found = Suites([suites])
    assert len(found.faults) == 1
    assert "broken.toml" in found.faults[0]
    answer = write(b'{"case_id": "is_even", "code": "x = 1"}', "answers.jsonl")
    (told,) = import_files(project, [str(answer)])
    assert (told.status, told.to_grade, told.notes) == (
        "imported",
        1,
        (f"no suite to grade by: {found.faults[0]}",),
    )
    assert Suites([project.root / "nowhere"]).faults == []


def row(case_id: str | None, prompt: str | None = None) -> ForeignRow:
    return ForeignRow(case_id=case_id, prompt=prompt, text="x")


@pytest.mark.parametrize(
    ("rows", "cases"),
    [
        ([row("is_even", "Is it even?")], ["is_even"]),
        ([row("is_even", " Is it even?\n")], ["is_even"]),
        ([row("is_even")], ["is_even"]),
        ([row("is_even", "Another.")], None),
        ([row("other")], None),
        ([row(None, "Is it even?")], None),
        ([row("is_even"), row("other"), row("is_even"), row(None)], ["is_even"]),
        ([row("unchecked")], None),
    ],
)
def test_rows_of_another_tool_are_found_by_name_and_prompt(
    rows: list[ForeignRow], cases: list[str] | None, tmp_path: Path
) -> None:
    text = f'name = "mine"\n{CASE.format(prompt="Is it even?")}'
    unchecked = '[[cases]]\ncase_id = "unchecked"\nprompt = "p"\n'
    (tmp_path / "mine.toml").write_text(text + unchecked)
    found = Suites([tmp_path]).of(ForeignFile(family="tool", rows=rows))
    assert (found and [case.case_id for case in found]) == cases
    assert found is None or found.name == "mine"


def test_suites_of_one_name_in_two_folders_are_one(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder, case_id in zip(folders, ("is_even", "is_odd"), strict=True):
        folder.mkdir()
        text = CASE.format(prompt="Is it?").replace("is_even", case_id)
        (folder / "mine.toml").write_text(f'name = "mine"\n{text}')
    rows = [row("is_even"), row("is_odd", "Is it?")]
    found = Suites(folders).of(ForeignFile(family="tool", rows=rows))
    assert found is not None
    assert (found.name, [case.case_id for case in found]) == ("mine", ["is_even", "is_odd"])
