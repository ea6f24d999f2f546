from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import pytest

from liftlab.errors import LiftlabError
from liftlab.sandbox import Sandbox

LEVELS = ("full", "restricted")


def sandbox_at(level: Literal["full", "restricted"], packages: Sequence[str] = ()) -> Sandbox:
    try:
        return Sandbox(level=level, packages=packages)
    except LiftlabError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=LEVELS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox at each level that can be had here."""
    with sandbox_at(request.param) as box:
        yield box


@pytest.fixture(scope="session", params=LEVELS)
def with_numpy(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The same, in which answers may use numpy."""
    with sandbox_at(request.param, ["numpy"]) as box:
        yield box


@pytest.fixture
def restricted(sandbox: Sandbox) -> Sandbox:
    if sandbox.isolation not in ("restricted", "full"):
        pytest.skip(f"isolation is {sandbox.isolation} here")
    return sandbox
