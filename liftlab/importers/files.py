"""Which files are meant by names, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from liftlab.errors import FileInvalid

_ENDINGS = (".json", ".jsonl", ".ndjson")
_PEEK = 4096


def find(named: Sequence[str], skip: Path) -> tuple[list[Path], list[FileInvalid]]:
    """Return the files that were named, in order and each once, and what is not there.

    Names are files, patterns and folders, which are searched whole but for what is hidden and
    for the folder `skip`: the project's own runs.
    """
    files: dict[Path, None] = {}
    missing: list[FileInvalid] = []
    for name in named:
        paths = _expand(name)
        if not paths:
            missing.append(FileInvalid(name, "no file matches"))
        for path in paths:
            inside = list(_walk(path, skip.resolve(), missing)) if path.is_dir() else [path]
            if not inside:
                missing.append(FileInvalid(path, "no result files in this folder"))
            files |= dict.fromkeys(inside)
    return list(files), missing


def _expand(name: str) -> list[Path]:
    path = Path(name)
    if glob.has_magic(name) and not path.exists():
        return [Path(match) for match in sorted(glob.glob(name, recursive=True))]
    return [path]


def _walk(folder: Path, skip: Path, missing: list[FileInvalid]) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        missing.append(FileInvalid(error.filename, f"can't be read: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=refused):
        here = Path(place)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and (here / name).resolve() != skip
        )
        yield from (
            here / name for name in sorted(names) if name[0] != "." and _is_candidate(here / name)
        )


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
