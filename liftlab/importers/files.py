"""Which files are meant by names, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from liftlab.errors import FileInvalid

_ENDINGS = (".json", ".jsonl", ".ndjson")
_PEEK = 4096


@dataclass(slots=True)
class Found:
    """The files to import, in order, each once.

    `missing` says what was named and is not there; `passed_over` counts a folder's files that
    neither are JSON nor have its ending.
    """

    files: list[Path] = field(default_factory=list)
    missing: list[FileInvalid] = field(default_factory=list)
    passed_over: int = 0


def find(named: Sequence[str], skip: Path) -> Found:
    """Return the files that were named.

    Parameters
    ----------
    named
        Files, folders (with all that is in them, hidden ones left out) and patterns.
    skip
        A folder that is not searched: the project's own runs.
    """
    found = Found()
    for name in named:
        for path in _expand(name):
            if path.is_dir():
                _take_folder(path, skip.resolve(), found)
            else:
                found.files.append(path)
        if not any(_expand(name)):
            found.missing.append(FileInvalid(name, "no file matches"))
    found.files = list(dict.fromkeys(found.files))
    return found


def _expand(name: str) -> list[Path]:
    path = Path(name)
    if glob.has_magic(name) and not path.exists():
        return [Path(match) for match in sorted(glob.glob(name, recursive=True))]
    return [path]


def _take_folder(folder: Path, skip: Path, found: Found) -> None:
    files = list(_walk(folder, skip, found))
    if not files:
        found.missing.append(FileInvalid(folder, "no result files in this folder"))
    found.files += files


def _walk(folder: Path, skip: Path, found: Found) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        found.missing.append(FileInvalid(error.filename, f"can't be read: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=refused):
        here = Path(place)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and (here / name).resolve() != skip
        )
        for name in sorted(names):
            if name[0] == ".":
                continue
            if _is_candidate(here / name):
                yield here / name
            else:
                found.passed_over += 1


def _is_candidate(path: Path) -> bool:
    """Say whether a folder's file is to be read: by its ending, or as it begins like JSON."""
    if path.suffix.lower() in _ENDINGS:
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_PEEK)
    except OSError:
        return False
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
