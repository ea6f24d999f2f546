"""Walls around the worker itself: namespaces made by bubblewrap, where it is installed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HOW_TO_INSTALL = "install bubblewrap (on Debian and Ubuntu: apt-get install bubblewrap)"
INNER_SCRATCH = "/tmp/liftlab/scratch"  # noqa: S108 -- on the namespace's own tmpfs
INNER_PACKAGE = "/liftlab"
_SYSTEM_FOLDERS = ("/bin", "/lib", "/lib32", "/lib64", "/nix/store")
_TMPFS_BYTES = 256 * 1024 * 1024


def bubblewrap(
    python: str, package: Path, environment: Mapping[str, str], folders: Sequence[str] = ()
) -> list[str] | None:
    """Return the command that starts `python` inside walls, None without bubblewrap.

    Inside are the interpreter, the system's libraries, `folders` and the worker's own code of the
    folder `package`, all to be read only, and an empty `/tmp`: no network, no other process, no
    home, no `/etc`. The worker gets no variables beside `environment`.
    """
    program = shutil.which("bwrap") if sys.platform.startswith("linux") else None
    if program is None:
        return None
    # Left out on purpose: `--die-with-parent` would kill the worker at the end of the *thread*
    # that started it (the worker ends when its input does), and `--new-session` would hide it
    # from the signal to its group (it has no terminal: its caller starts a session for it).
    command = [program, "--unshare-all", "--cap-drop", "ALL", "--clearenv"]
    for name, value in environment.items():
        command += ["--setenv", name, value]
    command += ["--size", str(_TMPFS_BYTES), "--tmpfs", "/tmp"]  # noqa: S108
    command += ["--dir", INNER_SCRATCH, "--proc", "/proc", "--dev", "/dev"]
    for folder in ("/usr", *_SYSTEM_FOLDERS):
        if os.path.islink(folder):
            command += ["--symlink", os.readlink(folder), folder]
        else:
            command += ["--ro-bind-try", folder, folder]
    interpreter = os.path.realpath(python)
    prefixes = {str(Path(interpreter).parent.parent)}
    if interpreter == os.path.realpath(sys.executable):
        prefixes |= {os.path.realpath(path) for path in (sys.base_prefix, sys.base_exec_prefix)}
    own = {path for path in prefixes if not path.startswith("/usr/")} - {"/", "/usr"}
    for folder in sorted({*own, *folders}):
        command += ["--ro-bind-try", folder, folder]
    compiled = sorted(package.glob("__pycache__/values.*.pyc"))  # else each worker does it anew
    for part in (package / "values.py", package / "sandbox", *compiled):
        inside = f"{INNER_PACKAGE}/{part.relative_to(package)}"
        command += ["--ro-bind", str(part), inside]
    return [*command, "--chdir", "/", "--", interpreter]
