"""What a notebook imports: a dozen names, each there, and none loaded before it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import liftlab

HEAVY = ("pandas", "httpx", "aiohttp", "rich", "scipy", "matplotlib", "pydantic", "numpy")


def loaded_after(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    command = [sys.executable, "-c", probe]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in answer.stdout.splitlines()}


@pytest.mark.parametrize("name", liftlab.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(liftlab, name) is not None


@pytest.mark.parametrize("name", [n for n in liftlab.__all__ if n != "__version__"])
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(liftlab, name).__doc__ or "")


def test_every_public_name_has_its_entry_in_the_docs() -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    entries = re.findall(r"^::: liftlab\.(\w+)$", page, flags=re.MULTILINE)
    assert sorted(entries) == liftlab.__all__


def test_the_front_door_is_small() -> None:
    assert len(liftlab.__all__) <= 28
    assert list(liftlab.__all__) == sorted(liftlab.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        liftlab.nonsense  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import liftlab",
        "from liftlab.cli.main import main; main(['--help'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    assert not loaded_after(code) & set(HEAVY)
