"""The row of a run: who measured what, with which versions."""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import liftlab
from liftlab.endpoints.base import Sampling
from liftlab.records import Run
from liftlab.settings import OMIT, EndpointSettings, Project
from liftlab.store import new_run_id


def run_row(
    project: Project, endpoint: EndpointSettings, sampling: Sampling, *, seed: int, **facts: Any
) -> Run:
    """Return the row of a run that begins now.

    `project`, `endpoint`, `sampling`, `seed`: what the run is made with. `facts`: further columns
    of `liftlab.records.Run`.
    """
    now = datetime.now(UTC)
    extra = {**sampling.extra, **endpoint.body}
    return Run(
        run_id=new_run_id(now, random.SystemRandom()),
        endpoint=endpoint.name,
        protocol=endpoint.protocol,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        sampling_seed=seed,
        sampling_extra=json.dumps(extra, sort_keys=True),
        started_at=now.isoformat(),
        time_scale=endpoint.time_scale if endpoint.serve == "simulator" else None,
        settings_sha256=project.settings_sha256(),
        liftlab_version=liftlab.__version__,
        git_commit=_git_commit(project.root),
        python=platform.python_version(),
        platform=platform.platform(),
        provenance="measured",
        **facts,
    )


def sampling_of(project: Project, endpoint: EndpointSettings) -> Sampling:
    """Return how answers are drawn: command line, then the endpoint's values, then `[sampling]`."""
    told = project.settings.sampling
    values: dict[str, Any] = told.model_dump()
    for name in ("temperature", "top_p", "max_tokens"):
        own = getattr(endpoint, name)
        if own not in (None, OMIT) and project.origins.get(f"sampling.{name}") != "command line":
            values[name] = own
    return Sampling(**values)


def _git_commit(root: Path) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
