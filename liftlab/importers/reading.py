"""Which files are meant, and from their bytes to JSON data, with one line for what is wrong."""

from __future__ import annotations

import glob
import json
import math
import os
import stat
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liftlab import tomlfile
from liftlab.errors import FileInvalid
from liftlab.suite.file import KeyTwice, unique_keys

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
_DIGITS = sys.get_int_max_str_digits()
_ENDINGS = (".json", ".jsonl", ".ndjson")
_PEEK = 4096


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data; `unknown` counts values that are no numbers (NaN, Infinity), read as null."""

    path: Path
    data: Any = field(repr=False)
    unknown: int = 0


def read_bytes(path: Path) -> bytes:
    """Return a file's content.

    Raises FileInvalid if it is missing, no regular file, can't be read, empty or over 64 MiB.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        regular = True  # let reading it say why not
    if not regular and not path.is_dir():
        raise FileInvalid(path, "not a regular file: give a file, a folder or a pattern")
    source = tomlfile.read_bytes(path, FileInvalid, limit=MAX_BYTES)
    if not source.strip():
        raise FileInvalid(path, "empty: copy or export it again")
    return source


def parse(source: bytes, path: Path) -> Document:
    """Read JSON with what Python's own writer adds to it: NaN and Infinity, which become null.

    Raises FileInvalid if it is not UTF-8 or not JSON, has a key twice in one object, or is nested
    deeper than 64 levels; with the line, where one is to blame.
    """
    text = tomlfile.decode_text(source, path, FileInvalid)
    unknown = 0

    def no_number(_: str) -> None:
        nonlocal unknown
        unknown += 1

    def number(digits: str) -> float | None:
        value = float(digits)
        if math.isfinite(value):
            return value
        no_number(digits)
        return None

    try:
        data = json.loads(
            text, parse_constant=no_number, parse_float=number, object_pairs_hook=unique_keys
        )
    except json.JSONDecodeError as error:
        raise FileInvalid(path, _fault(error, text), error.lineno) from None
    except RecursionError:
        raise FileInvalid(path, f"nested deeper than {MAX_DEPTH} levels") from None
    except KeyTwice as error:
        raise FileInvalid(path, f"not a file to trust: {error}") from None
    except ValueError:  # the one thing left that Python won't read, for the time it would take
        raise FileInvalid(path, f"has a whole number of more than {_DIGITS:,} digits") from None
    if _is_deeper(data, MAX_DEPTH):
        raise FileInvalid(path, f"nested deeper than {MAX_DEPTH} levels")
    return Document(path, data, unknown)


def _fault(error: json.JSONDecodeError, text: str) -> str:
    cut_short = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    if cut_short:
        return "breaks off here: the file was cut short; copy or export it again"
    return f"not JSON: {error.msg} (column {error.colno})"


def _is_deeper(data: Any, levels: int) -> bool:
    layer: list[Any] = [[data]]
    for _ in range(levels + 1):
        parts = [part.values() if isinstance(part, dict) else part for part in layer]
        layer = [inner for part in parts for inner in part if isinstance(inner, dict | list)]
    return bool(layer)


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
    return start.removeprefix(BOM_UTF8).lstrip()[:1] == b"{"
