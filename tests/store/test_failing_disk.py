"""A disk that fails under the journal's own system calls: what was committed is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from liftlab.store import Journal, RunFolder, committed

TRIALS = 100
WRITER = """
import sys
from pathlib import Path
from liftlab.records import Trial
from liftlab.store import Journal, RunFolder

folder = RunFolder(Path(sys.argv[1]))
with Journal.open(folder) as journal:
    for repeat in range(1, int(sys.argv[2]) + 1):
        trial = Trial(run_id=folder.run_id, case_id="add", repeat=repeat)
        journal.trial_ended(trial, []).result()
        print(repeat, flush=True)
"""
# Between SQLite and the system: what is written to the journal's log fails from the FROMth call on.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

static int is_log(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return strstr(path, "run.sqlite-wal") != NULL;
}

static int due(void) {
    static int calls;
    return ++calls >= atoi(getenv("SHIM_FROM"));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    const char *how = getenv("SHIM");
    if (strcmp(how, "sync") && is_log(fd) && due()) {
        if (!strcmp(how, "short")) return real(fd, data, size > 1 ? size / 2 : size, at);
        if (!strcmp(how, "short, then full") && size > 1) return real(fd, data, size / 2, at);
        errno = strcmp(how, "EIO") ? ENOSPC : EIO;
        return -1;
    }
    return real(fd, data, size, at);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    if (!strcmp(getenv("SHIM"), "sync") && is_log(fd) && due()) { errno = EIO; return -1; }
    return real(fd);
}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that stands between; it needs a C compiler, Linux, and SQLite as a library."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60
    )
    return library


def write_under(shim: Path, folder: RunFolder, how: str) -> tuple[str, set[int]]:
    """Let a process commit trials until the disk fails; return what it says, and what it told."""
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(folder.path), str(TRIALS)],
        env={**os.environ, "LD_PRELOAD": str(shim), "SHIM": how, "SHIM_FROM": "20"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stderr, {int(line) for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("EIO", "disk I/O error"),
        ("ENOSPC", "database or disk is full"),
        ("short, then full", "database or disk is full"),
        ("sync", "disk I/O error"),
    ],
)
def test_a_disk_that_fails_is_told_and_loses_nothing_that_was_told(
    shim: Path, folder: RunFolder, how: str, said: str
) -> None:
    stderr, told = write_under(shim, folder, how)
    assert f"cannot be written: {said}" in stderr
    assert "liftlab run --resume" in stderr
    assert told
    assert {("add", repeat) for repeat in told} <= committed(folder)
    with Journal.open(folder) as journal:  # the disk is well again
        assert journal.abandon_open() >= 0
    assert {("add", repeat) for repeat in told} <= committed(folder)


def test_short_writes_are_completed(shim: Path, folder: RunFolder) -> None:
    stderr, told = write_under(shim, folder, "short")
    assert stderr == ""
    assert told == set(range(1, TRIALS + 1))
    assert committed(folder) == {("add", repeat) for repeat in told}
