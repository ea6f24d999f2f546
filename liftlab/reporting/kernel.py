"""A Jupyter kernel forked from a process that has imported what notebooks need."""

from __future__ import annotations

import os
import signal
import sys
from importlib.metadata import EntryPoint
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Int

NAME = "liftlab-forked"
# Its warning that loopback is not encrypted tells the reader nothing; nobody asks for the history.
_ARGUMENTS = ("--IPKernelApp.log_level=40", "--HistoryManager.enabled=False")

KernelProvisionerFactory.provisioners[NAME] = EntryPoint(
    NAME, f"{__name__}:ForkedProvisioner", KernelProvisionerFactory.GROUP_NAME
)


class ForkedProvisioner(LocalProvisioner):
    """Starts a kernel by letting a process go on that `standby` has forked.

    Forked before papermill begins: a process with an event loop and sockets is not to be copied.
    """

    standby_pid = Int().tag(config=True)
    standby_pipe = Int().tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Let the process go on as the kernel of the connection that `cmd` ends with."""
        os.write(self.standby_pipe, cmd[-1].encode())
        os.close(self.standby_pipe)
        process: Any = _Forked(self.standby_pid)
        self.process = process
        self.pid = self.pgid = self.standby_pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info


class Kernel(IPythonKernel):
    """Can be interrupted while it executes, and not while it replies.

    Whoever shuts a kernel down interrupts it first, and one that has just sent its last reply
    would complain of that on the terminal.
    """

    def pre_handler_hook(self) -> None:
        """Leave interrupts ignored."""

    post_handler_hook = pre_handler_hook

    async def do_execute(
        self, *args: Any, cell_meta: Any = None, cell_id: Any = None, **kw: Any
    ) -> Any:
        """Execute a cell, which an interrupt ends."""
        execute: Any = super().do_execute
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return await execute(*args, cell_meta=cell_meta, cell_id=cell_id, **kw)
        finally:
            signal.signal(signal.SIGINT, before)


class _Forked:
    """A child process, with what `LocalProvisioner` asks of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._waited(os.WNOHANG)

    def wait(self) -> int | None:
        return self._waited(0)

    def send_signal(self, number: int) -> None:
        if self._code is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _waited(self, how: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, how)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def standby(cwd: str) -> dict[str, Any]:
    """Fork a process that waits to become a kernel; return the kernel spec that starts it."""
    reader, writer = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        os.close(writer)
        _become_kernel(reader, cwd, parent)
    os.close(reader)
    how = {"provisioner_name": NAME, "config": {"standby_pid": pid, "standby_pipe": writer}}
    return {
        "argv": [sys.executable, "{connection_file}"],
        "display_name": "liftlab",
        "language": "python",
        "metadata": {"kernel_provisioner": how},
    }


def _become_kernel(reader: int, cwd: str, parent: int) -> None:
    """Wait for a connection file, and run the kernel to its end; never returns."""
    from ipykernel.kernelapp import IPKernelApp

    code = 1
    try:
        with os.fdopen(reader, "rb") as pipe:
            connection_file = pipe.read().decode()
        if connection_file:  # else the page's process is gone
            os.setsid()
            os.chdir(cwd)
            app: Any = IPKernelApp.instance(
                parent_handle=parent, connection_file=connection_file, kernel_class=Kernel
            )
            app.initialize(list(_ARGUMENTS))
            app.start()
            code = 0
    finally:
        os._exit(code)
