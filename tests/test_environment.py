"""pyproject.toml is the source: environment.yml, the locks and the release say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import liftlab

ROOT = Path(__file__).parents[1]
HEART = {"jupyterlab", "papermill", "httpx", "pandas", "seaborn", "scipy"}


def requirement_name(text: str) -> str:
    return re.split(r"[<>=!~;\[ ]", text.strip(), maxsplit=1)[0].lower().replace("_", "-")


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared(*extras: str) -> set[str]:
    data = project()
    needs = list(data["dependencies"])
    for extra in extras:
        needs += data["optional-dependencies"][extra]
    return {requirement_name(need) for need in needs}


def environment_lines() -> list[str]:
    text = (ROOT / "environment.yml").read_text()
    return [line.strip()[2:] for line in text.splitlines() if line.strip().startswith("- ")]


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "locks" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, flags=re.MULTILINE | re.IGNORECASE))


def test_the_release_has_one_version_and_one_date() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    released = re.findall(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == (citation["version"], str(citation["date-released"]))
    assert project()["version"] == liftlab.__version__ == citation["version"]


def test_the_forge_runs_what_we_run() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert {"run": ".ci/run"} in workflow["jobs"]["test"]["steps"]
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for hook in local["hooks"]] == ["make lint"]


def test_environment_installs_this_library_with_extras_that_exist() -> None:
    (editable,) = [line for line in environment_lines() if line.startswith("-e")]
    extras = re.findall(r"\w+", editable.split("[")[1])
    assert set(extras) <= set(project()["optional-dependencies"])
    assert {"lab", "local", "test"} <= set(extras)


def test_environment_names_the_heart_and_nothing_that_pyproject_does_not() -> None:
    names = {requirement_name(line) for line in environment_lines() if not line.startswith("-e")}
    names -= {"conda-forge", "python", "pip", "pip:"}
    assert names == HEART
    assert names <= declared("lab")


def test_environment_asks_for_the_same_python() -> None:
    (python,) = [line for line in environment_lines() if line.startswith("python")]
    assert python.removeprefix("python") == project()["requires-python"]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("report", ("local",)),
        ("test", ("local", "test", "cluster")),
        ("cluster", ("cluster",)),
        ("lab", ("local", "lab")),
        ("browser", ("local", "test", "browser")),
        ("all", ("lab", "local", "test", "browser", "cluster")),
    ],
)
def test_each_lock_holds_what_it_must_at_the_same_versions(
    lock: str, extras: tuple[str, ...]
) -> None:
    versions = locked(lock)
    assert declared(*extras) <= {name.lower() for name in versions}
    everything = locked("all")
    assert {name: everything[name] for name in versions} == versions


def test_the_lock_of_the_site_holds_its_group() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert {requirement_name(need) for need in groups["docs"]} <= set(locked("docs"))


def test_pylock_is_the_report_lock_and_names_no_host() -> None:
    text = (ROOT / "locks" / "pylock.toml").read_text()
    assert "://" not in text
    packages = tomllib.loads(text)["packages"]
    assert {package["name"]: package["version"] for package in packages} == locked("report")
    files = [file for package in packages for file in package.get("wheels", [package.get("sdist")])]
    assert all(file["hashes"]["sha256"] for file in files)


@pytest.mark.parametrize("path", sorted((ROOT / "locks").glob("*.txt")), ids=lambda p: p.name)
def test_locks_are_hashed_and_name_no_host(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    requirements = re.findall(r"^\S+==", text, flags=re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) == len(entries)
    assert all("--hash=sha256:" in entry for entry in entries)
