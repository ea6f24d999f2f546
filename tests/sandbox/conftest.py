from __future__ import annotations

from collections.abc import Iterator

import pytest

from liftlab.errors import LiftlabError
from liftlab.sandbox import Sandbox


@pytest.fixture(scope="session", params=["full", "restricted"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox at each level that can be had here."""
    try:
        box = Sandbox(level=request.param)
    except LiftlabError as error:
        pytest.skip(str(error))
    with box:
        yield box


@pytest.fixture
def restricted(sandbox: Sandbox) -> Sandbox:
    if sandbox.isolation not in ("restricted", "full"):
        pytest.skip(f"isolation is {sandbox.isolation} here")
    return sandbox
