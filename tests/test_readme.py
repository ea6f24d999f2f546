"""What the README tells people to write and to run is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from liftlab.cli.main import VERBS
from liftlab.settings import load_project

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *ROOT.glob("docs/*.md"),
]


def settings_shown() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("text", settings_shown())
def test_five_lines_make_an_endpoint(text: str, tmp_path: Path) -> None:
    (tmp_path / "liftlab.toml").write_text(text)
    (name,) = re.findall(r"\[endpoints\.(\w+)\]", text)
    assert load_project(tmp_path, environ={}).settings.endpoint(name).name == name
    assert len(text.splitlines()) == 5


def test_the_verbs_it_names_exist() -> None:
    named = set(
        re.findall(r"`(?:\.venv/bin/)?liftlab (\w[\w-]*)", (ROOT / "README.md").read_text())
    )
    assert named
    assert named <= set(VERBS)


def test_the_targets_it_names_exist() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"`?make (\w+)", (ROOT / "README.md").read_text())) <= set(targets)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
