"""A Dask cluster as an executor: nothing else of liftlab imports Dask."""

from __future__ import annotations

import ipaddress
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from liftlab.errors import EndpointUnreachable, LiftlabError, UsageError

_PATIENCE_S = 20
_UNITS_PER_THREAD = 3
_MISSING = "--cluster needs Dask and cryptography: pip install 'liftlab[cluster]'"
# No pages beside the scheduler and the workers, which nobody asked for; and `dask_setup` below.
LOCAL: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.preload": [__name__],
}


class Cluster(NamedTuple):
    """Workers elsewhere.

    `slots` says how many units of work their executor can be given, `workers` who they are. `on`
    has a function called by one of them and no other, `everywhere` by all at once.
    """

    executor: Executor
    slots: Callable[[], int]
    workers: Callable[[], list[str]]
    on: Callable[..., Future[Any]]
    everywhere: Callable[[Callable[[], object]], object]


@contextmanager
def connected(address: str, warn: Callable[[str], None]) -> Iterator[Cluster]:
    """Connect to a Dask scheduler, or start workers on this machine, and give its executor.

    `address` is `tcp://HOST:PORT`, `tls://HOST:PORT` (TLS is what Dask's own settings say), or
    `local:N` for N processes of this machine. `warn` takes a line for people. Raises UsageError if
    it is none of these or Dask is missing, EndpointUnreachable if nothing answers there or it has
    no worker, LiftlabError if scheduler or workers have another liftlab or Python.
    """
    count = _count(address)
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError(_MISSING) from None
    if count is None and is_open(address):
        warn(
            f"{address} is open: whoever reaches it can run programs on its workers and, by what "
            "comes back, here, as Dask sends pickles; use tls://"
        )
    with ExitStack() as stack:
        try:
            where: Any = address
            if count is not None:
                stack.enter_context(dask.config.set(LOCAL))
                where = stack.enter_context(
                    LocalCluster(
                        n_workers=count,
                        threads_per_worker=1,
                        dashboard_address="127.0.0.1:0",
                        security=True,
                        silence_logs=50,
                    )
                )
            client = stack.enter_context(Client(where, timeout=_PATIENCE_S))
            client.wait_for_workers(1, timeout=_PATIENCE_S)
            versions = client.get_versions(check=False, packages=["liftlab"])
        except TypeError:
            if not address.startswith("tls://"):
                raise
            raise UsageError(
                f"{address}: Dask's settings name no certificates for TLS: docs/scale.md says which"
            ) from None
        except ImportError as error:
            raise UsageError(f"{_MISSING}: {error}") from None
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            kind = LiftlabError if count else EndpointUnreachable
            raise kind(f"{address}: no Dask workers there: {reason[:300]}") from None
        _agree(versions)
        executor = client.get_executor(pure=False)
        # After Ctrl-C nobody may be there to end what is under way.
        stack.callback(executor.shutdown, wait=False)
        yield Cluster(
            executor,
            slots=lambda: _slots(client),
            workers=lambda: list(client.nthreads()),
            on=lambda worker, call, *given: executor.submit(
                call, *given, workers=[worker], allow_other_workers=False
            ),
            everywhere=lambda call: client.run(call, on_error="ignore"),
        )


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the process that asked: Dask calls this when a worker of ours starts."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def is_open(address: str) -> bool:
    """Say whether others than this machine's users can reach a scheduler without a certificate."""
    parts = urlsplit(address)
    try:
        is_here = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = parts.hostname == "localhost"
    return parts.scheme == "tcp" and not is_here


def _count(address: str) -> int | None:
    """Return how many workers are to be started here; None where a scheduler is named."""
    local = re.fullmatch("local:([1-9][0-9]{0,2})", address)
    if local:
        return int(local[1])
    if re.fullmatch(r"(tcp|tls)://[^/\s@]+:[0-9]{1,5}", address):
        return None
    raise UsageError(
        f"--cluster {address[:100]!r}: give tcp://HOST:PORT, tls://HOST:PORT or local:N"
    )


def _agree(versions: Mapping[str, Any]) -> None:
    """Raise LiftlabError unless the scheduler and all workers have our liftlab and our Python."""
    here = _named(versions["client"])
    others = {"the scheduler": versions["scheduler"]} | {
        f"worker {address}": told for address, told in versions["workers"].items()
    }
    wrong = [f"{who} has {_named(told)}" for who, told in others.items() if _named(told) != here]
    if wrong:
        more = f", and {len(wrong) - 1} more differ" if wrong[1:] else ""
        raise LiftlabError(f"{wrong[0]}{more}; here is {here}: use the same everywhere")


def _named(told: Any) -> str:
    if not isinstance(told, Mapping) or "packages" not in told:
        return "unknown versions"
    python = str(told["host"]["python"]).removesuffix(".final.0")
    return f"liftlab {told['packages'].get('liftlab')} on Python {python}"


def _slots(client: Any) -> int:
    try:
        return _UNITS_PER_THREAD * sum(map(int, client.nthreads().values()))
    except OSError:  # the scheduler does not answer just now; its client connects again
        return _UNITS_PER_THREAD
