"""The performance section of a README: written between two markers, and nothing else touched."""

from __future__ import annotations

from pathlib import Path

from liftlab import tomlfile
from liftlab.errors import FileInvalid
from liftlab.reporting.markdown import performance
from liftlab.store.files import write_atomic
from liftlab.summary import RunSummary

BEGIN, END = "<!-- liftlab:performance -->", "<!-- /liftlab:performance -->"


def update(path: Path, summary: RunSummary) -> bool:
    """Write a run's performance section into a README, between its markers; say if it changed.

    A link is followed. Raises FileInvalid if the file is not there, or has not exactly one pair of
    markers, each on a line of its own. Raises StorageFailed if it cannot be written; the old file
    stays.
    """
    old = tomlfile.read_bytes(path, FileInvalid, limit=tomlfile.MAX_BYTES)
    tomlfile.decode_text(old, path, FileInvalid)  # which strips a mark of order; this does not
    text = old.decode()
    before, after = _around(text, path)
    newline = "\r\n" if "\r\n" in text else "\n"
    section = newline.join(["", *performance(summary).split("\n"), ""])
    new = f"{before}{section}{after}".encode()
    if new == old:
        return False
    mode = path.stat().st_mode
    write_atomic(path.resolve(), new)
    path.chmod(mode)
    return True


def _around(text: str, path: Path) -> tuple[str, str]:
    """Return what stands before and behind the section, with the markers."""
    lines = text.splitlines(keepends=True)
    begins = [place for place, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [place for place, line in enumerate(lines) if line.strip() == END]
    if len(begins) != 1 or len(ends) != 1:
        raise FileInvalid(
            path,
            f"{len(begins)} lines {BEGIN} and {len(ends)} lines {END}: put each once where the "
            "section belongs",
        )
    if ends[0] < begins[0]:
        raise FileInvalid(path, f"{END} stands before {BEGIN}: swap them", ends[0] + 1)
    before = "".join(lines[: begins[0] + 1]).removesuffix("\n").removesuffix("\r")
    return before, "".join(lines[ends[0] :])
