"""A Dask cluster as an executor."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liftlab import cluster
from liftlab.cluster import connected, is_open
from liftlab.errors import EndpointUnreachable, LiftlabError, UsageError

ROOT = Path(__file__).parents[1]
HERE = {"host": {"python": "3.11.7.final.0"}, "packages": {"liftlab": "0.2.0"}}


def told(python: str, liftlab: str | None) -> dict[str, Any]:
    return {"host": {"python": python}, "packages": {"liftlab": liftlab}}


def test_dask_is_imported_in_one_place_when_it_is_used() -> None:
    asks = re.compile(r"^\s*(?:import|from) +(?:dask|distributed)\b", re.MULTILINE)
    files = (ROOT / "liftlab").rglob("*.py")
    asking = {str(path.relative_to(ROOT)) for path in files if asks.search(path.read_text())}
    assert asking == {"liftlab/cluster.py"}
    script = (
        "import sys, liftlab.cluster, liftlab.grading.samples, liftlab.cli.grade, liftlab.cli.load;"
        "sys.exit(bool({'dask', 'distributed'} & {*sys.modules}))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_dask_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(UsageError, match=r"liftlab\[cluster\]"), connected("local:2", print):
        pass


@pytest.mark.parametrize(
    "address",
    ["", "local", "local:0", "local:-1", "tcp:1", "tcp://a", "http://a:1", "a:8786", "tcp://u@a:1"],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="--cluster"), connected(address, print):
        pass


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tcp://10.0.0.5:8786", True),
        ("tcp://scheduler:8786", True),
        ("tcp://[2001:db8::1]:8786", True),
        ("tls://10.0.0.5:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://127.0.0.9:8786", False),
        ("tcp://[::1]:8786", False),
        ("tcp://127.0.0.1.example.com:8786", True),
    ],
)
def test_which_schedulers_are_open(address: str, expected: bool) -> None:
    assert is_open(address) == expected


@pytest.mark.parametrize(
    ("scheduler", "workers", "message"),
    [
        (told("3.12.1.final.0", "0.2.0"), {}, "the scheduler has liftlab 0.2.0 on Python 3.12.1;"),
        (HERE, {"tcp://a:1": told("3.11.7.final.0", "0.1.0")}, "tcp://a:1 has liftlab 0.1.0 on"),
        (HERE, {"tcp://a:1": told("3.11.7.final.0", None)}, "worker tcp://a:1 has liftlab None"),
        (HERE, {"a": {}, "b": "gone", "c": HERE}, "worker a has unknown versions, and 1 more"),
    ],
)
def test_versions_that_differ_are_named(
    scheduler: Any, workers: dict[str, Any], message: str
) -> None:
    versions = {"client": HERE, "scheduler": HERE, "workers": {"tcp://b:2": HERE}}
    cluster._agree(versions)
    with pytest.raises(LiftlabError, match=re.escape(message)) as raised:
        cluster._agree(versions | {"scheduler": scheduler, "workers": workers})
    assert "here is liftlab 0.2.0 on Python 3.11.7: use the same everywhere" in str(raised.value)


@pytest.fixture(scope="module")
def schedulers() -> Iterator[dict[str, Any]]:
    """Schedulers with a worker in this process: one that anybody may use, and one with TLS."""
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is missing")
    import dask

    security = distributed.security.Security.temporary()
    how = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "host": "127.0.0.1"}
    how["dashboard_address"] = "127.0.0.1:0"
    with (
        dask.config.set(cluster.LOCAL),
        distributed.LocalCluster(**how, protocol="tcp://") as tcp,
        distributed.LocalCluster(**how, protocol="tls://", security=security) as tls,
    ):
        yield {
            "tcp": tcp.scheduler_address,
            "tls": tls.scheduler_address,
            "settings": {
                "distributed.comm.tls.ca-file": security.tls_ca_file,
                "distributed.comm.tls.client.cert": security.tls_client_cert,
                "distributed.comm.tls.client.key": security.tls_client_key,
            },
        }


def test_a_scheduler_of_this_machine(
    schedulers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    with connected(schedulers["tcp"], warned.append) as found:
        assert found.executor.submit(pow, 2, 5).result() == 32
        assert found.slots() == 6
        [worker] = found.workers()
        assert found.on(worker, pow, 2, 6).result() == 64
    assert warned == []
    monkeypatch.setattr(cluster, "is_open", lambda address: True)
    with connected(schedulers["tcp"], warned.append):
        pass
    [line] = warned
    assert line.startswith(f"{schedulers['tcp']} is open: whoever reaches it can run programs")
    assert "\n" not in line


def test_tls_is_what_dasks_settings_say(schedulers: dict[str, Any]) -> None:
    import dask

    with dask.config.set(schedulers["settings"]), connected(schedulers["tls"], print) as found:
        assert found.executor.submit(pow, 2, 5).result() == 32
    with pytest.raises(UsageError, match="no certificates"), connected(schedulers["tls"], print):
        pass
    gc.collect()  # a client that failed must not be cleared away while another one starts


def test_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is missing")
    monkeypatch.setattr(cluster, "_PATIENCE_S", 0.2)
    warned: list[str] = []
    with (
        pytest.raises(EndpointUnreachable, match="no Dask workers there"),
        connected("tcp://127.0.0.1:9", warned.append),
    ):
        pass
    assert warned == []
