"""The endpoint under a run: its log is kept, and never hides what went wrong before."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from liftlab.errors import StorageFailed
from liftlab.runner import endpoint_lifecycle
from liftlab.settings import EndpointSettings

OURS = EndpointSettings(name="ours", serve="simulator")


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server that has written a log."""
    log = tmp_path / "log.jsonl"
    log.write_text("{}\n")
    running = SimpleNamespace(url="http://127.0.0.1:1", request_log=log)
    monkeypatch.setattr(endpoint_lifecycle, "_server_of", lambda endpoint: nullcontext(running))
    return log


def full(log: Path) -> None:
    raise StorageFailed("log: no space left")


def test_the_log_is_kept_however_a_run_ends(server: Path) -> None:
    kept: list[Path] = []
    with endpoint_lifecycle.serving(OURS, kept.append) as endpoint:
        assert (endpoint.serve, endpoint.base_url) == (None, "http://127.0.0.1:1")
    with pytest.raises(KeyboardInterrupt), endpoint_lifecycle.serving(OURS, kept.append):
        raise KeyboardInterrupt
    assert kept == [server, server]


def test_what_went_wrong_first_is_what_a_person_hears() -> None:
    with pytest.raises(StorageFailed, match="journal"), endpoint_lifecycle.serving(OURS, full):
        raise StorageFailed("journal: no space left; finish with --resume")
    with pytest.raises(StorageFailed, match="log"), endpoint_lifecycle.serving(OURS, full):
        pass
