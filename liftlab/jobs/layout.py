"""Lay down a project in an empty folder: settings, suites, notebooks, prices, published days."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import liftlab
from liftlab.errors import LiftlabError, UsageError
from liftlab.settings import SETTINGS_FILE
from liftlab.store.files import writing

# One copy in the repository; the wheel carries it inside the package.
PARTS = (
    SETTINGS_FILE,
    "notebooks",
    "data/suites",
    "data/sessions",
    "data/reference",
    "data/prices.toml",
)
_PACKAGED = "_project"
_GITIGNORE = "# What liftlab makes; all else is yours to commit.\ndata/runs/\nreports/\n"
_NOT_COPIED = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")


def lay_down(target: Path) -> Path:
    """Write a project that works into a folder, made if need be, and return the folder.

    What is hidden in it, such as `.venv`, does not count; where it has a `.git`, other files do not
    either, unless they stand in the way. Raises UsageError if there is something in it already.
    Raises StorageFailed if it cannot be written; then nothing is left of it.
    """
    source = source_folder()
    there = target.exists()
    if there and not target.is_dir():
        raise UsageError(f"{target}: is a file, not a folder")
    visible = sorted(path.name for path in target.iterdir() if path.name[0] != ".") if there else []
    if there and (target / ".git").exists():
        visible = [name for name in visible if name in {part.split("/")[0] for part in PARTS}]
    if visible:
        raise UsageError(f"{target}: not empty, it has {visible[0]}: name an empty or a new folder")
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".new-", dir=target))
    try:
        with writing(target):
            for part in PARTS:
                _copy(source / part, building / part)
            if not (target / ".gitignore").exists():
                (building / ".gitignore").write_text(_GITIGNORE, "utf-8")
            for path in building.iterdir():
                os.rename(path, target / path.name)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        if not there and not any(target.iterdir()):
            target.rmdir()
    return target


def definitions() -> str:
    """Return the definitions of all quantities, as Markdown."""
    return (source_folder() / "docs" / "definitions.md").read_text("utf-8")


def source_folder() -> Path:
    """Return where the parts are: in the installed package, or in the checkout around it."""
    package = Path(liftlab.__file__).parent
    for folder in (package / _PACKAGED, package.parent):
        if all((folder / part).exists() for part in PARTS):
            return folder
    raise LiftlabError(f"{package}: this installation has no project to lay down: install it again")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_NOT_COPIED, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)
