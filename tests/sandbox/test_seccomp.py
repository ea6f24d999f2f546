"""The filter is run here by a small model of the kernel's machine, for both architectures."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from liftlab.sandbox import seccomp

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS = {
    "x86_64": {"read": 0, "write": 1, "openat": 257, "mmap": 9, "futex": 202, "clone": 56,
               "clone3": 435, "prlimit64": 302, "sendto": 44, "socket": 41, "execve": 59,
               "kill": 62, "chmod": 90, "mount": 165, "socketpair": 53, "setsockopt": 54,
               "fcntl": 72, "sync": 162, "syncfs": 306, "sync_file_range": 277,
               "membarrier": 324, "timer_create": 222},
    "aarch64": {"read": 63, "write": 64, "openat": 56, "mmap": 222, "futex": 98, "clone": 220,
                "clone3": 435, "prlimit64": 261, "sendto": 206, "socket": 198, "execve": 221,
                "kill": 129, "mount": 40, "socketpair": 199, "setsockopt": 208, "fcntl": 25,
               "sync": 81, "syncfs": 267, "sync_file_range": 84, "membarrier": 283,
               "timer_create": 107},
}  # fmt: skip
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE = 0x00050000 | errno.EPERM


def decide(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    data = struct.pack("<IIQ", number, ARCH[machine] if arch is None else arch, 0)
    data += struct.pack("<6Q", *arguments, *[0] * (6 - len(arguments)))
    lines, at, value = seccomp.program(machine), 0, 0
    while True:
        code, if_true, if_false, operand = lines[at]
        at += 1
        if code == 0x20:
            value = struct.unpack_from("<I", data, operand)[0]
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: value & operand}[code]
            at += if_true if holds else if_false


@pytest.mark.parametrize("machine", ARCH)
@pytest.mark.parametrize("name", ["read", "write", "openat", "mmap", "futex"])
def test_what_a_function_needs_is_allowed(machine: str, name: str) -> None:
    assert decide(machine, NUMBERS[machine][name]) == ALLOW


@pytest.mark.parametrize("machine", ARCH)
@pytest.mark.parametrize(
    "name",
    [
        *("socket", "execve", "kill", "mount", "chmod", "sync", "syncfs", "sync_file_range"),
        *("membarrier", "timer_create"),
    ],
)
def test_the_rest_is_refused(machine: str, name: str) -> None:
    if name in NUMBERS[machine]:
        assert decide(machine, NUMBERS[machine][name]) == REFUSE


@pytest.mark.parametrize("machine", ARCH)
def test_threads_but_no_processes(machine: str) -> None:
    numbers = NUMBERS[machine]
    assert decide(machine, numbers["clone"], 0x003D0F00) == ALLOW  # as the C library's threads
    assert decide(machine, numbers["clone"], 0x01200011) == REFUSE  # as its fork
    assert decide(machine, numbers["clone3"]) == 0x00050000 | errno.ENOSYS


@pytest.mark.parametrize("machine", ARCH)
def test_limits_can_be_read_and_not_set(machine: str) -> None:
    number = NUMBERS[machine]["prlimit64"]
    assert decide(machine, number, 0, 7, 0, 1) == ALLOW
    assert decide(machine, number, 0, 7, 0xFFFF, 0) == REFUSE
    assert decide(machine, number, 0, 7, 0xFFFF << 32, 0) == REFUSE


@pytest.mark.parametrize("machine", ARCH)
def test_a_descriptor_gets_no_owner_that_it_could_signal(machine: str) -> None:
    control, device = {"x86_64": (72, 16), "aarch64": (25, 29)}[machine]
    for command in (8, 10, 15, 1024, 1026, 8 | 1 << 32):
        assert decide(machine, control, 3, command, 1) == REFUSE
    for command in (0, 1, 2, 3, 4, 6, 7, 1030, 1032):  # duplicates, flags, locks, sizes
        assert decide(machine, control, 3, command, 1) == ALLOW
    assert decide(machine, device, 3, 0x8901) == decide(machine, device, 3, 0x8902) == REFUSE
    assert decide(machine, device, 3, 0x5401) == ALLOW


@pytest.mark.parametrize("machine", ARCH)
def test_nothing_is_sent_to_an_address(machine: str) -> None:
    number = NUMBERS[machine]["sendto"]
    assert decide(machine, number, 3, 1, 1, 0, 0) == ALLOW
    assert decide(machine, number, 3, 1, 1, 0, 0x7F0000000000) == REFUSE


@pytest.mark.parametrize("machine", ARCH)
def test_the_kernel_keeps_no_more_for_it_than_usual(machine: str) -> None:
    numbers = NUMBERS[machine]
    assert decide(machine, numbers["fcntl"], 3, 1031, 1 << 20) == REFUSE  # F_SETPIPE_SZ
    for option in (7, 8, 32, 33):
        assert decide(machine, numbers["setsockopt"], 3, 1, option) == REFUSE
    for option in (2, 9, 16, 20):  # reuse, keep alive, credentials, time-out
        assert decide(machine, numbers["setsockopt"], 3, 1, option) == ALLOW
    assert decide(machine, numbers["socketpair"], 1, 1, 0) == ALLOW  # AF_UNIX
    for family in (0, 2, 16, 30, 40, 1 | 1 << 32):
        assert decide(machine, numbers["socketpair"], family, 1, 0) == REFUSE


@pytest.mark.parametrize("machine", ARCH)
def test_a_foreign_architecture_is_killed(machine: str) -> None:
    other = next(arch for name, arch in ARCH.items() if name != machine)
    assert decide(machine, 0, arch=other) == KILL
    assert decide(machine, 0x40000000) == KILL


@pytest.mark.parametrize("machine", ARCH)
@pytest.mark.parametrize("number", [450, 452, 466, 9999])
def test_calls_newer_than_the_list_are_answered_as_by_an_older_kernel(
    machine: str, number: int
) -> None:
    assert decide(machine, number) == 0x00050000 | errno.ENOSYS
    assert decide(machine, 449) == ALLOW


def test_no_filter_for_an_unknown_machine() -> None:
    assert seccomp.program("riscv64") == []


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0),
        ("/usr/include/asm-generic/unistd.h", 1),
    ],
)
def test_numbers_are_those_of_the_kernels_headers(header: str, column: int) -> None:
    if not Path(header).exists():
        pytest.skip("no headers here")
    text = Path(header).read_text()
    known = {
        name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)
    }
    assert len(known) > 200
    for name, numbers in seccomp._REFUSED.items():
        if name in known:
            assert numbers[column] == known[name], name


@pytest.mark.parametrize(
    ("machine", "column", "apart"),
    [
        ("x86_64", 0, {16, 44, 53, 54, 56, 72, 285, 302, 435}),
        ("aarch64", 1, {25, 29, 47, 199, 206, 208, 220, 261, 435}),
    ],
)
def test_every_number_has_the_answer_of_its_call(
    machine: str, column: int, apart: set[int]
) -> None:
    refused = {numbers[column] for numbers in seccomp._REFUSED.values()}
    found = {number: decide(machine, number) for number in range(450) if number not in apart}
    assert {number for number, answer in found.items() if answer != ALLOW} == refused - {None}
    assert {found[number] for number in found if number in refused} == {REFUSE}


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 285), ("aarch64", 47)])
def test_room_that_is_never_written_is_not_set_aside(machine: str, number: int) -> None:
    assert decide(machine, number) == 0x00050000 | errno.EOPNOTSUPP


@pytest.mark.parametrize("machine", ARCH)
def test_the_numbers_of_x32_are_killed_and_those_below_are_unknown(machine: str) -> None:
    assert decide(machine, 0x3FFFFFFF) == 0x00050000 | errno.ENOSYS
    assert decide(machine, 0x40000001) == decide(machine, 0xFFFFFFFF) == KILL


def test_the_kernel_is_given_the_whole_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = seccomp.program("x86_64")
    assert len(lines) < 4096  # the kernel takes no more
    monkeypatch.setattr(seccomp, "filter_code", lambda: b"12345678" * 3)
    made = seccomp.filtering()
    assert made is not None
    call, (option, mode, loaded, *rest) = made
    assert callable(call)
    assert (option, mode, rest) == (22, 2, [0, 0])
    assert (loaded._obj.length, loaded._obj.instructions) == (3, b"12345678" * 3)
    monkeypatch.setattr(seccomp, "filter_code", lambda: b"")
    assert seccomp.filtering() is None


def test_a_filter_is_written_as_the_kernel_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def code(machine: str, platform: str = "linux", size: int = 2**63 - 1) -> bytes:
        with monkeypatch.context() as patch:
            patch.setattr("os.uname", lambda: SimpleNamespace(machine=machine))
            patch.setattr("sys.platform", platform)
            patch.setattr("sys.maxsize", size)
            return seccomp.filter_code.__wrapped__()

    lines = [struct.pack("=HBBI", *line) for line in seccomp.program("aarch64")]
    assert code("aarch64") == b"".join(lines)
    assert code("riscv64") == code("x86_64", platform="darwin") == b""
    assert code("x86_64", size=2**31 - 1) == b""  # of 32 bits, whose calls have other numbers
