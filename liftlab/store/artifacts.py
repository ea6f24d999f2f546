"""Prompts, replies, IR and code, each kept once under the digest of its content."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from liftlab.errors import RunFolderCorrupt, StorageFailed
from liftlab.store.files import read_regular, write_atomic, writing

MAX_BYTES = 16 * 1024 * 1024  # replies are capped at 10 MB; a prompt or a value is smaller
_SMALL_BYTES, _MOST_RECENT = 64 * 1024, 256
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Artifacts:
    """The content-addressed files of a run: `artifacts/ab/ab12…`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._recent: dict[str, bytes] = {}  # a run's trials give the same over and over

    def put(self, content: bytes) -> str:
        """Keep `content`, and return its SHA-256 in hexadecimal.

        Not synced to the disk one by one, which would hold the load loop: after a power cut an
        artifact may be missing, which `get` tells; after a killed process it is not. Raises
        StorageFailed if it is over 16 MiB, or the disk does not take it.
        """
        if len(content) > MAX_BYTES:
            raise StorageFailed(
                f"{self.path}: {len(content)} bytes in one artifact, at most {MAX_BYTES}"
            )
        digest = sha256(content).hexdigest()
        path = self.path_of(digest)
        if not path.exists():
            if not path.parent.exists():
                with writing(path.parent):
                    path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, content, durable=False)
        return digest

    def get(self, digest: str) -> bytes:
        """Return what was kept under a digest; raise RunFolderCorrupt if that is not there."""
        if (known := self._recent.get(digest)) is not None:
            return known
        path = self.path_of(digest)
        content = read_regular(path, MAX_BYTES)
        if sha256(content).hexdigest() != digest:
            raise RunFolderCorrupt(path, "the artifact is not what was kept: its digest differs")
        if len(content) <= _SMALL_BYTES:
            if len(self._recent) >= _MOST_RECENT:
                self._recent = {}
            self._recent[digest] = content
        return content

    def put_text(self, text: str) -> str:
        """Keep text as UTF-8; lone surrogates, which have no UTF-8, are written as escapes."""
        return self.put(text.encode("utf-8", "backslashreplace"))

    def get_text(self, digest: str) -> str:
        """Return kept text; bytes that are not UTF-8 become U+FFFD."""
        return self.get(digest).decode("utf-8", "replace")

    def path_of(self, digest: str) -> Path:
        """Return where the content of a digest lies; raise RunFolderCorrupt if it is no digest."""
        # A digest comes out of a file that anybody may have written: it must not name a path.
        if not _DIGEST.fullmatch(digest):
            raise RunFolderCorrupt(self.path, f"{digest[:80]!r} is not an artifact's digest")
        return self.path / digest[:2] / digest
