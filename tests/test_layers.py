"""Data walks one way: a module imports only from its own layer or from those below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Lowest first. A package stands for all of its files.
LAYERS = [
    {"errors", "records", "values", "tomlfile", "words", "cluster"},
    {"settings", "suite"},
    {"store", "timing"},
    {"endpoints", "sandbox"},
    {"pipeline"},
    {"serving"},
    {"runner", "importers"},
    {"grading"},
    {"sessions"},
    {"analysis"},
    {"summary"},
    {"jobs"},
    {"reporting"},
    {"api", "cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# Only these touch the HTTP client and the transport under it. The proxy before the embedded
# model is a server: it is no client under measurement.
HTTP_LIBRARIES = {"httpx", "aiohttp"}
MAY_TOUCH_HTTP = ("timing", "endpoints/http.py", "serving/")


# What a run comes to is computed in `summary`. These ask analysis where there is no run to
# summarise: of the rows of the history, of samples in a file, of a run in progress or before its
# costs are known; `baselines` and `waking` look at the cases of a run one by one.
MAY_ANALYSE = {
    "cli/grade.py", "cli/run.py", "jobs/baselines.py", "jobs/checking.py", "jobs/comparing.py",
    "jobs/deciding.py", "jobs/keeping.py", "jobs/opening.py", "jobs/reproducing.py",
    "jobs/running.py",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted((ROOT / "liftlab").rglob("*.py"))


def layer_of(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "liftlab" and len(parts) > 1 else None


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield node.lineno, module
            if module == "liftlab":
                yield from ((node.lineno, f"liftlab.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_import_points_up(path: Path) -> None:
    inside = path.relative_to(ROOT / "liftlab")
    own = inside.parts[0].removesuffix(".py")
    if own in {"__init__", "__main__"}:
        return  # the front door names everything, and loads it when it is used
    for line, name in imports(path):
        target = layer_of(name)
        if target in LEVEL:
            assert LEVEL[target] <= LEVEL[own], f"{inside}:{line} imports {name} from above"


def test_every_module_has_a_layer() -> None:
    top = {p.relative_to(ROOT / "liftlab").parts[0].removesuffix(".py") for p in modules()}
    assert top - {"__init__", "__main__"} == set(LEVEL)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_http_libraries_are_touched_in_one_place(path: Path) -> None:
    inside = str(path.relative_to(ROOT / "liftlab"))
    if not inside.startswith(MAY_TOUCH_HTTP):
        touched = {name.split(".")[0] for _, name in imports(path)} & HTTP_LIBRARIES
        assert not touched, f"{inside} imports {touched}"


def test_jobs_and_commands_leave_runs_to_the_summary() -> None:
    inside = {path.relative_to(ROOT / "liftlab").as_posix(): path for path in modules()}
    asking = {
        name
        for name, path in inside.items()
        if name.startswith(("cli/", "jobs/"))
        and any(layer_of(imported) == "analysis" for _, imported in imports(path))
    }
    assert asking == MAY_ANALYSE
