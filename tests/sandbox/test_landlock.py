"""What is asked of the kernel is what its version of Landlock knows."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from liftlab.sandbox import landlock

CREATE, ADD = 444, 445


class Kernel:
    """Takes down what a kernel with a version of Landlock is asked."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.handled: list[int] = []
        self.allowed: list[int] = []

    def __call__(self, number: int, *arguments: Any) -> int:
        if number == CREATE and arguments[0] is None:
            return self.version
        if number == CREATE:
            size = ctypes.c_uint64 * (arguments[1] // 8)
            self.handled = list(ctypes.cast(arguments[0], ctypes.POINTER(size)).contents)
            return 99
        assert number == ADD
        rule = ctypes.cast(arguments[2], ctypes.POINTER(landlock._PathBeneath)).contents
        self.allowed.append(rule.allowed_access)
        return 0


@pytest.mark.parametrize(
    ("version", "handled"),
    [
        (1, [2**13 - 1]),
        (2, [2**14 - 1]),
        (3, [2**15 - 1]),
        (4, [2**15 - 1, 3]),
        (5, [2**16 - 1, 3]),
        (6, [2**16 - 1, 3, 3]),
        (7, [2**16 - 1, 3, 3]),
    ],
)
def test_all_is_taken_that_the_version_knows_and_no_more(
    version: int, handled: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(version)
    monkeypatch.setattr(landlock, "_syscall", kernel)
    scratch, file = tmp_path / "scratch", tmp_path / "file"
    scratch.mkdir()
    file.touch()
    read = [str(tmp_path), str(file), str(tmp_path / "not there")]
    assert landlock.ruleset(readable=read, writable=[str(scratch)]) == 99
    assert kernel.handled == handled
    folder, one_file, writable = kernel.allowed
    assert (folder, one_file) == (0b1101, 0b101)  # to execute, read and list; of a file, no list
    assert writable & handled[0] == writable
    assert folder & writable == folder & ~1  # nothing that was written is executed
    assert writable.bit_count() == {1: 8, 2: 9}.get(version, 10)


def test_a_kernel_without_landlock_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> int:
        raise OSError("not implemented")

    monkeypatch.setattr(landlock, "_syscall", refuses)
    assert landlock.abi() == 0
    assert landlock.ruleset(["/usr"], []) is None


def test_what_may_be_done_in_the_folder_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(7)
    monkeypatch.setattr(landlock, "_syscall", kernel)
    landlock.ruleset(readable=[], writable=[str(tmp_path)])
    # By the numbers of linux/landlock.h: to write, read, list, remove, make folders, files and
    # links, move and cut; no device, no socket, no pipe.
    assert kernel.allowed == [sum(1 << n for n in (1, 2, 3, 4, 5, 7, 8, 12, 13, 14))]
    (tmp_path / "file").touch()
    landlock.ruleset(readable=[], writable=[str(tmp_path / "file")])
    assert kernel.allowed[1] == sum(1 << n for n in (1, 2, 14))


def test_rules_are_enforced_by_the_last_of_the_three_calls() -> None:
    call, (number, rules, flags) = landlock.enforcing(99)
    assert callable(call)
    assert (number.value, rules, flags) == (446, 99, 0)


def test_a_refusal_of_the_kernel_is_an_error() -> None:
    if not landlock.abi():
        pytest.skip("no Landlock here")
    with pytest.raises(OSError, match="landlock: ") as refused:
        landlock._syscall(CREATE, None, 0, 0)
    assert refused.value.errno
