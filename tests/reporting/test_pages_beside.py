"""Pages beside each other: what each is about, and the way to the next one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab.reporting.report import siblings, topic

PAGES = {"00_status": "Status", "20_times": "Times & drift", "40_cost": "Cost"}


@pytest.mark.parametrize(
    ("here", "links"),
    [
        ("00_status", ["index.html", "20_times.html"]),
        ("20_times", ["index.html", "00_status.html", "40_cost.html"]),
        ("40_cost", ["index.html", "20_times.html"]),
    ],
)
def test_a_page_leads_to_its_neighbours(here: str, links: list[str]) -> None:
    shown = siblings(PAGES, here)
    assert [part.partition('"')[0] for part in shown.split('href="')[1:]] == links
    assert shown.count('rel="prev"') == (here != "00_status")
    assert shown.count('rel="next"') == (here != "40_cost")
    assert "Times & drift" not in shown


def cell(kind: str, *lines: str) -> dict[str, Any]:
    return {"cell_type": kind, "source": [f"{line}\n" for line in lines]}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([cell("markdown", "words", "# What it cost ")], "What it cost"),
        ([cell("code", "# a comment"), cell("markdown", "# Times")], "Times"),
        ([cell("markdown", "## A part"), cell("markdown", "#No")], "40_cost"),
        ([], "40_cost"),
    ],
)
def test_a_page_s_topic_is_its_first_heading(tmp_path: Path, cells: list[Any], said: str) -> None:
    path = tmp_path / "40_cost.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    assert topic(path) == said


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"cells": [{}]}', '{"cells": 1}'])
def test_what_is_no_notebook_has_its_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "40_cost.ipynb"
    path.write_text(content)
    assert topic(path) == "40_cost"
    assert topic(tmp_path / "50_gone.ipynb") == "50_gone"
