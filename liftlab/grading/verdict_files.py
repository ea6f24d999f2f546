"""Files of verdicts that grow: those of a shard are kept by the digest of the answer.

A shard's file is JSON Lines. A line that says with which liftlab and Python, and how many controls
were told apart, stands before the verdicts that were made so. A verdict says its answer's digest.
"""

from __future__ import annotations

import fcntl
import glob
import json
import platform
import re
from collections.abc import Iterable, Iterator, KeysView, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple, get_args

from liftlab import __version__
from liftlab.errors import FileInvalid, StorageFailed
from liftlab.grading.grade import WEAK
from liftlab.grading.pool import digest_of
from liftlab.grading.sample_files import Sample
from liftlab.grading.verdict import GRADER_VERSION, MAX_ROW_BYTES
from liftlab.records import Outcome
from liftlab.settings import GradingSettings
from liftlab.suite import Suite

_MOST_OPEN = 100
_LINE_BYTES = MAX_ROW_BYTES + 1024
VERSIONS = {"liftlab": __version__, "python": platform.python_version()}


class Shard(NamedTuple):
    """A share of the answers, by their digests: the `number`th of `of`."""

    number: int
    of: int

    def holds(self, digest: bytes) -> bool:
        """Say whether an answer belongs to this share."""
        return int.from_bytes(digest[:8]) % self.of == self.number - 1


def answer_digest(sample: Sample) -> bytes:
    """Return the digest of an answer to a case: of all that its verdict depends on in a suite."""
    return digest_of((sample.case_id, sample.code))


def grader_of(settings: GradingSettings) -> str:
    """Return what verdicts depend on beside the answers and the suite."""
    return f"{GRADER_VERSION} {settings.packages} {settings.python}"


def shard_path(out: Path, suite: Suite, settings: GradingSettings, part: str) -> Path:
    """Return the file beside the output for a part of its verdicts."""
    key = sha256(f"{suite.sha256} {grader_of(settings)}".encode()).hexdigest()[:12]
    return out.with_name(f"{out.name}.{key}.{part}.shard")


class Verdicts:
    """The verdicts of shards, by digest; they stay in their files.

    Those from where code could not be isolated are taken if `allow_weak`. `taken` counts how many
    were asked for and there.
    """

    def __init__(self, paths: Iterable[Path] = (), *, allow_weak: bool = False) -> None:
        self.taken = 0
        self._allow_weak = allow_weak
        self._paths: list[Path] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        self._open: dict[int, IO[bytes]] = {}
        self._proofs: dict[tuple[Path, str], tuple[int, int]] = {}
        for path in paths:
            self.read(path)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def controls(self) -> tuple[int, int]:
        """How many known answers were told apart, of how many, where verdicts were made."""
        told, of = zip((0, 0), *self._proofs.values(), strict=True)
        return sum(told), sum(of)

    def keys(self) -> KeysView[bytes]:
        """Return the digests of all that there are."""
        return self._places.keys()

    def read(self, path: Path) -> int:
        """Take the verdicts of a file; return how far it is whole.

        A line that is no verdict is passed over. Raises FileInvalid if another liftlab or Python
        made them.
        """
        number, end, is_proven = len(self._paths), 0, False
        self._paths.append(path)
        try:
            with path.open("rb") as file:
                while (line := file.readline(_LINE_BYTES)).endswith(b"\n"):
                    told = _parsed(line)
                    if "controls" in told:
                        is_proven = self._take_proof(told, path)
                    elif is_proven and _digest(told) and self._is_wanted(told.get("verdict")):
                        self._places.setdefault(_digest(told), (number, end))
                    end += len(line)
        except OSError as fault:
            raise FileInvalid(path, f"can't be read: {fault.strerror or fault}") from None
        return end

    def get(self, digest: bytes) -> bytes | None:
        """Return the line of a verdict, as a file of verdicts has it."""
        place = self._places.get(digest)
        if place is None:
            return None
        number, offset = place
        if number not in self._open:
            if len(self._open) >= _MOST_OPEN:
                self.close()
            self._open[number] = self._paths[number].open("rb")
        file = self._open[number]
        file.seek(offset)
        told = _parsed(file.readline(_LINE_BYTES))
        if _digest(told) != digest or not is_row(told.get("verdict")):
            raise FileInvalid(self._paths[number], "changed while it was read: start again")
        self.taken += 1
        return json.dumps(told["verdict"]).encode("ascii") + b"\n"

    def close(self) -> None:
        """Close the files."""
        while self._open:
            self._open.popitem()[1].close()

    def _take_proof(self, told: Mapping[str, Any], path: Path) -> bool:
        versions = {name: told.get(name) for name in VERSIONS}
        if versions != VERSIONS:
            fault = f"made with {named(versions)}, here is {named(VERSIONS)}"
            raise FileInvalid(path, f"{fault}: grade that shard again with the same")
        counts = told["controls"]
        if not isinstance(counts, list) or [*map(type, counts)] != [int, int]:
            return False
        self._proofs[path, str(told.get("by"))] = counts[0], counts[1]
        return bool(counts[0] == counts[1])

    def _is_wanted(self, row: Any) -> bool:
        return is_row(row) and (self._allow_weak or row.get("isolation") not in WEAK)


class VerdictFile:
    """The file of one shard, to which verdicts are added."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._proof: Any = None

    def add(
        self, by: str, controls: tuple[int, int], verdicts: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Append verdicts, each with its digest, of a pool `by` that told so many controls."""
        proof = {**VERSIONS, "controls": controls, "by": by}
        lines = [] if proof == self._proof else [proof]
        lines += [{"answer": key.hex(), "verdict": json.loads(line)} for key, line in verdicts]
        self._proof = proof
        self._file.write(b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines))
        self._file.flush()


def named(versions: Mapping[str, Any]) -> str:
    """Return versions as text for people."""
    return f"liftlab {str(versions['liftlab'])[:40]} on Python {str(versions['python'])[:40]}"


def shards_of(
    out: Path, suite: Suite, settings: GradingSettings
) -> tuple[list[Path], tuple[str, ...]]:
    """Return the files of shards beside an output, and the names of others' that lie there, too."""
    found = sorted(out.parent.glob(f"{glob.escape(out.name)}.*.shard"))
    prefix = shard_path(out, suite, settings, "").name.removesuffix(".shard")
    mine = [path for path in found if path.name.startswith(prefix) and path.is_file()]
    return mine, tuple(path.name for path in found if path not in mine)


@contextmanager
def appending(path: Path) -> Iterator[IO[bytes]]:
    """Open a partial file for this process alone."""
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError:
        raise StorageFailed(f"{path}: another process is writing it: wait or stop it") from None
    except BrokenPipeError:
        raise  # whoever read our progress has left
    except OSError as fault:
        raise StorageFailed(f"{path}: cannot be written: {fault.strerror or fault}") from fault


def kept(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the whole rows of a partial file, and cut off what stands behind them."""
    file.seek(0)
    end = 0
    while line := file.readline():
        row = _parsed(line)
        if not line.endswith(b"\n") or not is_row(row):
            break
        end += len(line)
        yield row
    file.truncate(end)


def is_row(row: Any) -> bool:
    """Say whether data is a verdict."""
    known = isinstance(row, dict) and row.get("outcome") in get_args(Outcome)
    return known and isinstance(row.get("case_id"), str)


def _parsed(line: bytes) -> dict[str, Any]:
    """Return what a line says; nothing if it is no object."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _digest(told: Mapping[str, Any]) -> bytes:
    text = told.get("answer")
    if isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text):
        return bytes.fromhex(text)
    return b""
