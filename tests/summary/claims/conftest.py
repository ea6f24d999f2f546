"""The claims of the published day."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.summary.claims import Claim
from liftlab.summary.claims.file import read

CLAIMS = Path(__file__).parents[3] / "data" / "reference" / "claims.toml"


@pytest.fixture(scope="session")
def published_claims() -> dict[str, Claim]:
    return {claim.id: claim for claim in read(CLAIMS).claims}
