"""A small seccomp filter: the system calls that a graded function never needs are refused.

The filter is assembled here, because a binding to libseccomp would be one more thing to
install. Refused calls answer EPERM, so code that tries one gets an ordinary `PermissionError`;
calls newer than this list answer as a kernel does that has none; those of a foreign
architecture kill the process. Numbers are from the kernel's `unistd` headers, for x86-64 and
for 64-bit Arm; on any other machine there is no filter. Standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

# name: (x86-64, 64-bit Arm); None where the architecture does not have the call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # new processes and programs (clone is told apart below: threads are fine)
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    # the network; a socketpair stays possible, because asyncio needs one
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "recvmsg": (47, 212), "recvmmsg": (299, 243),
    # other processes: look, change, signal
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "kill": (62, 129),
    "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "setpgid": (109, 154), "setsid": (112, 157),
    # limits and privileges (prlimit64 is told apart below)
    "setrlimit": (160, 164), "prctl": (157, 167), "seccomp": (317, 277), "capset": (126, 91),
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159),
    "personality": (135, 92),
    # what Landlock does not cover: modes, owners, times and attributes of files
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88), "futimesat": (261, None),
    "truncate": (76, 45),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # memory and queues that outlive the process or escape its memory limit
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "io_setup": (206, 0),
    # signals to itself: SIGKILL would be taken for the kernel's own, for want of memory
    "timer_create": (222, 107),
    # what makes the whole machine wait
    "sync": (162, 81), "syncfs": (306, 267), "sync_file_range": (277, 84),
    "membarrier": (324, 283),
    # the names of files that change elsewhere
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    # the machine
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280),
    "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "userfaultfd": (323, 282), "fanotify_init": (300, 262),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "sethostname": (170, 161),
    "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "acct": (163, 89),
    "quotactl": (179, 60), "syslog": (103, 116), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None), "vhangup": (153, 58),
}  # fmt: skip
_CLONE, _CLONE3 = (56, 220), (435, 435)
# Blocks that were never written are the cheapest; the C library writes them where this is missing.
_FALLOCATE = (285, 47)
_CLONE_THREAD = 0x00010000
# (numbers, which argument, values): refused with one of these. A descriptor with another owner
# sends signals to any process of this user (F_SETOWN, F_SETSIG, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP);
# leases and notices (F_SETLEASE, F_NOTIFY) hold up and watch others. Larger buffers of pipes
# (F_SETPIPE_SZ) and of sockets (setsockopt: SO_SNDBUF, SO_RCVBUF, and both by force) are memory of
# the kernel's, which no limit of the process counts.
_NOT_WITH = (
    ((72, 25), 1, (8, 10, 15, 1024, 1026, 1031)),
    ((16, 29), 1, (0x8901, 0x8902)),
    ((54, 208), 2, (7, 8, 32, 33)),
)
# (numbers, which argument, value): allowed with that value alone. With a new limit prlimit64
# sets it; with an address sendto reaches past the pair it was opened for; a pair of sockets is
# AF_UNIX's.
_ONLY_WITH = (((302, 261), 2, 0), ((44, 206), 4, 0), ((53, 199), 0, 1))

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_UNKNOWN_CALLS = 450  # what Linux 6 has added from here on, and what comes after it
_X32_CALLS = 0x40000000  # the x32 interface of x86-64 counts from here
_LOAD, _EQUALS, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_REFUSE, _NO_SUCH_CALL = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NOT_SUPPORTED = 0x00050000 | errno.EOPNOTSUPP
_INSTRUCTION = struct.Struct("=HBBI")

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def program(machine: str) -> list[Instruction]:
    """Assemble the filter for `machine` ("x86_64" or "aarch64"); empty for any other.

    The call's number is looked up by halves: the kernel tries the filter on every number when
    it is installed, once a run, which took longer than all else with one comparison a call.
    """
    if machine not in _AUDIT_ARCH:
        return []
    column = list(_AUDIT_ARCH).index(machine)
    return [
        (_LOAD, 0, 0, _ARCH),
        (_EQUALS, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_by_halves(_ranges(_answers(column))),
    ]


def _answers(column: int) -> dict[int, list[Instruction]]:
    """Return what is answered to each number that is not simply allowed."""
    refuse: list[Instruction] = [(_RETURN, 0, 0, _REFUSE)]
    answers = {numbers[column]: refuse for numbers in _REFUSED.values()}
    # The C library falls back to clone, whose flags can be read, for its threads.
    answers[_CLONE3[column]] = [(_RETURN, 0, 0, _NO_SUCH_CALL)]
    answers[_FALLOCATE[column]] = [(_RETURN, 0, 0, _NOT_SUPPORTED)]
    answers[_CLONE[column]] = [
        (_LOAD, 0, 0, _ARGUMENTS),
        (_HAS_BITS, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    for only_numbers, argument, value in _ONLY_WITH:
        low = _ARGUMENTS + 8 * argument  # both machines are little-endian
        answers[only_numbers[column]] = [
            (_LOAD, 0, 0, low),
            (_EQUALS, 0, 3, value),
            (_LOAD, 0, 0, low + 4),
            (_EQUALS, 0, 1, 0),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _REFUSE),
        ]
    for refused_numbers, argument, values in _NOT_WITH:
        answers[refused_numbers[column]] = [
            (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),  # the kernel reads no more than these 32 bits
            *((_EQUALS, len(values) - place, 0, value) for place, value in enumerate(values)),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _REFUSE),
        ]
    return {number: answer for number, answer in answers.items() if number is not None}


def _ranges(answers: dict[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """Return each number at which the answer changes, with the answer from there on."""
    allow: list[Instruction] = [(_RETURN, 0, 0, _ALLOW)]
    found = [(0, answers.get(0, allow))]
    for number in sorted({*answers, *(number + 1 for number in answers)} - {0}):
        answer = answers.get(number, allow)
        if answer != found[-1][1]:
            found.append((number, answer))
    unknown: list[Instruction] = [(_RETURN, 0, 0, _NO_SUCH_CALL)]
    return [*found, (_UNKNOWN_CALLS, unknown), (_X32_CALLS, [(_RETURN, 0, 0, _KILL)])]


def _by_halves(ranges: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below, above = _by_halves(ranges[:middle]), _by_halves(ranges[middle:])
    return [(_AT_LEAST, len(below), 0, ranges[middle][0]), *below, *above]


def filtering() -> tuple[Callable[..., int], tuple[Any, ...]] | None:
    """Return a function and its arguments; the call answers 0 once the filter is in force.

    It holds for the process and its threads, for good. None where there is no filter. Whoever
    calls it must have set `no_new_privs`.
    """
    code = filter_code()
    if not code:
        return None
    loaded = _Filter(len(code) // _INSTRUCTION.size, code)
    # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    return ctypes.CDLL(None).prctl, (22, 2, ctypes.byref(loaded), 0, 0)


@cache
def filter_code() -> bytes:
    """Return the filter of this machine as the kernel reads it; empty where there is none."""
    if not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        return b""
    return b"".join(_INSTRUCTION.pack(*line) for line in program(os.uname().machine))
